"""Watching a process change files, and killing it, tearing its writes or failing its calls where one wants.

A kill at random hits the few instants that matter once in a thousand times; this one hits each. It is
ptrace with a seccomp filter by way of ctypes: no compiler, no program to install, and only the calls of
interest cost anything. Linux on x86_64; `why_not_here` says why it cannot be used elsewhere.
"""

import contextlib
import ctypes
import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cache
from pathlib import Path
from typing import NoReturn

from tests.faults import seccomp_filter
from tests.faults.stopped_call import Call, CallReader, Registers, shorten

_TRACEME, _CONT, _GETREGS, _SETREGS, _SYSCALL = 0, 7, 12, 13, 24
_SETOPTIONS, _GETEVENTMSG = 0x4200, 0x4201
_EXIT_KILL = 0x100000
_FORK, _VFORK, _CLONE, _EXEC, _SECCOMP = (1, 2, 3, 4, 7)
_OPTIONS = _EXIT_KILL | sum(1 << event for event in (_FORK, _VFORK, _CLONE, _EXEC, _SECCOMP))
_WALL = 0x40000000


class Do(Enum):
    """What becomes of a process at one of its calls."""

    GO_ON = auto()
    KILL = auto()
    """Every process of the traced command is killed before the call."""
    KILL_CALLER = auto()
    """Only the process that calls is killed, before the call."""
    TEAR = auto()
    """A write is cut to whole pages, or to half when it is shorter than one, and then all are killed."""


@dataclass
class Traced:
    """What a traced command did; `status` is its exit status, negative for the signal that ended it."""

    status: int = 0
    calls: list[Call] = field(default_factory=list)


Decide = Callable[[int, Call], Do | int]
"""Given how many calls went before, and the call: what to do, or the errno it fails with."""


def go_on(_number: int, _call: Call) -> Do:
    """Let every call pass."""
    return Do.GO_ON


def at(number: int, do: Do | int) -> Decide:
    """Do this at the call with this number, counted from 0."""
    return lambda n, _call: do if n == number else Do.GO_ON


def trace(
    work: Callable[[], object],
    root: Path,
    decide: Decide = go_on,
    *,
    output: Path,
    reads: bool = False,
    seconds: int = 60,
) -> Traced:
    """Run some work in a process of its own and decide at each call that changes files below a folder.

    Args:
        work: what to do; an exception gives status 1 and its traceback in `output`. Python after a fork:
            libraries with threads must not have been used in this process before.
        root: the watched folder, absolute.
        decide: called at every call below `root`, before it is made.
        output: a file outside `root` that takes standard output and error.
        reads: whether reads are calls of interest too.
        seconds: after which it is ended by SIGALRM.

    Returns:
        How it ended and which calls it made, in order.
    """
    child = os.fork()
    if not child:
        signal.alarm(seconds)
        _become_traced(work, output, reads=reads)
    return _Tracer(child, os.path.realpath(root), decide).run()


def run_apart(work: Callable[[], object], *, output: Path, seconds: int = 60) -> int:
    """Run some work in a fork of this process, untraced; arguments and status as of `trace`."""
    child = os.fork()
    if not child:
        signal.alarm(seconds)
        _do_and_exit(work, output)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _become_traced(work: Callable[[], object], output: Path, *, reads: bool) -> NoReturn:
    def traced() -> None:
        if ctypes.CDLL(None, use_errno=True).ptrace(_TRACEME, 0, None, None):
            raise OSError(ctypes.get_errno(), "a process cannot be traced")
        os.kill(os.getpid(), signal.SIGSTOP)
        seccomp_filter.install(reads=reads)
        work()

    _do_and_exit(traced, output)


def _do_and_exit(work: Callable[[], object], output: Path) -> NoReturn:
    status = 1
    try:
        os.setsid()
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        # Whatever these were in the process that was forked, a test's capture for one.
        sys.stdout = sys.stderr = os.fdopen(descriptor, "w", encoding="utf-8")
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


