"""Where somebody's identifier stands in kept packages: as a participant, or anywhere in their bytes.

The latter is for packages that cannot be read as what they should be, and for what is left when somebody's
rows are gone: free text, another column, the descriptor, another case.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestration.consent.redaction import Found, find
from orchestration.consent.withdrawals import FORM, bare, is_called
from orchestration.landing.source_file import open_source
from orchestration.settings import Settings
from schemas.errors import StudyPackageError
from schemas.records import RECORDS
from schemas.study import load_study

_BETWEEN_VALUES = re.compile(r'[,;|"\x00-\x1f]+')
# A number is no mention when it is a part of a day, a time or another number.
_BEFORE, _AFTER = r"(?<![^\W_])(?<!\d[-./:])", r"(?![^\W_])(?![-./:]\d)"


@dataclass(frozen=True)
class Mentions:
    """Where an identifier stands: the first places, in words that do not repeat it, and how many."""

    first: tuple[str, ...] = ()
    n: int = 0


def kept_packages(settings: Settings, study_id: str) -> list[Path]:
    """Return the folders of the kept packages of a study."""
    folders = (settings.deliveries / study_id).glob("[!.]*")
    return sorted(folder for folder in folders if folder.is_dir())


def find_participant(settings: Settings, study_id: str, name: str) -> tuple[Found, list[str]]:
    """Find a participant in the kept packages of a study.

    Returns:
        Who it is, and their samples in any of the packages; and the packages in which nobody can say whether
        they are. One that cannot be read as what it should be is looked through as text.
    """
    everywhere, unclear = Found(), []
    is_theirs = is_called(settings, study_id, name)
    for folder in kept_packages(settings, study_id):
        try:
            found = find(folder, load_study(folder), is_theirs, lambda _: False)
        except StudyPackageError:
            called, is_all_text = identifiers_in(folder, is_theirs)
            everywhere.participants |= called
            if not called and not is_all_text:
                unclear.append(folder.name[:12])
        else:
            everywhere.participants |= found.participants
            everywhere.samples |= found.samples
    return everywhere, unclear


def identifiers_in(folder: Path, is_theirs: Callable[[str], bool]) -> tuple[set[str], bool]:
    """Look through the bytes of a package that cannot be read as one.

    Returns:
        The values that are their identifier, and whether all of it is text: then there are no others.
    """
    found, is_all_text = set(), True
    for path in (path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as lines:
            for line in lines:
                readings = list(_readings(line))
                is_all_text = is_all_text and len(readings) == 1
                values = {value for text in readings for value in _BETWEEN_VALUES.split(text)}
                found |= {bare(value) for value in values if bare(value) and is_theirs(value)}
    return found, is_all_text


def find_mentions(settings: Settings, study_id: str, names: Iterable[str], n_first: int = 10) -> Mentions:
    """Find where identifiers stand in the kept packages of a study, as words, in upper or lower case."""
    words = "|".join(re.escape(_folded(name)) for name in sorted(names))
    if not words:
        return Mentions()
    pattern = re.compile(f"{_BEFORE}(?:{words}){_AFTER}")
    first, n = [], 0
    for folder in kept_packages(settings, study_id):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = str(path.relative_to(folder))
            is_named_so = pattern.search(_folded(name)) is not None
            places = [*(["its name"] if is_named_so else []), *_places(folder, name, pattern)]
            n += len(places)
            shown = "a file" if is_named_so else name
            first += [f"{shown} of package {folder.name[:12]}, {place}" for place in places[:n_first]]
    return Mentions(tuple(first[:n_first]), n)


def _places(folder: Path, name: str, pattern: re.Pattern[str]) -> list[str]:
    return [
        place
        for place, texts in _lines(folder, name)
        if any(pattern.search(_folded(text)) is not None for text in texts)
    ]


def _lines(folder: Path, name: str) -> Iterator[tuple[str, list[str]]]:
    """Read a file line by line, each in every way it may be read; of a Parquet file its rows, unpacked."""
    with (folder / name).open("rb") as lines:
        if lines.read(4) == b"PAR1":
            try:
                yield from list(_rows(folder, name))
            except StudyPackageError:
                pass
            else:
                return
        lines.seek(0)
        for number, line in enumerate(lines, start=1):
            yield f"line {number:,}", list(_readings(line))


def _rows(folder: Path, name: str) -> Iterator[tuple[str, list[str]]]:
    records = load_study(folder).records
    record = next(record for record, names in records.items() if name in names)
    source = open_source(folder, name)
    columns = source.header()
    yield "the names of its columns", [",".join(columns)]
    for batch in source.batches(columns, RECORDS[record]):
        for row, text in zip(batch.lines.to_list(), batch.texts.to_list(), strict=True):
            yield f"row {row:,}", [text]


def _readings(line: bytes) -> Iterator[str]:
    """Decode a line; one that is no text in every way in which it could hold some."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        yield line.decode("utf-8", "replace")
    else:
        yield text
        if "\0" not in text:
            return
    yield line.decode("latin-1")
    # UTF-16, of letters that ASCII has.
    yield line.replace(b"\0", b"").decode("latin-1")


def _folded(text: str) -> str:
    return unicodedata.normalize(FORM, unicodedata.normalize(FORM, text).casefold())
