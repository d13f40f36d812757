"""Forgetting a participant: the withdrawal, the release without them, and what is said of it."""

import datetime as dt
import re
import shutil

from orchestration import ledger
from orchestration.cli.terminal import fail, terminal
from orchestration.consent.forget import (
    Cleared,
    Entered,
    FrozenStudyError,
    UnknownParticipantError,
    carry_out,
    enter_withdrawal,
    holds_withdrawn,
    remove_releases,
)
from orchestration.consent.mentions import find_mentions
from orchestration.deliveries.deliver import entries_of
from orchestration.deliveries.package_hashes import has_plain_hashes, package_of
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
_REFUSED = 1
_BEYOND_THE_WAREHOUSE = (
    "What lies elsewhere is yours to clear: the package as you have it, exports, answers of queries, backups."
    " When the package is delivered again, their rows are left out of it."
)
_WHAT_A_NAME_TELLS = (
    "The ledger keeps the name of a package that held them, a hash over all its files together: who has the"
    " home, and guesses everything that the package said of them at once, learns that the guess is right."
)
_WHAT_OLD_ENTRIES_TELL = (
    "Entries of an earlier version also hold the sha256 of single files that held them: who has the home, and"
    " guesses one row of them, learns that the guess is right. Let nobody have the ledger who may not know."
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
        Exit status: 0 nothing of them is left; 1 another process is at work, or their rows are gone, but
        their identifier stands elsewhere in a kept package, which is said; 2 it could not be done, or not
        all of it, which is said; that of the build when it failed.
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
            entered = enter_withdrawal(settings, study_id, participant)
            cleared = carry_out(settings, study_id)[study_id]
            # What the last build left; the next one makes it anew.
            shutil.rmtree(settings.build, ignore_errors=True)
            is_held = bool(current) and holds_withdrawn(settings, current_id(settings))
        _say_cleared(study_id, cleared, is_new=entered.is_new)
        if is_held and current and (status := _build(settings, current, started)):
            return _unfinished(settings, status)
        with hold(settings, _WHAT):
            remove_releases(settings)
        return _close(settings, study_id, entered)
    except (
        CannotForgetError,
        UnknownParticipantError,
        FrozenStudyError,
        WarehouseBusyError,
        DamagedReleaseError,
        StudyPackageError,
    ) as error:
        status = fail(str(error))
        return _REFUSED if isinstance(error, WarehouseBusyError) else status
    except OSError as error:
        return fail(
            f"{error.filename or settings.home}: {error.strerror}. The withdrawal is not complete: run the"
            " command again."
        )


def _close(settings: Settings, study_id: str, entered: Entered) -> int:
    """Say what is left of them, in the packages and in the ledger."""
    found = find_mentions(settings, study_id, entered.names)
    if found.n:
        more = f"; and {found.n - len(found.first):,} more" if found.n > len(found.first) else ""
        _say(
            f"No package and no release in {settings.home} has a row of theirs any more, but their identifier"
            f" still stands in kept packages, and may in what was built of them: {'; '.join(found.first)}"
            f"{more}. If it is them who is meant there: deliver and build the package without it, then remove"
            f" the earlier one from {settings.deliveries / study_id}."
        )
    elif entered.names:
        _say(f"No package and no release in {settings.home} holds them any more.")
    else:
        _say(
            f"No package and no release in {settings.home} has a row of theirs any more. Whether their"
            " identifier stands elsewhere in a package could not be looked for, as a pseudonym was given."
        )
    _say(_BEYOND_THE_WAREHOUSE, _WHAT_A_NAME_TELLS)
    entries = entries_of(settings)
    gone = {e["package_sha256"] for e in entries if e.get("step") == "redacted" and e["study_id"] == study_id}
    if any(has_plain_hashes(e) and package_of(e) in gone for e in entries):
        _say(_WHAT_OLD_ENTRIES_TELL)
    return 1 if found.n else 0


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
