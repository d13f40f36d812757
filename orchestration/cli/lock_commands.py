"""`cohortmart lock` and `unlock`: a release as a database lock."""

from typing import Annotated

import typer

from orchestration.cli.arguments import Home, settings_of
from orchestration.cli.release_commands import Wait
from orchestration.settings import Settings

_Release = Annotated[str, typer.Argument(help="A release: current, its id, or the beginning of its id.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command()
    def lock(
        release: _Release,
        reason: Annotated[str, typer.Option(help="Why; the ledger keeps it, so name nobody.")] = "",
        wait: Wait = 0,
        home: Home = None,
    ) -> None:
        """Freeze a release: the packages of its studies may not change without a reason."""
        raise typer.Exit(run_lock(settings_of(home), release, reason, wait))

    @app.command()
    def unlock(
        release: _Release,
        reason: Annotated[str, typer.Option(help="Why; the ledger keeps it, so name nobody.")],
        wait: Wait = 0,
        home: Home = None,
    ) -> None:
        """End the lock of a release."""
        raise typer.Exit(run_unlock(settings_of(home), release, reason, wait))


def run_lock(settings: Settings, which: str, reason: str, wait_seconds: float = 0) -> int:
    """Enter in the ledger that a release is locked, and print what that means.

    Returns:
        Exit status: 0 it is locked, now or before; 1 refused, for another process is at work; 2 it cannot be.
    """
    from orchestration import ledger  # noqa: PLC0415
    from orchestration.cli.terminal import fail, terminal  # noqa: PLC0415
    from orchestration.consent.forget import holds_withdrawn  # noqa: PLC0415
    from orchestration.deliveries.database_lock import locks, plain_reason  # noqa: PLC0415
    from orchestration.release.read import (  # noqa: PLC0415
        DamagedReleaseError,
        NoReleaseError,
        find_release,
    )
    from orchestration.warehouse_lock import WarehouseBusyError, hold  # noqa: PLC0415

    ledger.set_command("cohortmart lock")
    try:
        # First without the lock of the warehouse, which makes a home where there is none.
        find_release(settings, which)
        with hold(settings, "lock a release", wait_seconds, terminal().print):
            release = find_release(settings, which)
            if holds_withdrawn(settings, release.release_id):
                return fail(
                    f"{release.release_id} holds a participant who has withdrawn and will be removed:"
                    " run `cohortmart build`, then lock the release that it makes."
                )
            standing = locks(settings).get(release.release_id)
            inputs = {given["study_id"]: given["package_sha256"] for given in release.manifest["inputs"]}
            entry = standing or ledger.append(
                settings.ledger,
                "lock",
                release_id=release.release_id,
                reason=plain_reason(reason),
                inputs=inputs,
            )
    except (NoReleaseError, DamagedReleaseError, WarehouseBusyError) as error:
        cannot = fail(str(error))
        return 1 if isinstance(error, WarehouseBusyError) else cannot
    since = f"is locked since {entry['at']} already" if standing else "is locked"
    terminal().print(
        f"{release.release_id} {since}: the packages of {', '.join(inputs)} may not change."
        f" `cohortmart unlock {release.release_id} --reason REASON` ends it.",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    return 0


def run_unlock(settings: Settings, which: str, reason: str, wait_seconds: float = 0) -> int:
    """Enter in the ledger that a release is no longer locked; one that is damaged can be unlocked too.

    Returns:
        Exit status: 0 it is unlocked; 1 refused, for another process is at work; 2 it is not locked, or no
        reason was given.
    """
    from orchestration import ledger  # noqa: PLC0415
    from orchestration.cli.terminal import fail, terminal  # noqa: PLC0415
    from orchestration.deliveries.database_lock import locks, plain_reason  # noqa: PLC0415
    from orchestration.release.read import CURRENT, DamagedReleaseError, current_id  # noqa: PLC0415
    from orchestration.warehouse_lock import WarehouseBusyError, hold  # noqa: PLC0415

    ledger.set_command("cohortmart unlock")
    if not plain_reason(reason):
        return fail("--reason is empty: say why the lock ends; the ledger keeps it.")
    try:
        if not settings.home.is_dir():
            return fail(f"There is no warehouse in {settings.home}, so nothing in it is locked.")
        with hold(settings, "unlock a release", wait_seconds, terminal().print):
            wanted = current_id(settings) if which == CURRENT else which
            standing = locks(settings)
            exact = [name for name in standing if name == wanted]
            fitting = exact or [name for name in standing if wanted and name.startswith(wanted)]
            if len(fitting) != 1:
                known = f"locked: {', '.join(standing)}" if standing else "nothing is locked"
                return fail(f"`{which}` names {len(fitting)} locked releases; {known}.")
            ledger.append(settings.ledger, "unlock", release_id=fitting[0], reason=plain_reason(reason))
    except (DamagedReleaseError, WarehouseBusyError) as error:
        cannot = fail(str(error))
        return 1 if isinstance(error, WarehouseBusyError) else cannot
    except ValueError as error:
        return fail(f"{error}: `cohortmart verify` lists what is damaged.")
    terminal().print(f"{fitting[0]} is unlocked.", highlight=False)
    return 0
