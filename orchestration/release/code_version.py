"""Which code and which libraries made a release."""

import hashlib
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

import orchestration

_PROJECT = Path(orchestration.__file__).parents[1]
_SOURCE_FOLDERS = ("orchestration", "schemas", "seeds", "transforms")
_SOURCE_KINDS = {".py", ".sql", ".yml", ".yaml", ".csv", ".json", ".md", ".jinja"}

# The libraries a number can depend on.
_PACKAGES = (
    "cohortmart",
    "dagster",
    "dataframely",
    "dbt-core",
    "dbt-duckdb",
    "duckdb",
    "great-expectations",
    "greenwood",
    "numpy",
    "polars",
    "pyarrow",
)


def source_hash(*folders: str) -> str:
    """Hash the names and contents of the source files under the named top-level folders (sha256)."""
    digest = hashlib.sha256()
    for folder in sorted(folders):
        for path in sorted((_PROJECT / folder).rglob("*")):
            if path.suffix in _SOURCE_KINDS and "target" not in path.parts:
                digest.update(f"{path.relative_to(_PROJECT).as_posix()}\n".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def code_version() -> str:
    """Version of cohortmart and hash of its sources: an edited checkout has a version of its own."""
    return f"{version('cohortmart')}+{source_hash(*_SOURCE_FOLDERS)[:12]}"


def package_versions() -> dict[str, str]:
    """Versions of Python and of the libraries a number can depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}
