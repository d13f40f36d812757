"""`cohortmart rollback` and `cohortmart prune`: what changes which releases there are for readers."""

from orchestration import ledger
from orchestration.cli.terminal import fail, terminal
from orchestration.release.manage import RefusedError, prune, roll_back
from orchestration.release.read import DamagedReleaseError, NoReleaseError, none_to_read
from orchestration.settings import Settings
from orchestration.warehouse_lock import WarehouseBusyError, hold

_BYTES_PER_MB = 1_000_000


def run_rollback(settings: Settings, which: str, wait_seconds: float) -> int:
    """Return to an earlier release and say what readers see now.

    Returns:
        Exit status: 0; 1 refused, for another process is at work or somebody in the release has withdrawn; 2
        when there is no release to return to.
    """
    ledger.set_command(f"cohortmart rollback {which}".strip())
    if not settings.ledger.exists():
        return fail(none_to_read(settings))
    console = terminal()
    try:
        with hold(settings, "rollback", wait_seconds, console.print):
            release, before = roll_back(settings, which)
    except (WarehouseBusyError, RefusedError) as error:
        fail(str(error))
        return 1
    except (NoReleaseError, DamagedReleaseError) as error:
        return fail(str(error))
    except OSError as error:
        return fail(
            f"{error.filename or settings.home} cannot be written ({error.strerror}); nothing was changed."
        )
    if release.release_id == before:
        console.print(f"{before} is the current release already.", highlight=False)
        return 0
    studies = ", ".join(sorted(study["study_id"] for study in release.manifest["inputs"]))
    data_cutoff = release.manifest.get("settings", {}).get("data_cutoff")
    console.print(
        f"Readers now see {release.release_id}, made {release.manifest['created_at']} of {studies}."
        + (f"\nIt is an interim one, with the data cutoff {data_cutoff}." if data_cutoff else "")
        + (f"\nBefore they saw {before}; `cohortmart rollback {before}` returns to it." if before else "")
        + "\nThe next build publishes a new release.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return 0


def run_prune(settings: Settings, keep: int, wait_seconds: float) -> int:
    """Remove old releases and say what went, what stayed and how much space there is again.

    Returns:
        Exit status: 0; 1 refused, for another process is at work; 2 when it cannot be done.
    """
    ledger.set_command(f"cohortmart prune --keep {keep}")
    if keep < 1:
        return fail(f"--keep {keep} would leave nothing to return to; accepted: 1 or more.")
    if not settings.ledger.exists():
        return fail(none_to_read(settings))
    console = terminal()
    try:
        with hold(settings, "prune", wait_seconds, console.print):
            pruned = prune(settings, keep)
    except WarehouseBusyError as error:
        fail(str(error))
        return 1
    except (RefusedError, DamagedReleaseError) as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"{error.filename or settings.home} cannot be removed ({error.strerror}).")
    for release_id in pruned.removed:
        console.print(f"removed {release_id}", highlight=False)
    for release_id, reason in pruned.left:
        console.print(f"kept    {release_id}: {reason}", highlight=False)
    console.print(
        f"{len(pruned.removed)} removed, {pruned.n_bytes / _BYTES_PER_MB:,.1f} MB of space.", highlight=False
    )
    return 0
