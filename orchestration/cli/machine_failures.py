"""What the machine denies a command: space, a disk that works, leave to write, memory. Said in a sentence.

Anything may meet it first: SQLite below Dagster, dbt, DuckDB, an import. So it is known by the system's own
words, wherever in the chain of causes they stand.
"""

import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROBE_BYTES = 1 << 20


@dataclass(frozen=True)
class _Denial:
    """What is denied, how the system and its libraries say so, and what to do."""

    what: str
    words: tuple[str, ...]
    advice: str


_MEMORY = _Denial(
    "There is not enough memory",
    (
        "Cannot allocate memory",
        "failed to map segment from shared object",
        "MemoryError",
        "Out of Memory Error",
        "std::bad_alloc",
        "can't start new thread",
        "memory allocation of",
    ),
    "End other programs or raise the limit (`ulimit -v`), then run the command again; "
    "COHORTMART_THREADS=1 needs less.",
)
_DENIALS = (
    _Denial(
        "The disk is full",
        ("No space left on device", "database or disk is full", "Disk quota exceeded"),
        "Free some space there, then run the command again.",
    ),
    _Denial(
        "Nothing can be written",
        ("Read-only file system", "attempt to write a readonly database"),
        "Make it writable, or name another folder with --home, then run the command again.",
    ),
    _Denial(
        "Access is denied",
        ("Permission denied",),
        "Change who may read and write it, or name another folder, then run the command again.",
    ),
    _Denial(
        "The disk fails",
        ("Input/output error",),
        "Look at the system's log: the disk may have to be replaced. Then run the command again.",
    ),
    _MEMORY,
)
# SQLite says these of a full disk, of one that is read-only, and of one that fails.
_AMBIGUOUS = ("disk I/O error", "unable to open database file")


def explain(error: BaseException, home: Path | None = None) -> str | None:
    """Say in a sentence what the machine denied, and what to do; None when the error is of another kind.

    Args:
        error: what was raised, with its causes.
        home: where the warehouse is, to name when the error names no file.
    """
    for each in _chain(error):
        text = f"{type(each).__name__}: {each}"
        filename = each.filename if isinstance(each, OSError) else None
        if sentence := explain_text(text, Path(os.fsdecode(filename)) if filename else home):
            return sentence
    return None


def explain_text(text: str, place: Path | None) -> str | None:
    """Say what the machine denied according to a message; None when it says nothing of the kind."""
    if place and any(words in text for words in _AMBIGUOUS):
        text = _probe(place) or f"{text} Input/output error"
    for denial in _DENIALS:
        for words in denial.words:
            if words in text:
                named = re.search(rf"{re.escape(words)}: '([^']+)'", text)
                place = Path(named[1]) if named else place
                where = f": {place}" if place and denial is not _MEMORY else ""
                return f"{denial.what} ({words}){where}. {denial.advice}"
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it came of, each once."""
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        each = todo.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            todo += [each.__context__, each.__cause__]


def _probe(place: Path) -> str:
    """Say why nothing can be written there; empty when it can."""
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(bytes(_PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return str(error)
    return ""
