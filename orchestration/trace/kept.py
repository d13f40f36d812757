"""The lines a trace ends at, read from the study packages that a release was made from.

They are what somebody delivered, so they may say more than the release does: direct identifiers that the
release does not hold, and columns that a study leaves in its file, are withheld.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.errors import StudyPackageError
from schemas.plain_text import plain
from schemas.study import load_study

WITHHELD = "(withheld)"
_SHOWN_CHARACTERS = 1000


@dataclass(frozen=True)
class KeptRow:
    """A row of a kept file: how it is written, and its values by column ("" when missing)."""

    text: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class KeptFile:
    """A file of the package that a study was built from; `sha256` is what the release's manifest says."""

    package: Path
    name: str
    sha256: str

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.package / self.name


@dataclass(frozen=True)
class DecidingLine:
    """The line that decided: its path below the kept deliveries, its text, or why there is none."""

    path: str
    line: int
    text: str = ""
    problem: str = ""


def find_kept(manifest: Mapping[str, Any], deliveries: Path, study_id: str, name: str) -> KeptFile | None:
    """Find a file by what a release's manifest says of its inputs; None when it names no such file."""
    for package in manifest["inputs"]:
        if package["study_id"] != study_id:
            continue
        for file in package["files"]:
            if file["path"] == name:
                folder = deliveries / study_id / package["package_sha256"]
                return KeptFile(folder, name, file["sha256"])
    return None


def read_rows(file: KeptFile, record: str, lines: Iterable[int]) -> dict[int, KeptRow]:
    """Read rows of a kept file by their line (in a Parquet file, their row number).

    Raises:
        StudyPackageError: the file is gone, or is no longer what was delivered; one sentence.
    """
    # Polars takes a third of a second to import, and only this needs it.
    from orchestration.landing.source_file import open_source  # noqa: PLC0415
    from schemas.records import RECORDS  # noqa: PLC0415

    wanted = set(lines)
    source = open_source(file.package, file.name)
    if source.sha256() != file.sha256:
        raise StudyPackageError([f"{file.path} is no longer what was delivered (its sha256 is another)"])
    found: dict[int, KeptRow] = {}
    for batch in source.batches(source.header(), RECORDS[record]):
        for malformed in batch.malformed:
            if malformed.line in wanted:
                found[malformed.line] = KeptRow(malformed.text, {})
        for position in batch.lines.is_in(wanted - found.keys()).arg_true().to_list():
            values = batch.fields.row(position, named=True)
            found[batch.lines[position]] = KeptRow(
                batch.texts[position], {name: value or "" for name, value in values.items()}
            )
        if wanted <= found.keys():
            break
    return found


def deciding_line(file: KeptFile | None, outcome: Mapping[str, Any]) -> DecidingLine:
    """Read the line that decided an outcome from the package that the release was made from.

    Args:
        file: the kept file; None when the manifest does not name it.
        outcome: a row of `survival.time_to_event`.
    """
    line, record = outcome["source_line"], outcome["source_record"]
    if file is None:
        problem = "the manifest of the release does not name the file"
        return DecidingLine(outcome["source_file"], line, problem=problem)
    path = "/".join((*file.package.parts[-2:], file.name))
    try:
        rows = read_rows(file, record, [line])
        left_in_file = load_study(file.package).direct_identifiers if record == "participants" else ()
    except StudyPackageError as error:
        return DecidingLine(path, line, problem=f"it cannot be shown: {error.problems[0]}")
    if line not in rows:
        return DecidingLine(path, line, problem="it cannot be shown: the delivered file has no such line")
    return DecidingLine(path, line, shown_text(rows[line], record, outcome["participant_id"], left_in_file))


def shown_text(row: KeptRow, record: str, participant_id: str, left_in_file: Iterable[str]) -> str:
    """Write a row as it may be shown beside a release.

    Args:
        row: as it was delivered.
        record: its record type.
        participant_id: the participant as the release says it; a file that says another holds identifiers
            that the release does not.
        left_in_file: columns that the study declares as direct identifiers of its own.

    Returns:
        The row as it is written; where columns are withheld, its values with `(withheld)` for theirs.
    """
    from schemas.privacy import Privacy  # noqa: PLC0415
    from schemas.records import RECORDS  # noqa: PLC0415

    withheld = set(left_in_file) & row.values.keys()
    is_pseudonym = bool(row.values) and row.values.get("participant_id") != participant_id
    if is_pseudonym:
        tags = RECORDS[record].privacy
        withheld |= {name for name in row.values if tags.get(name) is Privacy.DIRECT_IDENTIFIER}
        withheld |= row.values.keys() - tags.keys()
    if not withheld:
        return _cut(plain(row.text))
    said = {name: WITHHELD if name in withheld else value for name, value in row.values.items()}
    if is_pseudonym:
        said["participant_id"] = participant_id
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(said.values())
    return _cut(plain(written.getvalue()))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + " ..."
