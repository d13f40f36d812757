"""Study packages as they were delivered, kept by content.

A delivery is copied before it is read, so that what a release was made from can always be read again,
and a file that changes under a running build cannot split one study over two versions.

A package is kept once, however often it is delivered. The ledger has an entry whenever what a study delivers
is another package than the time before, a return to an earlier one included: so it says what held when. What
is the same as the last time is no news, and not entered.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from orchestration import ledger
from orchestration.consent.withdrawals import Withdrawn, withdrawn_from
from orchestration.deliveries.database_lock import latest, refuse_locked, successor
from orchestration.deliveries.kept_packages import one_at_a_time, partial_folder, put_in_place
from orchestration.deliveries.package_copy import DeliveredFile, Snapshot, changed, copy_described, describe
from orchestration.deliveries.package_hashes import (
    UNKNOWN,
    Files,
    digests_for_ledger,
    files_of,
    has_files,
    package_of,
)
from orchestration.ledger import Entry
from orchestration.release.durable import sync_tree
from orchestration.settings import Settings
from schemas.errors import StudyPackageError
from schemas.study import STUDY_FILE, StudyDescriptor, load_study


@dataclass(frozen=True)
class Delivery:
    """A kept study package.

    Attributes:
        study_id: the study.
        sha256: over the names and contents of all its files.
        folder: where it is kept.
        files: what it holds.
        n_withdrawn: participants whose rows were taken out of it because they withdrew their consent.
        notices: what should be said of keeping it, in sentences.
    """

    study_id: str
    sha256: str
    folder: Path
    files: tuple[DeliveredFile, ...]
    n_withdrawn: int = 0
    notices: tuple[str, ...] = field(default=(), compare=False)

    def as_input(self) -> dict[str, Any]:
        """What a release's manifest says of it: no path of this machine."""
        return {
            "study_id": self.study_id,
            "package_sha256": self.sha256,
            "n_withdrawn": self.n_withdrawn,
            "files": [asdict(f) for f in self.files],
        }


def deliver(package: Path, settings: Settings) -> Delivery:
    """Keep a study package under the warehouse's home and enter it in the ledger.

    Only the descriptor and the files it names are kept, read-only. A package whose content is kept already is
    not copied again, unless what was kept is damaged: then it takes its place. Rows of participants who have
    withdrawn are taken out before anything is kept.

    Returns:
        The kept package; its notices say what was out of the ordinary.

    Raises:
        StudyPackageError: the package cannot be read, or changes while it is copied.
        LockedStudyError: a locked release was built from another package of the study.
    """
    study = load_study(package)
    described = describe(package, paths_of(study))
    with one_at_a_time(settings):
        entries = entries_of(settings)
        withdrawn = withdrawn_from(settings, entries, study.study_id)
        with partial_folder(settings, study.study_id, described.sha256) as partial:
            if not withdrawn:
                return _keep(_Arrival(study.study_id, described), partial, settings, entries, package)
            # What is kept depends on what the files hold: so they are copied to where nobody reads them,
            # first.
            copy_described(package, described, partial)
            return _keep(_without(study, partial, described, withdrawn), partial, settings, entries, package)


@dataclass(frozen=True)
class _Arrival:
    """A package that is being delivered: what will be kept of it, and what was taken out before."""

    study_id: str
    kept: Snapshot
    n_rows: int = 0
    n_withdrawn: int = 0


def paths_of(study: StudyDescriptor) -> list[str]:
    """Return the files of a package that are kept, in the order in which they are hashed."""
    return [STUDY_FILE, *sorted(name for names in study.records.values() for name in names)]


def _without(study: StudyDescriptor, partial: Path, described: Snapshot, withdrawn: Withdrawn) -> _Arrival:
    """Take the rows of participants who have withdrawn out of a copied package."""
    from orchestration.consent.redaction import find, redact  # noqa: PLC0415 - polars, where nobody has withdrawn

    found = find(partial, study, withdrawn.has, lambda sample: withdrawn.has(sample, "sample"))
    if not found.n_rows:
        return _Arrival(study.study_id, described)
    redact(partial, study, found)
    kept = describe(partial, paths_of(study))
    n_withdrawn = len(found.participants)
    return _Arrival(study.study_id, kept, found.n_rows, n_withdrawn)


