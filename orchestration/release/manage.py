"""What may be done with releases that exist: return to one, and remove old ones.

The ledger is told first and the folders follow, so that a kill between the two leaves nothing that claims to
be a release and is not.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from orchestration import ledger
from orchestration.release.durable import sync_folder
from orchestration.release.leftovers import REMOVED, clear_leftovers
from orchestration.release.pointer import MOVING, point
from orchestration.release.read import (
    CURRENT,
    DamagedReleaseError,
    NoReleaseError,
    Publication,
    Release,
    choose,
    current_id,
    is_ledger_gone,
    none_to_read,
    publications,
    read_entries,
    read_release,
)
from orchestration.release.verify import verify_release
from orchestration.settings import Settings


class RefusedError(Exception):
    """It may not be done; the message says why and what else may."""


def roll_back(settings: Settings, which: str = "") -> tuple[Release, str]:
    """Make an earlier release the current one again; the caller holds the lock of the warehouse.

    Args:
        settings: the warehouse.
        which: id of a release or the beginning of one, or `current`, which changes nothing; default the one
            published before the current one, leaving out those that were themselves rolled back.

    Returns:
        The release that is current now, and the id of the one before, empty when there was none that could
        be returned to.

    Raises:
        NoReleaseError: there is no such release.
        DamagedReleaseError: it is not what was published any more; the pointer stays.
        RefusedError: it holds somebody who has withdrawn since.
    """
    entries, _ = ledger.read_intact(settings.ledger)
    known = publications(settings, entries)
    before = _current_or_none(settings)
    wanted = before if which == CURRENT else which
    if (which == CURRENT and not before) or (not entries and is_ledger_gone(settings)):
        raise NoReleaseError(none_to_read(settings))
    chosen = choose(settings, known, wanted) if wanted else _one_before(known, before, entries)
    if chosen.release_id != before:
        _refuse_withdrawn(chosen, settings, entries)
        _check_whole(chosen)
    release = read_release(chosen)
    if chosen.release_id != before:
        with MOVING:
            # Remembered first, as when publishing: the pointer never is where the ledger does not know.
            ledger.append(settings.ledger, "rollback", release_id=release.release_id, from_release_id=before)
            point(settings.current, release.folder)
    return release, before if any(p.release_id == before and p.folder.is_dir() for p in known) else ""


def _current_or_none(settings: Settings) -> str:
    try:
        return current_id(settings)
    except DamagedReleaseError:
        return ""


def _one_before(known: list[Publication], current: str, entries: list[ledger.Entry]) -> Publication:
    given_up: set[str] = set()
    for entry in entries:
        if entry["kind"] == "rollback":
            given_up.add(entry["from_release_id"])
            given_up.discard(entry["release_id"])
    ids = [p.release_id for p in known]
    earlier = known[: ids.index(current)] if current in ids else known
    candidates = [p for p in earlier if p.release_id not in given_up]
    if not candidates:
        raise NoReleaseError(
            "There is no release before the current one: `cohortmart releases` lists those there are; "
            "`cohortmart rollback RELEASE` takes the one you name."
        )
    return candidates[-1]


def _refuse_withdrawn(chosen: Publication, settings: Settings, entries: list[ledger.Entry]) -> None:
    # Who has withdrawn is found in packages, which other commands need not know how to read.
    from orchestration.consent.forget import releases_to_remove  # noqa: PLC0415

    if chosen.release_id in {p.release_id for p in releases_to_remove(settings, entries)}:
        raise RefusedError(
            f"{chosen.release_id} holds a participant who has withdrawn since, so nobody returns to it: run "
            "`cohortmart build` for a release without them."
        )


def _check_whole(publication: Publication) -> None:
    damaged = [check.damage for check in verify_release(publication) if check.damage]
    if damaged:
        raise DamagedReleaseError(
            f"{publication.release_id} is not whole, so readers stay where they are:\n  "
            + "\n  ".join(damaged)
            + "\nName another one: `cohortmart releases` lists them."
        )


@dataclass(frozen=True)
class Pruned:
    """What a prune removed and what it left, each with why; `n_bytes` is the space it gave back."""

    removed: list[str]
    n_bytes: int
    left: list[tuple[str, str]]


def prune(settings: Settings, keep: int) -> Pruned:
    """Remove all but the newest releases; the caller holds the lock of the warehouse.

    Newest is by the order of the ledger, not by the clock. The current release and those frozen by a lock
    stay whatever their age, and so does one whose manifest is damaged: it may be wanted to find out why.

    Args:
        settings: the warehouse.
        keep: how many to keep.

    Raises:
        RefusedError: `keep` is less than one.
        DamagedReleaseError: the ledger or the pointer is damaged, so nobody knows what is current.
    """
    if keep < 1:
        raise RefusedError(f"{keep} releases are nothing to return to; accepted: 1 or more.")
    clear_leftovers(settings)
    entries = read_entries(settings)
    current = current_id(settings)
    known = publications(settings, entries)
    if current not in {p.release_id for p in known} and known:
        raise RefusedError(
            "`current` points to no release, so nothing is removed: run `cohortmart build` or "
            "`cohortmart rollback` first."
        )
    newest = {p.release_id for p in known[-keep:]}
    removed: list[Publication] = []
    left: list[tuple[str, str]] = []
    for publication in known:
        reason = _reason_to_stay(publication, current, newest)
        if reason is None:
            removed.append(publication)
        elif publication.release_id not in newest:
            left.append((publication.release_id, reason))
    n_bytes = sum(_size(p.folder) for p in removed)
    if removed:
        ids = [p.release_id for p in removed]
        ledger.append(settings.ledger, "prune", releases=ids, keep=keep, bytes=n_bytes)
        _remove([p.folder for p in removed])
    return Pruned([p.release_id for p in removed], n_bytes, left)


def _reason_to_stay(publication: Publication, current: str, newest: set[str]) -> str | None:
    if publication.release_id in newest:
        return "new"
    if publication.release_id == current:
        return "current"
    if publication.is_locked:
        return "locked"
    try:
        read_release(publication)
    except DamagedReleaseError:
        # A folder that is gone altogether has nothing left to find out.
        return "damaged" if publication.folder.exists() else None
    return None


def _remove(folders: list[Path]) -> None:
    """Hide the folders first: a kill while they are removed leaves no half release."""
    hidden = [
        folder.rename(folder.with_name(f".{folder.name}{REMOVED}")) for folder in folders if folder.exists()
    ]
    for folder in hidden:
        sync_folder(folder.parent)
        shutil.rmtree(folder)
        sync_folder(folder.parent)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
