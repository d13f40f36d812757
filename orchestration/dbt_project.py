"""The dbt project: its kept manifest, and running it."""

import json
import os
import subprocess
import sys
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


def dbt_executable() -> str:
    """The `dbt` beside this interpreter."""
    return str(Path(sys.executable).with_name("dbt"))


def dbt_environment(settings: Settings) -> dict[str, str]:
    """Environment variables under which dbt works on a warehouse's build database."""
    target = str(settings.dbt_target)
    return {
        **os.environ,
        _DATABASE_VARIABLE: str(settings.build_database),
        "COHORTMART_THREADS": str(settings.threads),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_PROJECT_DIR": str(PROJECT),
        "DBT_TARGET_PATH": target,
        "DBT_LOG_PATH": target,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PYTHONUNBUFFERED": "1",
    }


def _wanted_stamp() -> str:
    return f"{version('dbt-core')} {source_hash('transforms', 'seeds/reference')}"


@cache
def start_parsing(settings: Settings) -> subprocess.Popen[str] | None:
    """Start `dbt parse` when the project or dbt has changed since the kept manifest was made.

    It takes seconds in a process of its own: start it before the slow imports of a build.

    Returns:
        The process, or None when the kept manifest is good.
    """
    target = settings.dbt_target
    stamp = target / "parsed_from"
    if (target / "manifest.json").exists() and stamp.exists() and stamp.read_text() == _wanted_stamp():
        return None
    target.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [dbt_executable(), "--quiet", "parse"],
        env=dbt_environment(settings),
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@cache
def read_manifest(settings: Settings) -> dict[str, Any]:
    """Read dbt's manifest, parsing the project first when it or dbt has changed.

    Raises:
        RuntimeError: dbt cannot parse the project; the message is dbt's.
    """
    target = settings.dbt_target
    if parsing := start_parsing(settings):
        said, _ = parsing.communicate()
        if parsing.returncode:
            raise RuntimeError(f"dbt cannot parse {PROJECT}:\n{said}")
        (target / "parsed_from").write_text(_wanted_stamp())
    content: dict[str, Any] = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    return content
