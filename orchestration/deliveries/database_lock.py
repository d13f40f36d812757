"""Database locks: a release is frozen, and the packages of its studies may not change without a reason.

Here: what the ledger says is locked, and whether a package may be used. A lock is a decision about data, kept
in the ledger for good; it is not the lock of a running process, which is `warehouse_lock`.
"""

from collections.abc import Iterable, Mapping

from orchestration import ledger
from orchestration.ledger import Entry
from orchestration.settings import Settings
from schemas.errors import StudyPackageError

MAX_REASON_CHARACTERS = 500


class LockedStudyError(StudyPackageError):
    """Another package of a study was to be used than the one of a locked release."""


def locks(settings: Settings) -> dict[str, Entry]:
    """Return the ledger's entry of each release that is locked, by release id, the oldest lock first.

    Raises:
        ValueError: the ledger is damaged.
    """
    return locks_among(ledger.read(settings.ledger))


def locks_among(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Return the locks that stand after some entries of the ledger, by release id."""
    standing: dict[str, Entry] = {}
    for entry in entries:
        if entry["kind"] == "lock":
            standing.setdefault(entry["release_id"], entry)
        elif entry["kind"] == "unlock":
            standing.pop(entry["release_id"], None)
    return standing


def locks_of_study(entries: Iterable[Entry], study_id: str) -> dict[str, Entry]:
    """Return the locks of the releases that hold a study, by release id."""
    return {name: entry for name, entry in locks_among(entries).items() if study_id in entry["inputs"]}


def successor(entries: Iterable[Entry], study_id: str) -> dict[str, str]:
    """Return, of each package of a study that was replaced by one without withdrawn participants, which one.

    The replacement of a package that could only be removed is the empty string.
    """
    replaced = {}
    for entry in entries:
        if entry.get("study_id") != study_id:
            continue
        if entry["kind"] == "withdrawal" and entry.get("step") == "redacted":
            replaced[entry["package_sha256"]] = entry["redacted_sha256"]
        # Of earlier versions only: what came with rows of the withdrawn, and was never kept, has no name now.
        elif entry["kind"] == "delivery" and entry.get("delivered_sha256"):
            replaced[entry["delivered_sha256"]] = entry["package_sha256"]
    return replaced


def latest(sha256: str, replaced: Mapping[str, str]) -> str:
    """Follow a package to the one that stands for it now, or to the last that stood for it."""
    seen = {sha256}
    while (following := replaced.get(sha256)) and following not in seen:
        sha256 = following
        seen.add(sha256)
    return sha256


def refuse_locked(settings: Settings, entries: list[Entry], study_id: str, sha256: str) -> Entry | None:
    """Let a package of a study be used if no locked release was built from another one, or despite that.

    Args:
        settings: `despite_lock` is the reason for which it may be used all the same.
        entries: the ledger.
        study_id: the study.
        sha256: the package that is to be used.

    Returns:
        What the ledger is to say of a package that is used despite a lock: the release, and the reason; else
        None.

    Raises:
        LockedStudyError: it may not; the sentence names the release, since when, and what can be done.
    """
    standing = locks_of_study(entries, study_id)
    replaced = successor(entries, study_id)
    frozen = {latest(lock["inputs"][study_id], replaced) for lock in standing.values()}
    if not standing or latest(sha256, replaced) in frozen:
        return None
    release_id, lock = next(reversed(standing.items()))
    if settings.despite_lock:
        return {"release_id": release_id, "reason": plain_reason(settings.despite_lock)}
    reason = f" ({lock['reason']})" if lock.get("reason") else ""
    problem = (
        f"{study_id} is locked since {lock['at']} by release {release_id}{reason}: it was built from package"
        f" {lock['inputs'][study_id][:12]}, and this is package {sha256[:12]}. Go on with"
        " `--despite-lock REASON`, which the ledger keeps, or end the lock with"
        f" `cohortmart unlock {release_id} --reason REASON`."
    )
    raise LockedStudyError([problem])


def plain_reason(reason: str) -> str:
    """Return a reason as one line of plain text, cut to what the ledger keeps and messages repeat of it."""
    line = " ".join("".join(c if c.isprintable() else " " for c in reason).split())
    return line[:MAX_REASON_CHARACTERS]
