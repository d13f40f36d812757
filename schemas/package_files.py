"""Opening a file of a study package: a regular file inside its folder, and nothing else.

A package comes from elsewhere. A link in it may lead to any file of this machine, a device never ends, and
opening a pipe waits for ever: each is refused by its cause, before anything of it is read.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from itertools import islice
from pathlib import Path, PurePosixPath

from schemas.errors import StudyPackageError
from schemas.reference import suggestion

# More entries of a folder are not looked through for what might have been meant.
_SUGGESTED_FROM = 10_000
_KINDS = (
    (stat.S_ISLNK, "is a link, which leads outside the package or may be made to"),
    (stat.S_ISDIR, "is a folder"),
    (stat.S_ISFIFO, "is a pipe"),
    (stat.S_ISSOCK, "is a socket"),
    (stat.S_ISCHR, "is a device"),
    (stat.S_ISBLK, "is a device"),
)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Without waiting for whoever writes into a pipe that took the file's place.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def why_no_path_inside(name: str) -> str:
    """Say why a name can be no path inside a package; "" when it can."""
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts:
        return "is not a path inside the package; accepted: a path relative to it"
    if not name.isprintable():
        return "holds a control or invisible character; accepted: a name that can be read"
    if "\\" in name:
        return "holds a backslash; accepted: a path relative to the package, with / between its parts"
    if any(len(part.encode()) > 255 for part in path.parts) or len(name.encode()) > 1024:
        return "is too long for a name; accepted: at most 255 bytes between two /, 1,024 in all"
    return ""


def open_inside(package: Path, name: str) -> BufferedReader:
    """Open a regular file of a package for reading, following no link below the package's own folder.

    The folder itself may be reached by a link: whoever names it chose it. Every part of `name` is opened
    relative to the one before, so that nothing that is renamed or linked meanwhile leads elsewhere; what is
    no regular file is refused before it is opened, so that no device is touched and no pipe waited for.

    Args:
        package: the folder.
        name: the path of the file inside it, with `/` between its parts.

    Returns:
        The file, buffered, at its beginning; closed by the caller.

    Raises:
        StudyPackageError: the name leads elsewhere, there is no such file, it is no regular file (a link, a
            folder, a pipe, a device), or it cannot be opened; one sentence that begins with the name.
    """
    if why := why_no_path_inside(name):
        raise StudyPackageError([f"`{name[:200]}` {why}"])
    *folders, last = PurePosixPath(name).parts
    with says_which_file(name):
        descriptor = os.open(package, _FOLDER)
        try:
            for part in folders:
                _refuse_unless(stat.S_ISDIR, part, descriptor, name)
                below = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = below
            _refuse_unless(stat.S_ISREG, last, descriptor, name)
            opened = os.open(last, _FILE, dir_fd=descriptor)
        except FileNotFoundError:
            near = suggestion(name, entries(package))
            raise StudyPackageError(
                [f"the file `{name}` is not in the package{near}; accepted: a file of the folder"]
            ) from None
        finally:
            os.close(descriptor)
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            os.close(opened)
            raise StudyPackageError([f"{name} was replaced while it was opened; accepted: a regular file"])
        return os.fdopen(opened, "rb")


def entries(folder: Path) -> list[str]:
    """Return what a folder holds, of a very full one a part; nothing of one that cannot be listed."""
    try:
        with os.scandir(folder) as found:
            return sorted(entry.name for entry in islice(found, _SUGGESTED_FROM) if entry.name.isprintable())
    except OSError:
        return []


@contextmanager
def says_which_file(name: str) -> Iterator[None]:
    """Turn an error of the system inside the block into a sentence that names the file.

    Raises:
        StudyPackageError: the file could not be opened or read.
    """
    try:
        yield
    except OSError as error:
        advice = {
            errno.EACCES: "let the user who runs cohortmart read it",
            errno.EPERM: "let the user who runs cohortmart read it",
            errno.EIO: "its disk reports an error: copy the package anew",
        }.get(error.errno or 0, "copy the package anew")
        cause = error.strerror or str(error)
        raise StudyPackageError([f"{name} cannot be read: {cause}; {advice}"]) from None


def _refuse_unless(is_wanted: Callable[[int], bool], part: str, folder: int, name: str) -> None:
    mode = os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode
    if is_wanted(mode):
        return
    what = next((words for is_kind, words in _KINDS if is_kind(mode)), "is a file")
    which = name if PurePosixPath(name).name == part else f"{name}: `{part}`"
    raise StudyPackageError([f"{which} {what}; accepted: the file itself, a regular one inside the package"])
