"""Crashing an operation at each instant at which it changes a file, and looking at what is left.

The trials run in a process that has imported what they need and used none of it: each is a fork of it, which
costs milliseconds where a new Python would cost seconds.
"""

import errno
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

from tests.faults.operations import OPERATIONS, Operation, say, warm_up
from tests.faults.power_cut import Unforced
from tests.faults.seccomp_filter import READS
from tests.faults.system_calls import Call, Do, Traced, at, go_on, run_apart, trace

Crash = Literal["killed", "torn", "power cut"]
# Removing needs none, and forcing none that was not given before.
# Between two of these, a power cut takes what one at the next takes.
_BEFORE = "before"
# Run ids, process ids and times in the names of files.
_DRAWN = re.compile("[0-9a-f]{8}|[0-9]+")
# Less is written as one.
_TORN_BYTES = 100
_NEEDING_SPACE = (
    "open",
    "openat",
    "mkdir",
    "mkdirat",
    "symlink",
    "link",
    "write",
    "pwrite64",
    "writev",
    "sendfile",
)
_ORDERING = ("fsync", "fdatasync", "rename", "renameat", "renameat2", "unlink", "link", "symlink")


@dataclass(frozen=True)
class Trial:
    """One crash; `lost` says what was lost, and is empty when nothing was."""

    what: str
    lost: str


class Trials:
    """Two processes: one prepares warehouses, the other has used nothing and is forked for each trial."""

    def __init__(self) -> None:
        self._preparing = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        self._trying = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=warm_up)

    def end(self) -> None:
        """End both processes."""
        self._preparing.shutdown()
        self._trying.shutdown()

    def crash_everywhere(self, name: str, crash: Crash, folder: Path) -> list[Trial]:
        """Crash an operation at every point, one after another, each time in a warehouse as it was before.

        Args:
            name: the operation.
            crash: `killed` at every call that changes something; `torn`, every write cut off in the
                middle; or `power cut`: killed, and what was not forced to disk is lost.
            folder: where to work; must not exist.
        """
        self._preparing.submit(_prepare, name, folder).result()
        return self._trying.submit(_crash_everywhere, name, crash, folder).result()

    def fail_everywhere(self, name: str, error: int, folder: Path, *, for_good: bool) -> list[Trial]:
        """Let every call of an operation fail, one after another, each time in a warehouse as it was before.

        Args:
            name: the operation.
            error: the errno of what fails.
            folder: where to work; must not exist.
            for_good: whether every later call that needs space fails too (a full disk), or this one only.
        """
        self._preparing.submit(_prepare, name, folder).result()
        return self._trying.submit(_fail_everywhere, name, error, folder, for_good).result()

    def fail_reads(self, name: str, folder: Path) -> list[Trial]:
        """Let every read of an operation fail with EIO, one after another; arguments as above."""
        self._preparing.submit(_prepare, name, folder).result()
        return self._trying.submit(_fail_reads, name, folder).result()


def _prepare(name: str, folder: Path) -> None:
    (folder / _BEFORE).mkdir(parents=True)
    OPERATIONS[name].prepare(folder / _BEFORE)


def _crash_everywhere(name: str, crash: Crash, folder: Path) -> list[Trial]:
    bench = _Bench(OPERATIONS[name], folder)
    calls = bench.do_once()
    return [bench.crash(crash, number, call) for number, call in _points(crash, calls)]


def _fail_everywhere(name: str, error: int, folder: Path, for_good: bool) -> list[Trial]:
    bench = _Bench(OPERATIONS[name], folder)
    return [
        bench.fail(number, call, error, for_good=for_good)
        for number, call in enumerate(bench.do_once())
        if call.n_bytes >= _TORN_BYTES or not call.n_bytes
        if call.name in _NEEDING_SPACE or not for_good
    ]


def _fail_reads(name: str, folder: Path) -> list[Trial]:
    bench = _Bench(OPERATIONS[name], folder, reads=True)
    return [
        bench.fail(number, call, errno.EIO, for_good=False)
        for number, call in enumerate(bench.do_once())
        if call.name in READS.values()
    ]


