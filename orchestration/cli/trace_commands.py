"""`cohortmart trace`: why a participant has the outcome that is released."""

from enum import StrEnum
from typing import Annotated

import typer

from orchestration.cli.arguments import Home, settings_of


class TraceFormat(StrEnum):
    """How a trace is written."""

    TABLE = "table"
    JSON = "json"


def trace(
    study: Annotated[str, typer.Argument(help="A study, such as moertel-colon.")],
    participant: Annotated[str, typer.Argument(help="A participant: their own id, or their pseudonym.")],
    endpoint: Annotated[str, typer.Argument(help="An endpoint of the study, such as OS.")],
    *,
    policy: Annotated[str, typer.Option(help="A censoring policy of the study.")] = "primary",
    release: Annotated[
        str, typer.Option(help="A release: its id, the beginning of one, or current.")
    ] = "current",
    output_format: Annotated[
        TraceFormat, typer.Option("--format", "-f", help="How to write.")
    ] = TraceFormat.TABLE,
    every: Annotated[
        bool, typer.Option("--all", help="Show every record; runs of contacts are folded otherwise.")
    ] = False,
    home: Home = None,
) -> None:
    """Show why a participant has an outcome; status 1 if the records give another than the released one."""
    from orchestration.cli.trace import run_trace  # noqa: PLC0415
    from orchestration.trace.derivation import Selection  # noqa: PLC0415

    wanted = Selection(study, participant, endpoint, policy)
    raise typer.Exit(run_trace(settings_of(home), wanted, release, output_format, fold=not every))


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(trace)
