"""`cohortmart forget`: withdrawal of consent."""

import typer


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
