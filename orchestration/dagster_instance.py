"""Dagster's own home: where the runs of the command line, the UI and the schedule are recorded."""

import dagster as dg

from orchestration.settings import Settings

_INSTANCE_SETTINGS = """\
telemetry:
  enabled: false
nux:
  enabled: false
"""


def prepare_home(settings: Settings) -> None:
    """Make Dagster's home, with its settings, when it is not there."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    configuration = settings.dagster_home / "dagster.yaml"
    if not configuration.exists():
        configuration.write_text(_INSTANCE_SETTINGS, encoding="utf-8")


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """Open the instance in the warehouse's home, so that the UI shows what the command ran."""
    prepare_home(settings)
    return dg.DagsterInstance.from_config(str(settings.dagster_home))
