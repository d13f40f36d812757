"""`cohortmart releases`, `verify`, `diff`, `rollback`, `prune`: what to do with releases."""

import typer


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
