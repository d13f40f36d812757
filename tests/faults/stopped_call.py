"""Reading, and cutting short, the call at which a traced thread has stopped."""

import contextlib
import ctypes
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from tests.faults import seccomp_filter

PAGE = 4096
_AT_FDCWD = -100
_REGISTERS = (
    "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base "
    "ds es fs gs"
)


class Registers(ctypes.Structure):
    """The registers of a thread (user_regs_struct)."""

    _fields_ = tuple((name, ctypes.c_uint64) for name in _REGISTERS.split())


@dataclass(frozen=True)
class Call:
    """A call that would change something (or read) below the watched folder; its path is relative to it.

    `target` is where a rename goes. `n_bytes` is 0 for what writes nothing.
    """

    name: str
    path: str
    target: str
    n_bytes: int

    @property
    def is_write(self) -> bool:
        """Whether the call can be torn."""
        return self.n_bytes > 1

    def __str__(self) -> str:
        size = f" {self.n_bytes} bytes" if self.n_bytes else ""
        return f"{self.name} {self.path}{' -> ' + self.target if self.target else ''}{size}"


@dataclass(frozen=True)
class CallReader:
    """Reads from a stopped thread what it is about to call."""

    thread: int
    registers: Registers
    root: str

    def call(self) -> Call | None:
        """Give the call, or None when it does not concern the watched folder."""
        number = self.registers.orig_rax
        if number not in seccomp_filter.NAMES:
            return None
        name = seccomp_filter.NAMES[number]
        path, target = self._paths(name)
        if self._changes_nothing(name, path):
            return None
        if path.startswith("/proc/") or not (self._is_below(path) or self._is_below(target)):
            return None
        n_bytes = self._size(name) if number in seccomp_filter.WRITES else 0
        return Call(name, self._relative(path), self._relative(target), n_bytes)

    def _changes_nothing(self, name: str, path: str) -> bool:
        """Whether a call makes what is there already, or removes what is not."""
        if name in ("mkdir", "mkdirat"):
            return os.path.lexists(path)
        if name in ("unlink", "unlinkat", "rmdir"):
            return not os.path.lexists(path)
        flags = {"open": self.registers.rsi, "openat": self.registers.rdx}.get(name, os.O_TRUNC)
        return not flags & os.O_TRUNC and os.path.lexists(path)

    def _is_below(self, path: str) -> bool:
        return path == self.root or path.startswith(self.root + "/")

    def _relative(self, path: str) -> str:
        return os.path.relpath(path, self.root) if path else ""

    def _size(self, name: str) -> int:
        r = self.registers
        if name in ("writev", "pwritev"):
            return sum(length for _, length in _vector(self.thread, r.rsi, r.rdx))
        return {"sendfile": r.r10, "copy_file_range": r.r8}.get(name, r.rdx)

    def _paths(self, name: str) -> tuple[str, str]:
        """Give the absolute path that a call changes, and the other one when it has two."""
        r = self.registers
        target = ""
        match name:
            case "rename" | "link":
                path, target = self._at(_AT_FDCWD, r.rdi), self._at(_AT_FDCWD, r.rsi)
            case "renameat" | "renameat2" | "linkat":
                path, target = self._at(r.rdi, r.rsi), self._at(r.rdx, r.r10)
            case "symlink":
                path = self._at(_AT_FDCWD, r.rsi)
            case "symlinkat":
                path = self._at(r.rsi, r.rdx)
            case "open" | "mkdir" | "rmdir" | "unlink" | "chmod" | "truncate":
                path = self._at(_AT_FDCWD, r.rdi)
            case "openat" | "mkdirat" | "unlinkat" | "fchmodat":
                path = self._at(r.rdi, r.rsi)
            case "copy_file_range":
                path = self._descriptor(r.rdx)
            case _:
                path = self._descriptor(r.rdi)
        return path, target

    def _descriptor(self, number: int) -> str:
        return self._link(f"fd/{ctypes.c_int32(number).value}")

    def _link(self, name: str) -> str:
        with contextlib.suppress(OSError):
            return str(Path(f"/proc/{self.thread}/{name}").readlink())
        return ""

    def _at(self, folder: int, address: int) -> str:
        named = os.fsdecode(_memory(self.thread, address, PAGE).partition(b"\0")[0])
        is_relative = ctypes.c_int32(folder).value == _AT_FDCWD
        path = Path(self._link("cwd") if is_relative else self._descriptor(folder)) / named
        # The last part itself may be a link: it is what changes, not what it points to.
        return str(path.parent.resolve() / path.name)


def _memory(thread: int, address: int, n_bytes: int) -> bytes:
    with contextlib.suppress(OSError), Path(f"/proc/{thread}/mem").open("rb", buffering=0) as memory:
        # What crosses into a page that is not there cannot be read in one piece.
        first = min(n_bytes, PAGE - address % PAGE)
        data = os.pread(memory.fileno(), first, address)
        if first < n_bytes and b"\0" not in data:
            with contextlib.suppress(OSError):
                data += os.pread(memory.fileno(), n_bytes - first, address + first)
        return data
    return b""


def _vector(thread: int, address: int, length: int) -> list[tuple[int, int]]:
    data = b"".join(_memory(thread, address + 16 * n, 16) for n in range(length))
    return list(struct.iter_unpack("QQ", data[: len(data) // 16 * 16]))


def _cut_vector(thread: int, registers: Registers, kept: int) -> None:
    """Let a write of several pieces end after `kept` bytes."""
    pieces = _vector(thread, registers.rsi, registers.rdx)
    for position, (address, length) in enumerate(pieces, start=1):
        if length >= kept:
            with Path(f"/proc/{thread}/mem").open("r+b", buffering=0) as memory:
                place = registers.rsi + 16 * (position - 1)
                os.pwrite(memory.fileno(), struct.pack("QQ", address, kept), place)
            registers.rdx = position
            return
        kept -= length


def shorten(thread: int, registers: Registers, n_bytes: int) -> None:
    """Let a stopped write end after whole pages, or after half of it when it is shorter than one.

    Args:
        thread: the stopped thread.
        registers: its registers, which are changed here and not yet there.
        n_bytes: how much it would write.
    """
    kept = n_bytes // 2 if n_bytes <= PAGE else max(n_bytes // 2 // PAGE * PAGE, PAGE)
    name = seccomp_filter.NAMES[registers.orig_rax]
    if name in ("writev", "pwritev"):
        _cut_vector(thread, registers, kept)
    else:
        setattr(registers, {"sendfile": "r10", "copy_file_range": "r8"}.get(name, "rdx"), kept)
