"""`cohortmart trace`: why a participant has the outcome that is released."""

import typer


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
