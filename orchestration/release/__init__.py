"""Releases: from a finished build to an immutable folder, and what may be done with it after that.

Belongs here: copying, hashing, Parquet, manifest, report and pointer; finding, verifying and comparing
releases, returning to one, removing old ones. Nothing here decides what a number is; it publishes what the
build holds or nothing at all.
"""