def _keep(
    arrival: _Arrival, partial: Path, settings: Settings, entries: list[Entry], package: Path
) -> Delivery:
    """Enter a package in the ledger and put it in its place, as far as it is not there."""
    study_id, digest = arrival.study_id, arrival.kept.sha256
    despite = refuse_locked(settings, entries, study_id, digest)
    folder = settings.deliveries / study_id / digest
    is_whole = folder.exists() and _is_whole(folder, arrival.kept.files)
    is_damaged = folder.exists() and not is_whole
    if not is_whole:
        if not partial.exists():
            copy_described(package, arrival.kept, partial)
            if load_study(partial).records != load_study(package).records:
                raise changed(package, STUDY_FILE)
        sync_tree(partial)
    last = last_delivery(entries, study_id)
    if last is None or last.sha256 != digest or is_damaged or despite:
        ledger.append(
            settings.ledger,
            "delivery",
            study_id=study_id,
            package_sha256=digest,
            **_as_entered(settings, arrival.kept.files, study_id, digest, last),
            **({"replaces_damaged": True} if is_damaged else {}),
            **({"despite_lock": despite} if despite else {}),
            **_as_withdrawn(arrival),
        )
    if not is_whole:
        put_in_place(partial, folder)
    return Delivery(
        study_id,
        digest,
        folder,
        arrival.kept.files,
        n_withdrawn(entries, study_id, digest) or arrival.n_withdrawn,
        tuple(_notices(arrival, folder, is_damaged=is_damaged, despite=despite)),
    )


def _as_withdrawn(arrival: _Arrival) -> Entry:
    if not arrival.n_rows:
        return {}
    # Not the sha256 of what came: it would tell a right guess of the rows that were not kept.
    return {
        "n_withdrawn_rows": arrival.n_rows,
        "n_withdrawn": arrival.n_withdrawn,
    }


def _notices(arrival: _Arrival, folder: Path, *, is_damaged: bool, despite: Entry | None) -> Iterator[str]:
    if is_damaged:
        yield (
            f"{arrival.study_id}: {folder} was damaged after it was delivered; this delivery took its place."
        )
    if arrival.n_rows:
        yield (
            f"{arrival.study_id}: {arrival.n_rows:,} {'row' if arrival.n_rows == 1 else 'rows'} of who has"
            " withdrawn consent came with the delivery again, and were not kept."
        )
    if despite:
        yield (
            f"{arrival.study_id}: the package changed despite the lock of release {despite['release_id']}"
            f" ({despite['reason']})."
        )


@dataclass(frozen=True)
class LastDelivery:
    """What a study delivered last, as it is kept now, and the entry that describes its files."""

    sha256: str
    entry: Entry


def last_delivery(entries: list[Entry], study_id: str) -> LastDelivery | None:
    """Return what a study delivered last; what was redacted since stands for itself."""
    last: LastDelivery | None = None
    for entry in entries:
        if entry.get("study_id") != study_id:
            continue
        is_redaction = last and entry.get("step") == "redacted" and entry["package_sha256"] == last.sha256
        if entry["kind"] == "delivery" or is_redaction:
            last = LastDelivery(package_of(entry), entry)
    return last


def _as_entered(
    settings: Settings,
    files: tuple[DeliveredFile, ...],
    study_id: str,
    sha256: str,
    last: LastDelivery | None,
) -> Entry:
    """Return what the ledger says of the files of a delivery, and of what it follows."""
    hashes = {file.path: file.sha256 for file in files}
    return {
        **digests_for_ledger(settings, study_id, sha256, hashes),
        "follows": last.sha256 if last else None,
        "changes": changes(files_of(settings, last.entry) if last else {}, hashes),
    }


def changes(before: Files, after: Files) -> dict[str, list[str]]:
    """Return which files of a package were added, removed, changed and left as they were.

    One of which nobody can say any more what it was counts as changed.
    """
    both = before.keys() & after.keys()
    return {
        "added": sorted(after.keys() - before.keys()),
        "removed": sorted(before.keys() - after.keys()),
        "changed": sorted(path for path in both if before[path] != after[path]),
        "unchanged": sorted(path for path in both if before[path] == after[path]),
    }


def n_withdrawn(entries: list[Entry], study_id: str, sha256: str) -> int:
    """Return how many participants were taken out of a kept package because they withdrew."""
    numbers = [
        entry["n_withdrawn"]
        for entry in entries
        if entry.get("study_id") == study_id
        and entry.get("n_withdrawn")
        and sha256 == entry.get("redacted_sha256", entry.get("package_sha256"))
    ]
    return max(numbers, default=0)


