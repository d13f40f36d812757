"""The append-only ledger: what was delivered, built and published, one JSON line each, hash-chained."""

import fcntl
import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

Kind = Literal["delivery", "build", "publication"]

_NOTHING_BEFORE = "0" * 64


def _digest(entry: dict[str, Any]) -> str:
    text = json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def append(ledger: Path, kind: Kind, **what: Any) -> dict[str, Any]:
    """Append one entry, chained to the one before by sha256, and force it to disk.

    Args:
        ledger: the file; made with its folder when absent.
        kind: what happened.
        what: JSON-able facts of the entry.

    Returns:
        The entry as written, with `sequence`, `at` (UTC), `previous_sha256` and its own `sha256`.
    """
    ledger.parent.mkdir(parents=True, exist_ok=True)
    with ledger.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        # A line without its end was being written when the power went: it was never said.
        whole = file.read().rpartition(b"\n")[0]
        file.truncate(len(whole) + 1 if whole else 0)
        lines = whole.splitlines()
        last = json.loads(lines[-1]) if lines else {"sequence": 0, "sha256": _NOTHING_BEFORE}
        entry = {
            "sequence": last["sequence"] + 1,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "kind": kind,
            **what,
            "previous_sha256": last["sha256"],
        }
        entry["sha256"] = _digest(entry)
        file.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return entry


def read(ledger: Path) -> list[dict[str, Any]]:
    """Read the ledger, oldest first.

    Raises:
        ValueError: the chain is broken; the message names the first line that does not fit.
    """
    entries: list[dict[str, Any]] = []
    previous = _NOTHING_BEFORE
    for number, line in enumerate(ledger.read_bytes().splitlines(), start=1):
        entry = json.loads(line)
        claimed = entry.pop("sha256")
        if entry["previous_sha256"] != previous or _digest(entry) != claimed:
            raise ValueError(f"{ledger.name}, line {number}: the hash chain is broken here")
        previous = entry["sha256"] = claimed
        entries.append(entry)
    return entries
