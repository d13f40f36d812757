"""`cohortmart forget`: withdrawal of consent."""

import time
from typing import Annotated

import typer

from orchestration.cli.arguments import Home, settings_of

_STARTED = time.perf_counter()


def add_to(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command()
    def forget(
        study: Annotated[str, typer.Argument(help="The study_id.")],
        participant: Annotated[
            str,
            typer.Argument(
                help="The participant_id as the package writes it, a pseudonym of a release, or - to read it"
                " from standard input, which keeps it out of the shell's history."
            ),
        ],
        despite_lock: Annotated[
            str, typer.Option(help="Why a locked release may be removed; the ledger keeps it: name nobody.")
        ] = "",
        home: Home = None,
    ) -> None:
        """Take a participant who withdrew consent out of everything that is kept, and build without them."""
        from orchestration.cli.forget import run_forget  # noqa: PLC0415

        name = typer.get_text_stream("stdin").readline() if participant == "-" else participant
        settings = settings_of(home, despite_lock=despite_lock)
        raise typer.Exit(run_forget(settings, study, name, _STARTED))
