"""What a power cut takes: everything that was written, made or renamed and not yet forced to disk.

A killed process leaves its writes with the system; a machine that loses power does not. The worst that POSIX
allows is assumed: no content of a file before its fsync, no entry of a folder before the folder's.
"""

import contextlib
import os
import shutil
from pathlib import Path

from tests.faults.system_calls import Call

_FORCING = ("fsync", "fdatasync")
_MAKING = ("open", "openat", "mkdir", "mkdirat", "symlink", "symlinkat", "link", "linkat")
_CONTENT = ("write", "pwrite64", "writev", "pwritev", "sendfile", "copy_file_range", "ftruncate", "fallocate")


class Unforced:
    """Follows the calls below a folder, each noted just before it is made.

    Args:
        root: the watched folder.
        scratch: a folder outside it, on the same file system, for what renames replace.
    """

    def __init__(self, root: Path, scratch: Path) -> None:
        self._root = root
        self._scratch = scratch
        # How much of a file is on the disk for sure; of one that was emptied, nothing.
        self._forced_bytes: dict[str, int] = {}
        self._made: set[str] = set()
        self._renamed: list[tuple[str, str, Path | None]] = []
        scratch.mkdir(parents=True)

    def note(self, call: Call) -> None:
        """Follow one call."""
        if call.name in _FORCING:
            self._force(call.path)
        elif call.name in _MAKING:
            path = call.target or call.path
            if not os.path.lexists(self._root / path):
                self._made.add(path)
            if call.name.startswith("open"):
                self._forced_bytes.setdefault(path, 0)
        elif call.name in _CONTENT:
            with contextlib.suppress(OSError):
                self._forced_bytes.setdefault(call.path, (self._root / call.path).stat().st_size)
        elif call.name.startswith("rename"):
            self._rename(call.path, call.target)
        elif call.name in ("unlink", "unlinkat", "rmdir"):
            self._forced_bytes.pop(call.path, None)
            self._made.discard(call.path)

    def lose(self) -> None:
        """Take away what a power cut would take."""
        for path, size in self._forced_bytes.items():
            file = self._root / path
            if file.is_file() and not file.is_symlink() and file.stat().st_size > size:
                os.truncate(file, size)
        for path in sorted(self._made, reverse=True):
            self._remove(self._root / path)
        for source, target, replaced in reversed(self._renamed):
            if os.path.lexists(self._root / target):
                with contextlib.suppress(FileNotFoundError):
                    (self._root / target).rename(self._root / source)
            if replaced:
                os.link(replaced, self._root / target, follow_symlinks=False)

    @staticmethod
    def _remove(path: Path) -> None:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def _force(self, path: str) -> None:
        self._forced_bytes.pop(path, None)
        folder = "" if path == "." else path
        self._made = {made for made in self._made if _folder_of(made) != folder}
        self._renamed = [each for each in self._renamed if _folder_of(each[1]) != folder]

    def _rename(self, source: str, target: str) -> None:
        replaced = None
        if (self._root / target).is_symlink() or (self._root / target).is_file():
            replaced = self._scratch / str(len(list(self._scratch.iterdir())))
            os.link(self._root / target, replaced, follow_symlinks=False)
        self._renamed.append((source, target, replaced))
        self._forced_bytes = {_moved(p, source, target): size for p, size in self._forced_bytes.items()}
        # That the thing exists at all is as certain as its new name.
        self._made = {_moved(p, source, target) for p in self._made if p != source}


def _folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def _moved(path: str, source: str, target: str) -> str:
    return target + path[len(source) :] if path == source or path.startswith(source + "/") else path
