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
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_PROJECT_DIR": str(PROJECT),
        "DBT_TARGET_PATH": target,
        "DBT_LOG_PATH": target,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PYTHONUNBUFFERED": "1",
    }


@cache
def read_manifest(settings: Settings) -> dict[str, Any]:
    """Read dbt's manifest, parsing the project first when it or dbt has changed.

    Raises:
        RuntimeError: dbt cannot parse the project; the message is dbt's.
    """
    target = settings.dbt_target
    stamp, manifest = target / "parsed_from", target / "manifest.json"
    wanted = f"{version('dbt-core')} {source_hash('transforms', 'seeds/reference')}"
    if not (manifest.exists() and stamp.exists() and stamp.read_text() == wanted):
        target.mkdir(parents=True, exist_ok=True)
        parsed = subprocess.run(
            [dbt_executable(), "--quiet", "parse"],
            env=dbt_environment(settings),
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
        if parsed.returncode:
            raise RuntimeError(f"dbt cannot parse {PROJECT}:\n{parsed.stdout}{parsed.stderr}")
        stamp.write_text(wanted)
    content: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
    return content
