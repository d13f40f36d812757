"""Which system calls of a traced process stop it: those that change files, and reads when asked for."""

import ctypes
import os
import platform
from collections.abc import Iterable

# Linux, x86_64: number, and the position of what names a file: its descriptor, or its path and folder.
WRITES = {1: "write", 18: "pwrite64", 20: "writev", 40: "sendfile", 296: "pwritev", 326: "copy_file_range"}
READS = {0: "read", 17: "pread64", 19: "readv"}
_ON_DESCRIPTORS = {74: "fsync", 75: "fdatasync", 77: "ftruncate", 91: "fchmod", 285: "fallocate"}
_ON_PATHS = {
    76: "truncate",
    82: "rename",
    83: "mkdir",
    84: "rmdir",
    86: "link",
    87: "unlink",
    88: "symlink",
    90: "chmod",
    258: "mkdirat",
    263: "unlinkat",
    264: "renameat",
    265: "linkat",
    266: "symlinkat",
    268: "fchmodat",
    316: "renameat2",
}
# The position of the flags of these; only what may create or empty a file stops.
_OPENS = {2: ("open", 1), 257: ("openat", 2)}

NAMES = {**WRITES, **READS, **_ON_DESCRIPTORS, **_ON_PATHS, **{n: name for n, (name, _) in _OPENS.items()}}

_AUDIT_ARCH_X86_64 = 0xC000003E
_LOAD, _IF_EQUAL, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _TRACE = 0x7FFF0000, 0x7FF00000
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _FILTER = 22, 38, 2


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("k", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def is_known_machine() -> bool:
    """Whether the numbers above are those of this machine."""
    return platform.system() == "Linux" and platform.machine() == "x86_64"


def _instructions(stopping: Iterable[int]) -> list[tuple[int, int, int, int]]:
    number, machine = 0, 4
    lines = [
        (_LOAD, 0, 0, machine),
        (_IF_EQUAL, 1, 0, _AUDIT_ARCH_X86_64),
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, number),
    ]
    for call in stopping:
        lines += [(_IF_EQUAL, 0, 1, call), (_RETURN, 0, 0, _TRACE)]
    for call, (_, position) in _OPENS.items():
        lines += [
            (_IF_EQUAL, 0, 4, call),
            (_LOAD, 0, 0, 16 + 8 * position),
            (_IF_ANY_BIT, 0, 1, os.O_CREAT | os.O_TRUNC),
            (_RETURN, 0, 0, _TRACE),
            (_RETURN, 0, 0, _ALLOW),
        ]
    return [*lines, (_RETURN, 0, 0, _ALLOW)]


def install(*, reads: bool) -> None:
    """Let this thread, and all it will start, stop at these calls for the process that traces it.

    Raises:
        OSError: the system does not permit it.
    """
    stopping = [*WRITES, *_ON_DESCRIPTORS, *_ON_PATHS, *(READS if reads else ())]
    lines = _instructions(stopping)
    program = _Program(len(lines), (_Instruction * len(lines))(*lines))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in (
        (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (_PR_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0),
    ):
        if libc.prctl(*arguments):
            raise OSError(ctypes.get_errno(), "the system calls of a process cannot be filtered")
