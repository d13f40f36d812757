"""Withdrawal of consent: what the warehouse keeps of a participant is taken out, and stays out.

In this order, so that a kill at any instant leaves something that the next build or the next `forget`
completes:

1. The withdrawal is entered in the ledger, without saying who it is (`withdrawals`). From here on, their rows
   are taken out of whatever is delivered before it is kept.
2. Their rows are taken out of every kept package of the study, and what landed of the study is removed.
3. A new release is built without them, from the packages of the current one.
4. Every release that was built from a package that held them is removed.

A package that cannot be read any more, and in which they may be, is removed as a whole: nobody could vouch
for it.

What the ledger keeps for good of a package that held them is its name, a hash over all its files together:
see `package_hashes` for what that tells, and whom.
"""

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestration import ledger
from orchestration.consent.mentions import find_participant, identifiers_in, kept_packages
from orchestration.consent.redaction import Found, find, redact
from orchestration.consent.withdrawals import (
    FORM,
    Withdrawn,
    asked,
    bare,
    digests_of,
    is_pseudonymous,
    new_key,
    pending,
    pseudonym_of,
    withdrawn_from,
)
from orchestration.deliveries.database_lock import locks_among, locks_of_study, plain_reason
from orchestration.deliveries.deliver import entries_of, n_withdrawn, paths_of
from orchestration.deliveries.kept_packages import one_at_a_time, partial_folder, put_in_place, set_aside
from orchestration.deliveries.package_copy import Snapshot, copy_described, describe
from orchestration.deliveries.package_hashes import destroy, destroy_unneeded, digests_for_ledger
from orchestration.ledger import Entry
from orchestration.release.durable import sync_folder, sync_tree
from orchestration.release.leftovers import REMOVED, clear_leftovers
from orchestration.release.read import MANIFEST, Publication, current_id, publications
from orchestration.settings import Settings
from schemas.errors import StudyPackageError
from schemas.study import load_study

_REASON = "withdrawal of consent"


class UnknownParticipantError(Exception):
    """Nobody by that name is in a kept package of the study; the message does not repeat the name."""


class FrozenStudyError(Exception):
    """A locked release holds the study; the message says which, and what can be done."""


@dataclass(frozen=True)
class Entered:
    """A withdrawal in the ledger.

    Attributes:
        is_new: false when it was entered before, and they were in no kept package.
        names: how the packages called them; none when that is not known, as only a pseudonym was given.
    """

    is_new: bool
    names: frozenset[str] = field(repr=False)

    def __bool__(self) -> bool:
        """Whether it is new."""
        return self.is_new


@dataclass
class Cleared:
    """What was taken out of the kept packages of a study.

    Attributes:
        n_rows: rows that were taken out.
        n_packages: packages they were taken out of.
        removed: sentences on packages that could only be removed.
    """

    n_rows: int = 0
    n_packages: int = 0
    removed: list[str] = field(default_factory=list)


def enter_withdrawal(settings: Settings, study_id: str, name: str) -> Entered:
    """Enter in the ledger that a participant has withdrawn, without saying who.

    The caller holds the lock of the warehouse.

    Args:
        settings: the warehouse; `despite_lock` is the reason for which a locked release may be removed.
        study_id: the study.
        name: the participant_id as the packages have it, or its pseudonym when the key is set.

    Returns:
        Whether it is new, and what to look for elsewhere.

    Raises:
        UnknownParticipantError: nobody by that name is in a kept package of the study, nor has withdrawn.
        FrozenStudyError: a locked release holds the study, and there is no reason to remove it.
        StudyPackageError: an earlier withdrawal takes a key that is not at hand.
    """
    with one_at_a_time(settings):
        entries = entries_of(settings)
        frozen = locks_of_study(entries, study_id)
        if frozen and not settings.despite_lock:
            raise FrozenStudyError(_frozen(study_id, frozen))
        withdrawn = withdrawn_from(settings, entries, study_id)
        found, unclear = find_participant(settings, study_id, name)
        if not found.participants:
            if withdrawn.has(name):
                return Entered(False, frozenset([] if is_pseudonymous(settings, name) else [bare(name)]))
            raise UnknownParticipantError(_unknown(settings, study_id, unclear))
        key = new_key(settings)
        for participant in sorted(found.participants):
            names = [participant, *pseudonym_of(settings, study_id, participant)]
            ledger.append(
                settings.ledger,
                "withdrawal",
                step="asked",
                study_id=study_id,
                keyed_by=key.kind,
                key_check=key.check,
                form=FORM,
                participant_digest=key.digest(study_id, "participant", participant),
                other_digests=digests_of(key, study_id, names[1:], "participant"),
                sample_digests=digests_of(key, study_id, found.samples, "sample"),
                **({"despite_lock": _despite(settings, frozen)} if frozen else {}),
            )
    return Entered(True, frozenset(found.participants))


