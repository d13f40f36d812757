"""The sha256 of each file of a kept package: what the ledger says of them, and what it cannot say later.

The ledger is for ever, and the sha256 of a file lets anybody who has the rest of the file try guesses of one
row of it. So the ledger has, of each file, a keyed digest (HMAC) under a random secret of the package. The
secret, and the sha256 of the files, lie in a file beside the package that its owner alone reads. They go when
somebody is taken out of the package: from then on nothing tells a right guess of one of their rows.

What stays is the package's name: the sha256 over the names and hashes of all its files. Who has the package
without somebody can still check a guess of all their rows, in all files, at once.

Ledgers of earlier versions have the sha256 of the files themselves; they are read as before.
"""

import hmac
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestration.deliveries.package_copy import describe
from orchestration.ledger import Entry
from orchestration.release.durable import make_folder, sync_folder
from orchestration.settings import Settings
from schemas.errors import StudyPackageError
from schemas.study import STUDY_FILE

Files = Mapping[str, str]
"""The sha256 of each file of a package by its path."""

UNKNOWN = ""
_DIGESTS, _PLAIN = "file_digests", "files"
_KINDS = ("delivery", "withdrawal")
_SECRET_BYTES = 32


def digests_for_ledger(settings: Settings, study_id: str, sha256: str, files: Files) -> dict[str, Any]:
    """Return what a ledger entry says of the files of a package; its secret is on disk before.

    The caller holds the lock of the kept packages.
    """
    path = _beside(settings, study_id, sha256)
    known = _read(path)
    if known is None or known["files"] != files:
        known = {"secret": secrets.token_hex(_SECRET_BYTES), "files": dict(files)}
        _write(path, json.dumps(known, sort_keys=True).encode())
    return {_DIGESTS: _digests(known)}


def has_files(entry: Entry) -> bool:
    """Whether a ledger entry says something of the files of a package."""
    return entry["kind"] in _KINDS and (_DIGESTS in entry or _PLAIN in entry)


def has_plain_hashes(entry: Entry) -> bool:
    """Whether an entry, of an earlier version, has the sha256 of files themselves."""
    return entry["kind"] in _KINDS and bool(entry.get(_PLAIN))


def package_of(entry: Entry) -> str:
    """Return the package whose files an entry describes: of a redaction, the one without the withdrawn."""
    return str(entry["redacted_sha256" if entry["kind"] == "withdrawal" else "package_sha256"])


def files_of(settings: Settings, entry: Entry) -> Files:
    """Return the sha256 of the files that an entry describes, in the order in which a package is hashed.

    What lies beside the package is believed as far as the ledger's digests bear it out. When it is gone, the
    package itself is read, if it still is what its name says; else the hashes are UNKNOWN.
    """
    described: Mapping[str, str] = entry[_DIGESTS] if _DIGESTS in entry else entry.get(_PLAIN, {})
    paths = sorted(described, key=_place)
    if _DIGESTS not in entry:
        return {path: described[path] for path in paths}
    study_id, sha256 = entry["study_id"], package_of(entry)
    known = _read(_beside(settings, study_id, sha256))
    if known and _digests(known) == described:
        return {path: known["files"][path] for path in paths}
    try:
        snapshot = describe(settings.deliveries / study_id / sha256, paths)
    except StudyPackageError:
        return dict.fromkeys(paths, UNKNOWN)
    if snapshot.sha256 != sha256:
        return dict.fromkeys(paths, UNKNOWN)
    return {file.path: file.sha256 for file in snapshot.files}


def destroy(settings: Settings, study_id: str, sha256: str) -> None:
    """Remove what lies beside a package, for good, before the package is removed."""
    _beside(settings, study_id, sha256).unlink(missing_ok=True)
    sync_folder(settings.deliveries / study_id)


def destroy_unneeded(settings: Settings, study_id: str) -> None:
    """Remove what lies beside packages of a study that are not there any more."""
    study = settings.deliveries / study_id
    for path in study.glob(".*.secret"):
        if not (study / path.name.removeprefix(".").removesuffix(".secret")).exists():
            path.unlink()
    if study.exists():
        sync_folder(study)


def _beside(settings: Settings, study_id: str, sha256: str) -> Path:
    return settings.deliveries / study_id / f".{sha256}.secret"


def _place(path: str) -> tuple[bool, str]:
    """Sort the descriptor first, as it is hashed first: the ledger does not keep an order."""
    return (path != STUDY_FILE, path)


def _digests(known: Mapping[str, Any]) -> dict[str, str]:
    secret = bytes.fromhex(known["secret"])
    return {
        path: hmac.digest(secret, f"{path}\0{sha256}".encode(), "sha256").hex()
        for path, sha256 in known["files"].items()
    }


def _read(path: Path) -> dict[str, Any] | None:
    """Read what lies beside a package; None when it is gone, or no longer what was written."""
    try:
        known = json.loads(path.read_bytes())
        is_whole = len(bytes.fromhex(known["secret"])) == _SECRET_BYTES and isinstance(known["files"], dict)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return known if is_whole else None


def _write(path: Path, content: bytes) -> None:
    make_folder(path.parent)
    partial = path.with_name(f"{path.name}.new")
    partial.unlink(missing_ok=True)
    opened = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(opened, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(opened)
    partial.replace(path)
    sync_folder(path.parent)
