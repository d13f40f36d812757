"""`cohortmart export`: a release for readers who may not see participants."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.arguments import Home, settings_of


class ProfileName(StrEnum):
    """For whom an export is; the words of `orchestration.privacy.export.Profile`, which is slow to import."""

    SAFE_HARBOR = "safe-harbor"
    AGGREGATE = "aggregate"
    SHIFTED = "shifted"


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("export")(export)


def export(
    profile: Annotated[
        ProfileName,
        typer.Option(
            help="safe-harbor: rows of participants without identifiers; aggregate: counts, none of 1 to 10; "
            "shifted: pseudonyms and shifted dates, which is not Safe Harbor."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write; must be empty or absent.")],
    release: Annotated[
        str, typer.Option(help="The release: its id, the beginning of it, or current.")
    ] = "current",
    study: Annotated[
        list[str] | None, typer.Option(help="Id of a study; may be repeated (default: all studies).")
    ] = None,
    home: Home = None,
) -> None:
    """Write a release as Parquet for readers who may not see who took part."""
    from orchestration.cli.export import run_export  # noqa: PLC0415

    raise typer.Exit(run_export(settings_of(home), profile.value, output, release, study or []))