def _frozen(study_id: str, frozen: dict[str, Entry]) -> str:
    names = ", ".join(frozen)
    return (
        f"{study_id} is in a locked release ({names}), which a withdrawal removes: give the reason with"
        " `--despite-lock REASON`, which the ledger keeps, or end the lock with `cohortmart unlock` first."
    )


def _unknown(settings: Settings, study_id: str, unclear: list[str]) -> str:
    if not (settings.deliveries / study_id).is_dir():
        return f"No package of a study called {study_id!r} is kept in {settings.home}."
    known = (
        f"Nobody by the name that was given is in a package of {study_id} that is kept in {settings.home},"
        " nor has withdrawn: accepted is a participant_id as the package writes it, or, with"
        " COHORTMART_PSEUDONYM_KEY set, a pseudonym of a release."
    )
    if not unclear:
        return known
    return (
        f"{known} Not looked through, as they cannot be read: packages {', '.join(unclear)}; remove them from"
        f" {settings.deliveries / study_id} if they are not needed."
    )


def _despite(settings: Settings, frozen: Iterable[str]) -> dict[str, Any]:
    return {"releases": list(frozen), "reason": plain_reason(settings.despite_lock)}


def carry_out(settings: Settings, study_id: str | None = None) -> dict[str, Cleared]:
    """Take everybody who has withdrawn out of the kept packages, where that was not done yet.

    The caller holds the lock of the warehouse, and nothing landed of these studies is in use.

    Args:
        settings: the warehouse.
        study_id: a study that is gone through even if all its withdrawals were carried out before.

    Returns:
        What was taken out, by study.

    Raises:
        StudyPackageError: who has withdrawn cannot be recognised: the key is not at hand.
    """
    # Most warehouses have no withdrawals, and a damaged ledger is mended when there is something to write.
    entries = entries_of(settings)
    studies = dict.fromkeys([*pending(entries), *([study_id] if study_id else [])])
    if not studies:
        return {}
    with one_at_a_time(settings):
        return {study: _clear(settings, entries_of(settings), study) for study in studies}


def _clear(settings: Settings, entries: list[Entry], study_id: str) -> Cleared:
    withdrawn = withdrawn_from(settings, entries, study_id)
    cleared = Cleared()
    for folder in kept_packages(settings, study_id):
        _clear_package(settings, entries, folder, withdrawn, cleared)
    destroy_unneeded(settings, study_id)
    shutil.rmtree(settings.landed / study_id, ignore_errors=True)
    ledger.append(
        settings.ledger,
        "withdrawal",
        step="cleaned",
        study_id=study_id,
        participant_digests=[entry["participant_digest"] for entry in asked(entries, study_id)],
        n_rows=cleared.n_rows,
        n_packages=cleared.n_packages,
        n_removed=len(cleared.removed),
    )
    return cleared


def _clear_package(
    settings: Settings, entries: list[Entry], folder: Path, withdrawn: Withdrawn, cleared: Cleared
) -> None:
    """Replace one kept package by one without those who have withdrawn, if they are in it."""
    study_id, sha256 = withdrawn.study_id, folder.name
    with partial_folder(settings, study_id, sha256) as partial:
        try:
            found, redacted = _redacted(folder, partial, withdrawn)
        except StudyPackageError as error:
            if not _may_hold(folder, withdrawn):
                return
            _enter_redaction(settings, study_id, sha256, None, because=error.problems[0])
            _remove(settings, folder)
            cleared.removed.append(
                f"{study_id}: package {sha256[:12]} was removed, as nobody can say whether it holds them"
                f" ({error.problems[0]})."
            )
            return
        if not found.n_rows:
            return
        n_before = n_withdrawn(entries, study_id, sha256)
        counts = {"n_rows": found.n_rows, "n_withdrawn": n_before + len(found.participants)}
        _enter_redaction(settings, study_id, sha256, redacted, **counts)
        target = folder.with_name(redacted.sha256)
        if not target.exists():
            put_in_place(partial, target)
        _remove(settings, folder)
    cleared.n_rows += found.n_rows
    cleared.n_packages += 1


def _remove(settings: Settings, folder: Path) -> None:
    """Remove a kept package, and before it what could tell a right guess of one of its rows."""
    destroy(settings, folder.parent.name, folder.name)
    set_aside(folder)


