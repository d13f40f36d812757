"""Who somebody is, kept out of what is handed on: pseudonyms, and exports that hold no identifiers.

Here: what turns identifiers into pseudonyms, and what leaves out, coarsens or suppresses on the way out of a
release. Not here: which column tells who somebody is, which is the contract's to say (`schemas.privacy`).
"""
