"""Forgetting a participant: the withdrawal, the release without them, and what is said of it."""

import datetime as dt
import re
import shutil

from orchestration import ledger
from orchestration.cli.terminal import fail, terminal
from orchestration.consent import (
    Cleared,
    FrozenStudyError,
    UnknownParticipantError,
    carry_out,
    enter_withdrawal,
    holds_withdrawn,
    remove_releases,
)
from orchestration.release.read import (
    DamagedReleaseError,
    NoReleaseError,
    Release,
    current_id,
    find_release,
)
from orchestration.settings import Settings
from orchestration.warehouse_lock import WarehouseBusyError, hold
from schemas.errors import StudyPackageError

_STUDY_ID = re.compile("[a-z0-9]+(-[a-z0-9]+)*")
_WHAT = "forget a participant"
_BEYOND_THE_WAREHOUSE = (
    "What lies elsewhere is yours to clear: the package as you have it, exports, answers of queries, backups."
    " When the package is delivered again, their rows are left out of it."
)


class CannotForgetError(Exception):
    """A withdrawal cannot be carried out as things are; the message says what to do."""


def run_forget(settings: Settings, study_id: str, participant: str, started: float) -> int:
    """Take a participant out of everything that is kept, build the current release without them, and say so.

    Nothing that is printed or kept names the participant.

    Args:
        settings: the warehouse; `despite_lock` is the reason for which a locked release may be removed.
        study_id: the study.
        participant: the participant_id, or its pseudonym.
        started: `time.perf_counter()` when the command began, for the timing of the build.

    Returns:
        Exit status: 0 nothing of them is left; 2 it could not be done, or not all of it, which is said; that
        of the build when it failed.
    """
    # Nobody checked yet that it is a study's name, and a command is kept for ever.
    shown = study_id if _STUDY_ID.fullmatch(study_id) and len(study_id) <= 64 else "STUDY"
    ledger.set_command(f"cohortmart forget {shown} (participant not shown)")
    if shown != study_id or not participant.strip():
        return fail("Give the study_id as study.yaml has it, and the participant_id.")
    if not settings.home.is_dir():
        return fail(f"There is no warehouse in {settings.home}.")
    try:
        current = _current(settings)
        with hold(settings, _WHAT):
            is_new = enter_withdrawal(settings, study_id, participant)
            cleared = carry_out(settings, study_id)[study_id]
            # What the last build left; the next one makes it anew.
            shutil.rmtree(settings.build, ignore_errors=True)
            is_held = bool(current) and holds_withdrawn(settings, current_id(settings))
        _say_cleared(study_id, cleared, is_new=is_new)
        if is_held and current and (status := _build(settings, current, started)):
            return _unfinished(settings, status)
        with hold(settings, _WHAT):
            remove_releases(settings)
    except (
        CannotForgetError,
        UnknownParticipantError,
        FrozenStudyError,
        WarehouseBusyError,
        DamagedReleaseError,
        StudyPackageError,
    ) as error:
        return fail(str(error))
    except OSError as error:
        return fail(
            f"{error.filename or settings.home}: {error.strerror}. The withdrawal is not complete: run the"
            " command again."
        )
    _say(f"No package and no release in {settings.home} holds them any more.", _BEYOND_THE_WAREHOUSE)
    return 0


def _current(settings: Settings) -> Release | None:
    """Return the current release, none when there is none, and see to it that it can be built again.

    Raises:
        CannotForgetError: it has pseudonyms, and the key is not set.
        DamagedReleaseError: it is damaged.
    """
    try:
        current = find_release(settings)
    except NoReleaseError:
        return None
    if current.manifest["settings"]["is_pseudonymised"] and settings.pseudonym_key is None:
        raise CannotForgetError(
            "The current release has pseudonyms: set COHORTMART_PSEUDONYM_KEY, or the release without the"
            " participant would have everybody's participant_id."
        )
    return current


def _build(settings: Settings, current: Release, started: float) -> int:
    """Build the packages of the current release again, as it was built."""
    from orchestration.cli.interruption import Interruption  # noqa: PLC0415 - slow, and only for a build
    from orchestration.dbt_project import start_parsing  # noqa: PLC0415

    data_cutoff = current.manifest["settings"]["data_cutoff"]
    again = settings.model_copy(
        update={
            "studies": (),
            "inputs_of": current.release_id,
            "data_cutoff": dt.date.fromisoformat(data_cutoff) if data_cutoff else None,
        }
    )
    interruption = Interruption()
    interruption.watch()
    start_parsing(again)
    from orchestration.cli.build import run_build  # noqa: PLC0415

    return run_build(again, interruption, started)


def _unfinished(settings: Settings, status: int) -> int:
    current = settings.current.resolve().name
    fail(
        f"The participant is in no kept package any more, but release {current}, which readers have, still"
        " holds them: the next build that succeeds, or the next `cohortmart forget`, removes it."
    )
    return status


def _say_cleared(study_id: str, cleared: Cleared, *, is_new: bool) -> None:
    _say(
        f"{study_id}: the withdrawal {'is' if is_new else 'was'} entered in the ledger, without a name.",
        f"Rows taken out: {cleared.n_rows:,}, from kept packages: {cleared.n_packages:,}. What landed of the"
        " study was removed.",
        *cleared.removed,
    )


def _say(*sentences: str) -> None:
    for sentence in sentences:
        terminal().print(sentence, highlight=False, markup=False, soft_wrap=True)
