"""From a finished build to an immutable release: copying, hashing, Parquet, manifest, report, pointer.

Nothing here decides what a number is; it publishes what the build holds or nothing at all.
"""