def deliveries_of(settings: Settings, release_id: str, *, without: Collection[str] = ()) -> list[Delivery]:
    """Return the kept packages that a release was built from, verified, in the order of its manifest.

    A package from which participants were taken out since, because they withdrew, is the one without them.

    Args:
        settings: the warehouse.
        release_id: `current`, a release's id, or a beginning of one that is unique.
        without: studies whose packages are not needed, however they are.

    Raises:
        StudyPackageError: a package is gone or damaged; each is named with what to do.
        NoReleaseError: there is no such release.
        DamagedReleaseError: its manifest is not what was published.
    """
    # Needs duckdb, which delivering does without.
    from orchestration.release.read import find_release, read_entries  # noqa: PLC0415

    release, entries = find_release(settings, release_id), read_entries(settings)
    found, problems = [], []
    for given in release.manifest["inputs"]:
        study_id = given["study_id"]
        if study_id in without:
            continue
        sha256 = latest(given["package_sha256"], successor(entries, study_id))
        try:
            delivery = kept_delivery(settings, entries, study_id, sha256)
        except StudyPackageError as error:
            problems += error.problems
        else:
            found.append(delivery)
    if problems:
        raise StudyPackageError(problems)
    return found


def reuse(settings: Settings, release_id: str, *, without: Collection[str] = ()) -> list[Delivery]:
    """Return the packages of a release for a build that takes them again, as `deliveries_of` does.

    Raises:
        LockedStudyError: a locked release was built from another package of a study.
    """
    found = deliveries_of(settings, release_id, without=without)
    with one_at_a_time(settings):
        entries = entries_of(settings)
        for delivery in found:
            study_id, sha256 = delivery.study_id, delivery.sha256
            if despite := refuse_locked(settings, entries, study_id, sha256):
                last = last_delivery(entries, study_id)
                ledger.append(
                    settings.ledger,
                    "delivery",
                    study_id=study_id,
                    package_sha256=sha256,
                    **_as_entered(settings, delivery.files, study_id, sha256, last),
                    taken_from=release_id,
                    despite_lock=despite,
                )
    return found


def kept_delivery(settings: Settings, entries: list[Entry], study_id: str, sha256: str) -> Delivery:
    """Return a kept package, verified.

    Raises:
        StudyPackageError: it is gone, or damaged.
    """
    folder = settings.deliveries / study_id / sha256
    again = f"deliver the package of {study_id} again, with `cohortmart build --study FOLDER`"
    if not folder.is_dir():
        raise StudyPackageError([f"{folder} is gone, though a release was built from it: {again}"])
    known = _files_of(settings, entries, study_id, sha256)
    try:
        snapshot = describe(folder, known or paths_of(load_study(folder)))
    except StudyPackageError as error:
        raise StudyPackageError([f"{folder} is damaged ({error.problems[0]}): {again}"]) from None
    if snapshot.sha256 != sha256:
        altered = [
            str(folder / file.path)
            for file in snapshot.files
            if known.get(file.path, UNKNOWN) not in (UNKNOWN, file.sha256)
        ]
        which = ", ".join(altered) or str(folder)
        raise StudyPackageError([f"{which} was damaged after it was delivered: {again}"])
    return Delivery(study_id, sha256, folder, snapshot.files, n_withdrawn(entries, study_id, sha256))


def _files_of(settings: Settings, entries: list[Entry], study_id: str, sha256: str) -> Files:
    """Return the files of a package as they were delivered; none when the ledger does not know it."""
    for entry in reversed(entries):
        if entry.get("study_id") == study_id and has_files(entry) and package_of(entry) == sha256:
            return files_of(settings, entry)
    return {}


def _is_whole(folder: Path, files: tuple[DeliveredFile, ...]) -> bool:
    """Whether a kept package is what it was when it was delivered."""
    try:
        return describe(folder, [file.path for file in files]).files == files
    except StudyPackageError:
        return False


def entries_of(settings: Settings) -> list[Entry]:
    """Read the ledger; a damaged one is mended first, for who has withdrawn and what is locked must count."""
    try:
        return ledger.read(settings.ledger)
    except ValueError:
        ledger.append(settings.ledger, "recovery", needed_by="delivery")
        return ledger.read(settings.ledger)


def save_deliveries(folder: Path, deliveries: list[Delivery]) -> None:
    """Note in a run's folder which deliveries it reads."""
    content = [{**asdict(d), "folder": str(d.folder)} for d in deliveries]
    (folder / "deliveries.json").write_text(json.dumps(content), encoding="utf-8")


def read_deliveries(folder: Path) -> list[Delivery]:
    """Read which deliveries a run reads, in the order they were given."""
    content = json.loads((folder / "deliveries.json").read_text(encoding="utf-8"))
    return [
        Delivery(
            study_id=d["study_id"],
            sha256=d["sha256"],
            folder=Path(d["folder"]),
            files=tuple(DeliveredFile(**f) for f in d["files"]),
            n_withdrawn=d["n_withdrawn"],
            notices=tuple(d["notices"]),
        )
        for d in content
    ]