def _redacted(folder: Path, partial: Path, withdrawn: Withdrawn) -> tuple[Found, Snapshot]:
    """Prepare a kept package without those who have withdrawn.

    Raises:
        StudyPackageError: it is damaged, or cannot be read.
    """
    study = load_study(folder)
    whole = describe(folder, paths_of(study))
    if whole.sha256 != folder.name:
        raise StudyPackageError(["it was damaged after it was delivered"])
    found = find(folder, study, withdrawn.has, lambda sample: withdrawn.has(sample, "sample"))
    if not found.n_rows:
        return found, whole
    copy_described(folder, whole, partial)
    redact(partial, study, found)
    sync_tree(partial)
    return found, describe(partial, paths_of(study))


def _enter_redaction(
    settings: Settings, study_id: str, sha256: str, redacted: Snapshot | None, **more: Any
) -> None:
    files: dict[str, Any] = {"file_digests": {}}
    if redacted:
        hashes = {file.path: file.sha256 for file in redacted.files}
        files = digests_for_ledger(settings, study_id, redacted.sha256, hashes)
    ledger.append(
        settings.ledger,
        "withdrawal",
        step="redacted",
        study_id=study_id,
        package_sha256=sha256,
        redacted_sha256=redacted.sha256 if redacted else "",
        **files,
        **more,
    )


def _may_hold(folder: Path, withdrawn: Withdrawn) -> bool:
    """Whether somebody who has withdrawn may be in a package that cannot be read as one.

    They are not when its files are text, in which no value is their identifier.
    """
    found, is_all_text = identifiers_in(folder, withdrawn.has)
    return bool(found) or not is_all_text


def releases_to_remove(settings: Settings, entries: list[Entry]) -> list[Publication]:
    """Return the releases that hold somebody who has withdrawn: made of a package that was redacted since.

    A release whose manifest cannot be read any more, and that was published before, is one of them.
    """
    redacted = {
        (entry["study_id"], entry["package_sha256"]): entry["sequence"]
        for entry in entries
        if entry["kind"] == "withdrawal" and entry.get("step") == "redacted"
    }
    last = max(redacted.values(), default=0)
    return [
        publication
        for publication in publications(settings, entries)
        if (
            publication.sequence < last
            if (inputs := _inputs(publication)) is None
            else any(given in redacted for given in inputs)
        )
    ]


def _inputs(publication: Publication) -> list[tuple[str, str]] | None:
    """Read which packages a release was made of, from a manifest that may be damaged elsewhere."""
    try:
        manifest = json.loads((publication.folder / MANIFEST).read_bytes())
        return [(given["study_id"], given["package_sha256"]) for given in manifest["inputs"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remove_releases(settings: Settings) -> list[str]:
    """Remove every release that holds somebody who has withdrawn, except the one that readers have.

    The caller holds the lock of the warehouse. Locks of these releases end: the withdrawal was entered
    despite them.

    Returns:
        The ids of the releases that were removed.
    """
    entries = entries_of(settings)
    if not asked(entries):
        return []
    current = current_id(settings)
    doomed = [p for p in releases_to_remove(settings, entries) if p.release_id != current]
    standing = locks_among(entries)
    for publication in doomed:
        if publication.release_id in standing:
            ledger.append(settings.ledger, "unlock", release_id=publication.release_id, reason=_REASON)
    if doomed:
        names = [publication.release_id for publication in doomed]
        ledger.append(settings.ledger, "prune", releases=names, reason=_REASON)
    for publication in doomed:
        if publication.folder.exists():
            hidden = publication.folder.with_name(f".{publication.release_id}{REMOVED}")
            publication.folder.rename(hidden)
            shutil.rmtree(hidden)
    if doomed:
        sync_folder(settings.releases)
    if settings.releases.exists():
        # One that was entered as removed when the power went.
        clear_leftovers(settings)
    return [publication.release_id for publication in doomed]


def holds_withdrawn(settings: Settings, release_id: str) -> bool:
    """Whether a release holds somebody who has withdrawn."""
    found = releases_to_remove(settings, entries_of(settings))
    return any(publication.release_id == release_id for publication in found)


def complete_withdrawals(settings: Settings, note: Callable[[str], None]) -> None:
    """Complete withdrawals that something interrupted, at the beginning of a build that holds the lock.

    Raises:
        StudyPackageError: who has withdrawn cannot be recognised: the key is not at hand.
    """
    for study_id, cleared in carry_out(settings).items():
        note(
            f"{study_id}: an interrupted withdrawal was completed; rows taken out: {cleared.n_rows:,}, from"
            f" kept packages: {cleared.n_packages:,}."
        )
        for sentence in cleared.removed:
            note(sentence)


def remove_outdated(settings: Settings, note: Callable[[str], None]) -> None:
    """Remove the releases that a build which has just published replaces for those who have withdrawn."""
    if removed := remove_releases(settings):
        note(f"Removed, as they held participants who have withdrawn: {', '.join(removed)}.")
