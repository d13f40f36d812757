"""`cohortmart lock` and `unlock`: a release as a database lock."""

import typer


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
