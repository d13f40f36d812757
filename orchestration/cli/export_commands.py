"""`cohortmart export`: a release for readers who may not see participants."""

import typer


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
