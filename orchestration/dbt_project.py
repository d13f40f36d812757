"""The dbt project: its kept manifest, and running it."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import transforms
from orchestration.release.code_version import source_hash
from orchestration.settings import Settings

PROJECT = Path(transforms.__file__).parent

# dbt forgets its parsed project when a value that the profile reads has changed, so the path of the
# build database is the same for every run of a warehouse.
_DATABASE_VARIABLE = "COHORTMART_BUILD_DB"

# The manifest as it was parsed.
_MANIFEST = "parsed.json"
_STAMP_DIGITS = 16
# Nobody parses for so long, or builds.
_SECONDS_IN_USE = 24 * 3600
# dbt sees pseudonyms only: a key that it does not have it cannot log.
_KEY_VARIABLE = "COHORTMART_PSEUDONYM_KEY"


def dbt_executable() -> str:
    """The `dbt` beside this interpreter."""
    return str(Path(sys.executable).with_name("dbt"))


def target_folder(settings: Settings) -> Path:
    """Where dbt keeps what it made of the present project: other code has another folder, beside it."""
    return settings.dbt_target / _stamp()


def dbt_environment(settings: Settings, target: Path | None = None) -> dict[str, str]:
    """Environment variables under which dbt works on a warehouse's build database."""
    folder = str(target or target_folder(settings))
    return {
        **{name: value for name, value in os.environ.items() if name != _KEY_VARIABLE},
        _DATABASE_VARIABLE: str(settings.build_database),
        "COHORTMART_THREADS": str(settings.threads),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_PROJECT_DIR": str(PROJECT),
        "DBT_TARGET_PATH": folder,
        "DBT_LOG_PATH": folder,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PYTHONUNBUFFERED": "1",
    }


@cache
def _stamp() -> str:
    """Name the project and the dbt that a manifest is made of."""
    made_of = f"{version('dbt-core')} {source_hash('transforms', 'seeds/reference')}"
    return hashlib.sha256(made_of.encode()).hexdigest()[:_STAMP_DIGITS]


@dataclass(frozen=True)
class Parsing:
    """A `dbt parse` under way, in a folder of its own: two commands that begin at once do not meet."""

    process: subprocess.Popen[str]
    folder: Path


@cache
def start_parsing(settings: Settings) -> Parsing | None:
    """Start `dbt parse` when the project or dbt has changed since the kept manifest was made.

    It takes seconds in a process of its own: start it before the slow imports of a build.

    Returns:
        What is under way, or None when the kept manifest is good.
    """
    if (target_folder(settings) / _MANIFEST).exists():
        return None
    settings.dbt_target.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".parsing-", dir=settings.dbt_target))
    process = subprocess.Popen(
        [dbt_executable(), "--quiet", "parse"],
        env=dbt_environment(settings, folder),
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Parsing(process, folder)


@cache
def read_manifest(settings: Settings) -> dict[str, Any]:
    """Read dbt's manifest, parsing the project first when it or dbt has changed.

    Raises:
        RuntimeError: dbt cannot parse the project; the message is dbt's.
    """
    if parsing := start_parsing(settings):
        _finish(parsing, target_folder(settings))
    try:
        return _read(settings)
    except ValueError:
        # Damaged since: it is derived, and made again.
        shutil.rmtree(target_folder(settings), ignore_errors=True)
        start_parsing.cache_clear()
        if parsing := start_parsing(settings):
            _finish(parsing, target_folder(settings))
        return _read(settings)


def _read(settings: Settings) -> dict[str, Any]:
    manifest = target_folder(settings) / _MANIFEST
    content: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
    return content


def _finish(parsing: Parsing, target: Path) -> None:
    """Wait for dbt and put what it made in its place, unless another command was there first."""
    said, _ = parsing.process.communicate()
    try:
        if parsing.process.returncode:
            raise RuntimeError(f"dbt cannot parse {PROJECT}:\n{said}")
        # A build writes dbt's own file again while other commands read.
        shutil.copyfile(parsing.folder / "manifest.json", parsing.folder / _MANIFEST)
        with contextlib.suppress(OSError):
            parsing.folder.rename(target)
        if not (target / _MANIFEST).exists():
            # dbt ran there before anything was parsed.
            (parsing.folder / _MANIFEST).replace(target / _MANIFEST)
    finally:
        shutil.rmtree(parsing.folder, ignore_errors=True)


def remove_stale_parses(settings: Settings) -> None:
    """Remove what dbt made of other code, and what a killed command left; call it as the one that builds."""
    for folder in settings.dbt_target.iterdir():
        if folder.name != _stamp() and time.time() - folder.stat().st_mtime > _SECONDS_IN_USE:
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.is_dir():
                folder.unlink(missing_ok=True)
