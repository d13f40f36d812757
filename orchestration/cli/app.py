"""The subcommands and their arguments."""

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli import (
    export_commands,
    forget_commands,
    lock_commands,
    release_commands,
    trace_commands,
)
from orchestration.cli.arguments import Home, settings_of

_STARTED = time.perf_counter()

app = typer.Typer(
    name="cohortmart",
    help="From trial and survivorship records to survival and recurrence marts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
simulate_app = typer.Typer(no_args_is_help=True, help="Write a simulated study package.")
app.add_typer(simulate_app, name="simulate")


class OutputFormat(StrEnum):
    """How `cohortmart sql` writes its answer."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


@app.command()
def build(
    study: Annotated[
        list[Path] | None,
        typer.Option(help="A study package; may be repeated (default: the studies that ship)."),
    ] = None,
    *,
    data_cutoff: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="Rebuild the analysis of an earlier day: nothing after it counts, in every study whose own"
            " cutoff is later. With nominal dates it is a day of the study's made-up calendar.",
        ),
    ] = None,
    inputs_of: Annotated[
        str | None,
        typer.Option(
            metavar="RELEASE",
            help="Build the packages of a release again (current or its id); a --study takes the place of the"
            " package of the same study.",
        ),
    ] = None,
    despite_lock: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Why a locked study may change; the ledger keeps the reason."),
    ] = None,
    wait: Annotated[
        float,
        typer.Option(min=0, metavar="SECONDS", help="How long to wait for whoever changes the warehouse."),
    ] = 0,
    home: Home = None,
) -> None:
    """Build the studies into a new release and print what it says."""
    from orchestration.cli.interruption import Interruption  # noqa: PLC0415

    settings = settings_of(
        home, study, data_cutoff=data_cutoff, inputs_of=inputs_of, despite_lock=despite_lock
    )
    interruption = Interruption()
    interruption.watch(settings.current)
    from orchestration.dbt_project import start_parsing  # noqa: PLC0415

    start_parsing(settings)
    from orchestration.cli.build import run_build  # noqa: PLC0415

    raise typer.Exit(run_build(settings, interruption, _STARTED, wait_seconds=wait))


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="Folder of a study package, with its study.yaml.")],
) -> None:
    """Validate a study package; status 0 clean, 1 rows set aside, 2 unreadable."""
    from orchestration.cli.check import run_check  # noqa: PLC0415

    raise typer.Exit(run_check(path, settings_of(None).threads))


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One SQL query over the current release, read-only.")],
    output_format: Annotated[
        OutputFormat | None,
        typer.Option("--format", "-f", help="How to write (default: by the file's name, else a table)."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write (needed for Parquet).")
    ] = None,
    home: Home = None,
) -> None:
    """Query the current release."""
    from orchestration.cli.sql import run_sql  # noqa: PLC0415

    raise typer.Exit(run_sql(settings_of(home), query, output_format, output))


@app.command()
def tables(
    name: Annotated[str | None, typer.Argument(help="A table, such as survival.curve.")] = None,
    home: Home = None,
) -> None:
    """List the tables of the current release, or the columns of one."""
    from orchestration.cli.describe import run_tables  # noqa: PLC0415

    raise typer.Exit(run_tables(settings_of(home), name))


@app.command()
def contract(
    record: Annotated[
        str | None,
        typer.Argument(help="A record type, such as follow_up; study, for study.yaml; or analytes."),
    ] = None,
) -> None:
    """List what a study package may hold, or the columns of a record type."""
    from orchestration.cli.describe import run_contract  # noqa: PLC0415

    raise typer.Exit(run_contract(record))


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port of the web interface.")] = 3000,
    home: Home = None,
) -> None:
    """Open Dagster's web interface and run its schedules."""
    from orchestration.cli.ui import run_ui  # noqa: PLC0415

    raise typer.Exit(run_ui(settings_of(home), port))


@simulate_app.command("challenge")
def simulate_challenge(
    participants: Annotated[int, typer.Option(min=2, help="Participants, both arms together.")],
    out: Annotated[Path, typer.Option(help="Folder to write; must be empty or absent.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bytes.")] = 0,
) -> None:
    """Simulate CHALLENGE (CO.21): exercise against health education after colon cancer."""
    from orchestration.cli.simulate import run_simulate  # noqa: PLC0415

    raise typer.Exit(run_simulate(participants, seed, out))


for more in (release_commands, lock_commands, trace_commands, export_commands, forget_commands):
    more.add_to(app)