class _Tracer:
    def __init__(self, child: int, root: str, decide: Decide) -> None:
        self._child = child
        self._root = root
        self._decide = decide
        self._traced = Traced()
        # Every thread from when it is first heard of to its end; that may come before its parent tells of it.
        self._alive = {child}
        self._started: set[int] = set()
        self._ended: set[int] = set()
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
        self._libc.ptrace.restype = ctypes.c_long

    def run(self) -> Traced:
        try:
            while self._alive:
                self._wait()
        except BaseException:
            self._kill_all()
            raise
        return self._traced

    def _wait(self) -> None:
        """Handle one stop or end of any traced thread."""
        thread, status = os.waitpid(-1, _WALL)
        if os.WIFSTOPPED(status):
            self._stopped(thread, status)
        else:
            self._alive.discard(thread)
            self._ended.add(thread)
            if thread == self._child:
                self._traced.status = os.waitstatus_to_exitcode(status)

    def _stopped(self, thread: int, status: int) -> None:
        number, event = os.WSTOPSIG(status), status >> 16
        if thread not in self._started:
            # A thread or process begins with a stop of its own.
            self._started.add(thread)
            self._alive.add(thread)
            if thread == self._child:
                self._ask(_SETOPTIONS, thread, _OPTIONS)
            self._ask(_CONT, thread, 0)
        elif event == _SECCOMP:
            self._at_call(thread)
        else:
            if event in (_FORK, _VFORK, _CLONE):
                made = ctypes.c_ulong()
                self._ask(_GETEVENTMSG, thread, ctypes.addressof(made))
                self._alive |= {made.value} - self._ended - {0}
            self._ask(_CONT, thread, 0 if event else number)

    def _at_call(self, thread: int) -> None:
        registers = Registers()
        if self._ask(_GETREGS, thread, ctypes.addressof(registers)):
            return  # killed meanwhile
        call = CallReader(thread, registers, self._root).call()
        if call is None:
            self._ask(_CONT, thread, 0)
            return
        do = self._decide(len(self._traced.calls), call)
        self._traced.calls.append(call)
        if do is Do.GO_ON:
            self._ask(_CONT, thread, 0)
        elif do is Do.KILL_CALLER:
            os.kill(_process_of(thread), signal.SIGKILL)
        elif do is Do.TEAR or do is Do.KILL:
            if do is Do.TEAR:
                self._tear(thread, registers, call.n_bytes)
            self._kill_all()
        else:
            registers.orig_rax = ctypes.c_uint64(-1).value
            registers.rax = ctypes.c_uint64(-int(do)).value
            self._ask(_SETREGS, thread, ctypes.addressof(registers))
            self._ask(_CONT, thread, 0)

    def _tear(self, thread: int, registers: Registers, n_bytes: int) -> None:
        shorten(thread, registers, n_bytes)
        self._ask(_SETREGS, thread, ctypes.addressof(registers))
        self._ask(_SYSCALL, thread, 0)
        os.waitpid(thread, _WALL)

    def _kill_all(self) -> None:
        for thread in self._alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(_process_of(thread), signal.SIGKILL)

    def _ask(self, request: int, thread: int, data: int) -> int:
        """Make a request; a thread that is gone meanwhile is no error."""
        if self._libc.ptrace(request, thread, None, data) == 0:
            return 0
        if ctypes.get_errno() != errno.ESRCH:
            raise OSError(ctypes.get_errno(), f"ptrace request {request}")
        return errno.ESRCH


def _process_of(thread: int) -> int:
    with contextlib.suppress(OSError), Path(f"/proc/{thread}/status").open(encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("Tgid:"))
    return thread


@cache
def why_not_here() -> str:
    """Say why processes cannot be traced here; empty when they can."""
    if not seccomp_filter.is_known_machine():
        return "system calls are traced on Linux, x86_64 only"
    try:
        status = trace(lambda: None, Path("/nowhere"), output=Path(os.devnull)).status
    except OSError as error:
        return f"ptrace is not permitted here: {error}"
    return "" if status == 0 else "ptrace or seccomp is not permitted here"
