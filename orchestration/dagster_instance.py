"""Dagster's own home: where the runs of the command line, the UI and the schedule are recorded.

What lies there is Dagster's bookkeeping. No release is made from it, so damage to it may stop no build: what
is damaged is set aside, and Dagster begins anew.
"""

import contextlib
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import dagster as dg

from orchestration.settings import Settings

_INSTANCE_SETTINGS = """\
telemetry:
  enabled: false
nux:
  enabled: false
"""

_ASIDE = "damaged-"
# Every build reads these. A file of one run is read by whoever looks at that run, and there may be thousands:
# as many are checked as this time allows, the newest first.
_OF_EVERY_RUN = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
_SECONDS_FOR_RUNS = 0.1
_BESIDE = ("-wal", "-shm", "-journal")

_HEADER_BYTES = 100
_MAGIC = b"SQLite format 3\0"
# Versions of the format for writing and reading, at these bytes: 1 is with a journal, 2 with a -wal file.
_VERSIONS = slice(18, 20)
# What SQLite denies for the machine's sake or another process's says nothing of the file.
_OF_THE_MACHINE = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
)

_looked_at: set[Path] = set()


def prepare_home(settings: Settings) -> None:
    """Make Dagster's home, with its settings, when it is not there."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    configuration = settings.dagster_home / "dagster.yaml"
    if not configuration.exists():
        configuration.write_text(_INSTANCE_SETTINGS, encoding="utf-8")


def open_instance(settings: Settings, say: Callable[[str], object] | None = None) -> dg.DagsterInstance:
    """Open the instance in the warehouse's home, so that the UI shows what the command ran.

    Bookkeeping that is damaged is set aside first.

    Args:
        settings: the warehouse.
        say: told in a sentence what was set aside; by default standard error is.
    """
    prepare_home(settings)
    _leave_writing_to_the_system()
    home = settings.dagster_home
    # Once a process: whoever closes a file that SQLite has open in the same process ends SQLite's locks.
    if home in _looked_at:
        return dg.DagsterInstance.from_config(str(home))
    _looked_at.add(home)
    say = say or (lambda sentence: sys.stderr.write(f"{sentence}\n"))
    if damaged := damaged_files(settings):
        say(_set_aside(home, damaged))
    try:
        return _opened(home)
    except Exception as error:
        if _is_of_the_machine(error):
            raise
        # Files that are whole may still hold what Dagster cannot read, such as a version of its tables that
        # never was.
        if not (left := [home / name for name in _OF_EVERY_RUN if (home / name).exists()]):
            raise
        say(_set_aside(home, left))
    return dg.DagsterInstance.from_config(str(home))


@cache
def _leave_writing_to_the_system() -> None:
    """Let no commit of Dagster's wait for the disk: a run has two thousand, and none is worth keeping.

    A power cut may damage the bookkeeping; then it is set aside.
    """
    from sqlalchemy import event  # noqa: PLC0415 - Dagster's, which is slow to import
    from sqlalchemy.engine import Engine  # noqa: PLC0415

    @event.listens_for(Engine, "connect")
    def relax(connection: object, _record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("pragma synchronous = off")


def damaged_files(settings: Settings) -> list[Path]:
    """Find the databases of Dagster that are damaged, as far as SQLite can tell at a glance.

    No database may be open in this process.
    """
    home = settings.dagster_home
    of_every_run = [home / name for name in _OF_EVERY_RUN if (home / name).exists()]
    damaged = [path for path in of_every_run if _is_damaged(path)]
    of_one_run = [path for path in (home / "history" / "runs").glob("*.db") if path not in of_every_run]
    deadline = time.monotonic() + _SECONDS_FOR_RUNS
    for path in sorted(of_one_run, key=_changed_at, reverse=True):
        if time.monotonic() > deadline:
            break
        if _is_damaged(path):
            damaged.append(path)
    return damaged


def _changed_at(path: Path) -> float:
    # Another process may remove it meanwhile.
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def _is_damaged(path: Path) -> bool:
    try:
        if not path.is_file():
            return True
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError:
        return False  # the machine denies it, and will say so when Dagster opens it
    if not header:
        # Dagster makes its tables where there is no file, not in an empty one.
        return True
    if not header.startswith(_MAGIC) or not set(header[_VERSIONS]) <= {1, 2}:
        return True
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)) as con:
            return con.execute("pragma quick_check(1)").fetchall() != [("ok",)]
    except sqlite3.Error as error:
        return not _is_of_the_machine(error)


def _is_of_the_machine(error: BaseException) -> bool:
    """Whether an error, or what it came of, is one of the machine and not of a file."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        if isinstance(each, sqlite3.Error):
            # The lowest byte; the others say more of the same.
            return getattr(each, "sqlite_errorcode", 0) & 0xFF in _OF_THE_MACHINE
        if isinstance(each, OSError | MemoryError):
            return True
        each = each.__cause__ or each.__context__
    return False


def _opened(home: Path) -> dg.DagsterInstance:
    """Open an instance and ask it what every build asks it."""
    instance = dg.DagsterInstance.from_config(str(home))
    try:
        instance.get_runs(limit=1)
        instance.get_asset_keys(limit=1)
        instance.event_log_storage.get_maximum_record_id()
        instance.all_instigator_state()
    except BaseException:
        with contextlib.suppress(Exception):
            instance.dispose()
        raise
    return instance


def _set_aside(home: Path, damaged: list[Path]) -> str:
    """Move databases, and what SQLite keeps beside each, out of Dagster's sight; say that it was done."""
    number = 1
    while (aside := home / f"{_ASIDE}{number}").exists():
        number += 1
    for path in damaged:
        target = aside / path.relative_to(home)
        target.parent.mkdir(parents=True, exist_ok=True)
        for suffix in ("", *_BESIDE):
            # Another build may have set it aside meanwhile.
            with contextlib.suppress(FileNotFoundError):
                shutil.move(f"{path}{suffix}", f"{target}{suffix}")
    names = ", ".join(str(path.relative_to(home)) for path in damaged)
    return (
        f"Dagster's record of earlier runs was damaged ({names}) and is set aside in {aside}; a new one "
        "begins. Releases, the ledger and what was delivered are not touched by it."
    )
