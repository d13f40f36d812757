"""The append-only ledger: what was delivered, built, published and decided, one JSON line each, hash-chained.

The order of the entries is their `sequence`, never their time: a clock may go backwards. Beside the ledger a
head file says how far it goes, so that lines cut off its end are missed as lines changed inside it are.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from orchestration.release.durable import make_folder, replace_file, sync_folder

Kind = Literal[
    "delivery",
    "landing",
    "build",
    "publication",
    "rollback",
    "prune",
    "lock",
    "unlock",
    "withdrawal",
    "recovery",
]
Entry = dict[str, Any]

_NOTHING_BEFORE = "0" * 64
_CHAIN = ("sequence", "at", "clock_at", "previous_sha256", "sha256")
# What outlives damage of the ledger. These protect people and analyses, and count when they can be read;
_PROTECTING = ("lock", "withdrawal")
# these say which releases there are, and count when their own line is as it was written.
_TELLING = ("publication", "rollback", "prune", "unlock")

_command = ""


def set_command(text: str) -> None:
    """Say which command this process runs; every entry it appends names it.

    It is kept for ever: it may hold no participant, no key, and no reason that names somebody.
    """
    global _command  # noqa: PLW0603 - one process runs one command, in several threads
    _command = text


def command() -> str:
    """The command this process said that it runs; empty when it did not."""
    return _command


def append(ledger: Path, kind: Kind, **what: Any) -> Entry:
    """Append one entry, chained to the one before by sha256, and force it to disk.

    A damaged ledger stops nobody: it is kept beside the new one (`ledger.damaged-<n>.jsonl`), which begins
    with what could be verified and an entry that says so.

    Args:
        ledger: the file; made with its folder when absent.
        kind: what happened.
        what: JSON-able facts of the entry.

    Returns:
        The entry as written, with `sequence`, `at` (UTC, never before the entry before; `clock_at` is what
        the clock said when it had gone backwards), `command`, `previous_sha256` and its own `sha256`.
    """
    make_folder(ledger.parent)
    with _alone(ledger):
        found = _examine(ledger)
        if found.damage:
            found = _recover(ledger, found)
        entry = _next(found.entries, kind, {"command": _command, **what})
        is_new = not ledger.exists()
        with ledger.open("ab") as file:
            # What lies beyond was being written when the power went: it was never said.
            file.truncate(found.n_bytes)
            file.write(_line(entry))
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            sync_folder(ledger.parent)
        _write_head(ledger, entry)
    return entry


def read(ledger: Path) -> list[Entry]:
    """Read the ledger, oldest first; none when there is no ledger.

    Raises:
        ValueError: the chain is broken, or lines at its end are gone; the message names the first that does
            not fit.
    """
    found = _examine(ledger)
    if found.damage:
        raise ValueError(found.damage)
    return found.entries


def read_intact(ledger: Path) -> tuple[list[Entry], str]:
    """Read what can be read of a ledger that may be damaged: for finding out, not for serving numbers.

    Returns:
        The verified entries and those behind the damage whose own hash is right; the damage, empty if none.
    """
    found = _examine(ledger)
    return [*found.entries, *(e for line in found.unverified if (e := _intact(line)))], found.damage


@dataclass(frozen=True)
class _Found:
    """The verified entries of a ledger, their size on disk, and what is wrong with what follows."""

    entries: list[Entry]
    n_bytes: int
    damage: str
    unverified: list[bytes]


def _examine(ledger: Path) -> _Found:
    """Verify a ledger as far as it goes."""
    # The head first: it never is ahead of a ledger that is read after it.
    head: Entry | None = None
    head_damage = ""
    try:
        head = _read_head(ledger)
    except ValueError as error:
        head_damage = str(error)
    content = ledger.read_bytes() if ledger.exists() else b""
    lines = content.split(b"\n")[:-1]
    entries: list[Entry] = []
    n_bytes = 0
    for line in lines:
        entry = _verified(line, entries[-1]["sha256"] if entries else _NOTHING_BEFORE)
        if entry is None:
            break
        entries.append(entry)
        n_bytes += len(line) + 1
    # Of an earlier version there is no head, and of a first entry none when the power went after its line.
    is_headless = sum("command" in entry for entry in entries) <= 1
    said = head["sequence"] if head else 0 if is_headless else len(lines)
    if head_damage:
        damage = head_damage
    elif len(entries) < said:
        damage = (
            f"{ledger.name}, line {len(entries) + 1}: the hash chain is broken here"
            if len(entries) < len(lines)
            else f"{ledger.name} ends after line {len(entries)}: {said - len(entries)} of its lines are gone"
        )
    elif head and said and entries[said - 1]["sha256"] != head["sha256"]:
        damage = f"{ledger.name}, line {said}: the entry is another one than its head file says"
    elif head is None and not is_headless:
        damage = f"{_head(ledger).name}, which says how far {ledger.name} goes, is gone"
    elif head is None and len(entries) < len(lines) and (entries or len(lines) > 1):
        damage = f"{ledger.name}, line {len(entries) + 1}: the hash chain is broken here"
    else:
        damage = ""
    return _Found(entries, n_bytes, damage, lines[len(entries) :] if damage else [])


def _verified(line: bytes, previous: str) -> Entry | None:
    """Read a line that is as it was written and follows on `previous`."""
    entry = _intact(line)
    return entry if entry and entry.get("previous_sha256") == previous else None


def _intact(line: bytes) -> Entry | None:
    """Read a line whose own hash is right."""
    entry = _readable(line)
    if entry is None:
        return None
    # Lines are written as they are hashed, with the hash at the end; earlier versions wrote them otherwise.
    body, _, claimed = line.rpartition(b',"sha256":"')
    digest = hashlib.sha256(body + b"}").hexdigest()
    if claimed == digest.encode() + b'"}':
        return entry
    rest = {name: value for name, value in entry.items() if name != "sha256"}
    return entry if _digest(_canonical(rest)) == entry.get("sha256") else None


def _readable(line: bytes) -> Entry | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _canonical(entry: Entry) -> bytes:
    return json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _line(entry: Entry) -> bytes:
    body = _canonical({name: value for name, value in entry.items() if name != "sha256"})
    return body[:-1] + f',"sha256":"{entry["sha256"]}"}}\n'.encode()


def _next(entries: list[Entry], kind: Kind, what: Entry) -> Entry:
    """Make the entry that follows on others."""
    last = entries[-1] if entries else {"sequence": 0, "at": "", "sha256": _NOTHING_BEFORE}
    clock = datetime.now(UTC).isoformat(timespec="seconds")
    at = max(clock, last["at"])
    entry = {
        "sequence": last["sequence"] + 1,
        "at": at,
        **({"clock_at": clock} if clock != at else {}),
        "kind": kind,
        **what,
        "previous_sha256": last["sha256"],
    }
    # As it will be read: a tuple is a list in JSON.
    as_read: Entry = json.loads(_canonical(entry))
    as_read["sha256"] = _digest(_canonical(as_read))
    return as_read


def _recover(ledger: Path, found: _Found) -> _Found:
    """Begin a new ledger with what was verified of a damaged one, which is kept."""
    content = ledger.read_bytes() if ledger.exists() else b""
    kept = _keep_damaged(ledger, content)
    entries = list(found.entries)
    what = {
        "command": _command,
        "damage": found.damage,
        "damaged_file": kept.name,
        "damaged_sha256": _digest(content),
        "n_verified": len(entries),
        "n_unverified": len(found.unverified),
    }
    entries.append(_next(entries, "recovery", what))
    for line in found.unverified:
        entry, is_intact = _readable(line), _intact(line) is not None
        if entry and entry.get("kind") in (*_PROTECTING, *(_TELLING if is_intact else ())):
            facts = {name: value for name, value in entry.items() if name not in (*_CHAIN, "kind")}
            facts["recovered_from"] = {"sequence": entry.get("sequence"), "at": entry.get("at")}
            entries.append(_next(entries, entry["kind"], facts))
    text = content[: found.n_bytes] + b"".join(_line(entry) for entry in entries[len(found.entries) :])
    # A kill between the two leaves the damaged ledger as damaged as it was, and this is done again.
    _write_head(ledger, entries[-1])
    replace_file(ledger, text)
    return _Found(entries, len(text), "", [])


def _keep_damaged(ledger: Path, content: bytes) -> Path:
    for number in range(1, 1_000_000):
        kept = ledger.with_name(f"{ledger.stem}.damaged-{number}{ledger.suffix}")
        if not kept.exists():
            replace_file(kept, content)
            return kept
        if kept.read_bytes() == content:
            return kept
    raise ValueError(f"{ledger.parent} holds a million damaged ledgers")


def damaged_ledgers(ledger: Path) -> list[Path]:
    """The damaged ledgers that are kept beside a ledger."""
    return sorted(ledger.parent.glob(f"{ledger.stem}.damaged-*{ledger.suffix}"))


def _head(ledger: Path) -> Path:
    return ledger.with_name("head.json")


def _read_head(ledger: Path) -> Entry | None:
    try:
        head = _readable(_head(ledger).read_bytes())
    except FileNotFoundError:
        return None
    if head and isinstance(head.get("sequence"), int) and isinstance(head.get("sha256"), str):
        return head
    raise ValueError(f"{_head(ledger).name}, which says how far {ledger.name} goes, is damaged")


def _write_head(ledger: Path, last: Entry) -> None:
    replace_file(_head(ledger), _canonical({"sequence": last["sequence"], "sha256": last["sha256"]}) + b"\n")


@contextmanager
def _alone(ledger: Path) -> Iterator[None]:
    """Let one process at a time append; the lock is a file of its own, for a recovery replaces the ledger."""
    with ledger.with_name(f"{ledger.stem}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
