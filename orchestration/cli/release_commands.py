"""`cohortmart releases`, `verify`, `diff`, `rollback`, `prune`: what to do with releases."""

from enum import StrEnum
from typing import Annotated

import typer

from orchestration.cli.arguments import Home, settings_of


class ListFormat(StrEnum):
    """How a list or a comparison is written."""

    TABLE = "table"
    JSON = "json"


Format = Annotated[ListFormat, typer.Option("--format", "-f", help="How to write it.")]
Wait = Annotated[
    float, typer.Option(min=0, help="Seconds to wait while another process changes the warehouse.")
]


def _refuse_empty(release: str | None, command: str) -> None:
    """Refuse an empty name: a variable of the shell that is not set would mean another release."""
    if release is not None and not release.strip():
        from orchestration.cli.terminal import fail  # noqa: PLC0415

        raise typer.Exit(
            fail(f"The release is an empty text: give its id, or nothing at all (`cohortmart {command}`).")
        )


def releases(output_format: Format = ListFormat.TABLE, home: Home = None) -> None:
    """List the releases, the newest last."""
    from orchestration.cli.releases import run_releases  # noqa: PLC0415

    raise typer.Exit(run_releases(settings_of(home), as_json=output_format is ListFormat.JSON))


def verify(
    release: Annotated[
        str | None, typer.Argument(help="Id of a release or its beginning (default: the current one).")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Verify every release.")] = False,
    home: Home = None,
) -> None:
    """Verify every hash of a release and the ledger; status 0 whole, 1 damaged, 2 nothing to verify."""
    from orchestration.cli.verify import run_verify  # noqa: PLC0415

    _refuse_empty(release, "verify")
    raise typer.Exit(run_verify(settings_of(home), release or "", every=every))


def diff(
    before: Annotated[str, typer.Argument(help="Id of a release or its beginning, or `current`.")],
    after: Annotated[str, typer.Argument(help="The release to compare it with.")] = "current",
    *,
    table: Annotated[str, typer.Option(help="Compare this table only, such as survival.curve.")] = "",
    limit: Annotated[int, typer.Option(min=0, help="How many rows and estimates to show.")] = 10,
    output_format: Format = ListFormat.TABLE,
    home: Home = None,
) -> None:
    """Say what changed between two releases; status 0 nothing, 1 something, 2 cannot be compared."""
    from orchestration.cli.diff_view import run_diff  # noqa: PLC0415

    as_json = output_format is ListFormat.JSON
    raise typer.Exit(run_diff(settings_of(home), (before, after), table, limit, as_json=as_json))


def rollback(
    release: Annotated[
        str | None,
        typer.Argument(
            help="Id of the release to return to, or its beginning (default: the one before the current)."
        ),
    ] = None,
    wait: Wait = 0,
    home: Home = None,
) -> None:
    """Make an earlier release the current one again, after verifying it."""
    from orchestration.cli.manage_releases import run_rollback  # noqa: PLC0415

    _refuse_empty(release, "rollback")
    raise typer.Exit(run_rollback(settings_of(home), release or "", wait))


def prune(
    keep: Annotated[int, typer.Option(help="How many of the newest releases to keep.")],
    wait: Wait = 0,
    home: Home = None,
) -> None:
    """Remove old releases; never the current one nor a locked one."""
    from orchestration.cli.manage_releases import run_prune  # noqa: PLC0415

    raise typer.Exit(run_prune(settings_of(home), keep, wait))


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (releases, verify, diff, rollback, prune):
        app.command()(command)
