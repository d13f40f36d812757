"""What several commands take: the home of the warehouse, and the settings that follow from it."""

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from orchestration.settings import Settings

Home = Annotated[
    Path | None,
    typer.Option(help="Folder of the warehouse (default: $COHORTMART_HOME or ./data).", file_okay=False),
]


def settings_of(home: Path | None, studies: list[Path] | None = None, **more: Any) -> Settings:
    """Read the settings of a command: what it was given goes before the environment.

    Raises:
        typer.Exit: a setting cannot be read; each is named on standard error.
    """
    given: dict[str, Any] = {name: value for name, value in more.items() if value}
    if home is not None:
        given["home"] = home
    if studies:
        given["studies"] = tuple(studies)
    try:
        return Settings(**given)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            name = str(problem["loc"][-1])
            source = f"--{name.replace('_', '-')}" if name in given else f"COHORTMART_{name.upper()}"
            typer.echo(f"{source}: {problem['msg'].removeprefix('Value error, ')}", err=True)
        raise typer.Exit(2) from None