def _points(crash: Crash, calls: list[Call]) -> Iterator[tuple[int, Call]]:
    """The calls at which to crash; of small writes to one file that follow on each other, the first."""
    before = None
    for number, call in enumerate(calls):
        is_more = call.name == "write" and before == (call.name, call.path) and call.n_bytes < _TORN_BYTES
        before = (call.name, call.path)
        if crash == "torn":
            is_point = call.n_bytes >= _TORN_BYTES
        elif crash == "power cut":
            is_point = call.name in _ORDERING
        else:
            is_point = not is_more
        if is_point:
            yield number, call


class _Bench:
    """One operation, and copies of the warehouse as it was before."""

    def __init__(self, operation: Operation, folder: Path, *, reads: bool = False) -> None:
        self._reads = reads
        self._operation = operation
        self._before = folder / _BEFORE
        self._trial = folder / "trial"
        self._scratch = folder / "scratch"
        self._output = folder / "output"
        self._expected = ""
        self._looked_at: set[tuple[int, tuple[tuple[str, int], ...]]] = set()

    def do_once(self) -> list[Call]:
        """Do the operation once without a crash, and remember what comes of it."""
        self._again()
        done = self._run(lambda: self._operation.work(self._trial))
        if done.status:
            raise RuntimeError(self._said())
        self._expected = self._outcome()
        return done.calls

    def crash(self, crash: Crash, number: int, call: Call) -> Trial:
        """Crash at one point, look, do the operation again, and look again."""
        self._again()
        unforced = Unforced(self._trial / "home", self._scratch)
        act = at(number, Do.TEAR if crash == "torn" else Do.KILL)

        def decide(n: int, made: Call) -> Do | int:
            if crash == "power cut" and n < number:
                unforced.note(made)
            return act(n, made)

        crashed = self._run(lambda: self._operation.work(self._trial), decide)
        what = f"{crash} at {number}: {call}"
        if crashed.status != -9:
            return Trial(what, f"it was not killed there: status {crashed.status}\n{self._said()}")
        if crash == "power cut":
            unforced.lose()
        return Trial(what, self._look(crashed.status))

    def fail(self, number: int, call: Call, error: int, *, for_good: bool) -> Trial:
        """Fail one call, or all that need space from it on, look, do the operation again, and look again."""
        self._again()

        def decide(n: int, made: Call) -> Do | int:
            is_failing = n == number or (for_good and n > number and made.name in _NEEDING_SPACE)
            return error if is_failing else Do.GO_ON

        failed = self._run(lambda: self._operation.work(self._trial), decide)
        what = f"{errno.errorcode[error]} at {number}: {call}"
        if failed.status not in (0, 1):
            return Trial(what, f"status {failed.status}\n{self._said()}")
        return Trial(what, self._look(failed.status))

    def _look(self, status: int) -> str:
        """Say what is wrong after a crash; nothing, if nothing is and the operation now comes through.

        What is left is often left by many: from each such state the operation is done again once.
        """
        state = (status, self._left())
        is_known = state in self._looked_at
        self._looked_at.add(state)

        def look() -> None:
            self._operation.check(self._trial)
            if is_known:
                print(self._expected)
                return
            self._operation.work(self._trial)
            self._operation.check(self._trial)
            print(say(self._operation.outcome(self._trial)))

        if run_apart(look, output=self._output):
            return self._said()
        found = self._said()
        return "" if found == self._expected else f"expected {self._expected}, found {found}"

    def _left(self) -> tuple[tuple[str, int], ...]:
        """What lies in the warehouse: names without what is drawn or counted, and sizes."""
        home = self._trial / "home"
        return tuple(
            sorted(
                (_DRAWN.sub("#", str(path.relative_to(home))), path.lstat().st_size)
                for path in home.rglob("*")
            )
        )

    def _again(self) -> None:
        for folder in (self._trial, self._scratch):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._before, self._trial, symlinks=True)

    def _outcome(self) -> str:
        if run_apart(lambda: print(say(self._operation.outcome(self._trial))), output=self._output):
            raise RuntimeError(self._said())
        return self._said()

    def _run(self, work: Callable[[], object], decide: Callable[[int, Call], Do | int] = go_on) -> Traced:
        return trace(work, self._trial / "home", decide, output=self._output, reads=self._reads)

    def _said(self) -> str:
        return self._output.read_text(encoding="utf-8", errors="replace").strip()
