"""Dagster assets and checks, one module for each step of the flow.

Belongs here: what depends on what, metadata for the UI, which failure stops the run. The work itself is
in the modules these call.
"""
