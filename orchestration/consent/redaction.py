"""Taking the rows of participants who have withdrawn out of a study package, and nothing else.

A row of a text file becomes as many empty lines as it had, so that every other row stays on its line: an
empty line is no row to landing. A Parquet file is written again without the rows. Afterwards the files are
read again, by the reader that landing uses: every other row must be as it was.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.consent.withdrawals import bare
from orchestration.deliveries.package_copy import READ_ONLY
from orchestration.landing.batch import MalformedRow, RowBatch
from orchestration.landing.source_file import SourceFile, open_source
from orchestration.release.durable import sync_file
from schemas.errors import StudyPackageError
from schemas.records import RECORDS
from schemas.study import StudyDescriptor

PARTICIPANT, SAMPLE = "participant_id", "sample_id"
ROWS_PER_GROUP = 122_880
# What may stand between two values of a row that cannot be divided.
_BETWEEN_VALUES = re.compile(r'[,;|"\t\r\n]+')

IsTheirs = Callable[[str], bool]


@dataclass(frozen=True)
class Span:
    """A row to be taken out: its line (in Parquet its number) and how many lines it takes."""

    line: int
    n_lines: int


@dataclass
class Found:
    """Where participants stand in a package: rows by file, which participants, and their samples."""

    spans: dict[str, list[Span]] = field(default_factory=dict)
    participants: set[str] = field(default_factory=set)
    samples: set[str] = field(default_factory=set)

    @property
    def n_rows(self) -> int:
        """How many rows there are, in all files."""
        return sum(map(len, self.spans.values()))


def find(package: Path, study: StudyDescriptor, is_theirs: IsTheirs, is_their_sample: IsTheirs) -> Found:
    """Find every row of some participants in a package, those of their samples' results included.

    A row that cannot be divided into the header's columns is theirs when any value of it is their identifier:
    whose row it is cannot be said, and it will be set aside anyway.

    Args:
        package: the folder.
        study: its descriptor; every record it names is read.
        is_theirs: whether a participant_id, as it is written, is one of theirs.
        is_their_sample: whether a sample_id is known to be theirs, whatever this package says of it.

    Raises:
        StudyPackageError: a file cannot be read, so nobody can say whose rows it holds.
    """
    found = Found()
    for record in (name for name in study.records if PARTICIPANT in RECORDS[name].columns):
        for name in study.records[record]:
            _find_in_file(_File(package, record, name), PARTICIPANT, is_theirs, found)
    for record in (name for name in study.records if PARTICIPANT not in RECORDS[name].columns):
        for name in study.records[record]:
            _find_in_file(
                _File(package, record, name),
                SAMPLE,
                lambda s: s in found.samples or is_their_sample(s),
                found,
            )
    return found


def redact(package: Path, study: StudyDescriptor, found: Found) -> None:
    """Take the rows that were found out of a package that nobody reads yet; its files stay read-only.

    Raises:
        StudyPackageError: without these rows a file would read differently elsewhere too.
    """
    records = {name: record for record, names in study.records.items() for name in names}
    for name, spans in found.spans.items():
        file = _File(package, records[name], name)
        before = _fingerprint(file, {span.line for span in spans})
        path = package / name
        redacted = path.with_name(f".{path.name}.redacted")
        if file.source.is_parquet:
            _leave_out(path, redacted, {span.line for span in spans})
        else:
            _blank(path, redacted, spans)
        redacted.chmod(READ_ONLY)
        sync_file(redacted)
        redacted.replace(path)
        if _fingerprint(_File(package, records[name], name), set()) != before:
            problem = (
                f"{name} cannot be kept without participants who have withdrawn: a quote that is not closed"
                " makes other rows depend on theirs; accepted: the file with its quotes mended"
            )
            raise StudyPackageError([problem])


class _File:
    """A file of a package with the columns it is read by."""

    def __init__(self, package: Path, record: str, name: str) -> None:
        self.record = RECORDS[record]
        self.name = name
        self.source: SourceFile = open_source(package, name)
        self.columns = self.source.header()

    def batches(self) -> Iterator[RowBatch]:
        """Read the rows.

        Raises:
            StudyPackageError: the file cannot be read.
        """
        return self.source.batches(self.columns, self.record)

    def require(self, key: str) -> None:
        """Refuse a file in which nobody can say whose its rows are.

        Raises:
            StudyPackageError: the column of the key is missing, or there twice.
        """
        if self.columns.count(key) != 1 or len(set(self.columns)) != len(self.columns):
            raise StudyPackageError(
                [f"{self.name}: the column `{key}` must be there once, and every other column at most once"]
            )


def _find_in_file(file: _File, key: str, is_theirs: IsTheirs, found: Found) -> None:
    file.require(key)
    spans = []
    for batch in file.batches():
        texts = batch.fields[key]
        written = [value for value in texts.unique().to_list() if value is not None and is_theirs(value)]
        rows = texts.is_in(pl.Series(written, dtype=pl.String).implode()).fill_null(value=False).arg_true()
        heights = batch.texts[rows].str.count_matches("\n", literal=True) + 1
        spans += [
            Span(line, height)
            for line, height in zip(batch.lines[rows].to_list(), heights.to_list(), strict=True)
        ]
        malformed = [(row, who) for row in batch.malformed if (who := _named_in(row, is_theirs))]
        spans += [Span(row.line, row.text.count("\n") + 1) for row, _ in malformed]
        if key == PARTICIPANT:
            found.participants |= {bare(value) for value in written} | {who for _, who in malformed}
        if key == PARTICIPANT and SAMPLE in file.columns:
            theirs = batch.fields[SAMPLE][rows].drop_nulls().to_list()
            place = file.columns.index(SAMPLE)
            loose = [row.text.split(",")[place : place + 1] for row, _ in malformed]
            found.samples |= {*theirs, *(value for values in loose for value in values)} - {""}
    if spans:
        found.spans[file.name] = sorted(spans, key=lambda span: span.line)


def _named_in(row: MalformedRow, is_theirs: IsTheirs) -> str:
    """Return the identifier that is a value of a row which could not be divided; "" when there is none."""
    return next((bare(v) for v in _BETWEEN_VALUES.split(row.text) if bare(v) and is_theirs(v)), "")


def _fingerprint(file: _File, without: set[int]) -> tuple[str, str]:
    """Digest the rows of a file, divided and not, except some; of text files with their lines."""
    divided, malformed = hashlib.sha256(), hashlib.sha256()
    left_out = pl.Series(sorted(without), dtype=pl.Int64).implode()
    for batch in file.batches():
        rows = pl.DataFrame({"line": batch.lines, "text": batch.texts}).filter(
            ~pl.col("line").is_in(left_out)
        )
        parts = ["text"] if file.source.is_parquet else ["line", "text"]
        lines = rows.select(pl.concat_str(pl.col(parts).cast(pl.String), separator="\0")).to_series()
        for text in lines.to_list():
            divided.update(text.encode() + b"\1")
        for row in batch.malformed:
            if row.line not in without:
                malformed.update(f"{row.line}\0{row.text}\1".encode())
    return divided.hexdigest(), malformed.hexdigest()


def _blank(source: Path, target: Path, spans: list[Span]) -> None:
    """Copy a text file with some of its lines emptied; line ends stay as they are."""
    blank = {span.line + below for span in spans for below in range(span.n_lines)}
    with source.open("rb") as lines, target.open("wb") as out:
        for number, line in enumerate(lines, start=1):
            if number not in blank:
                out.write(line)
            elif line.endswith(b"\n"):
                out.write(b"\r\n" if line.endswith(b"\r\n") else b"\n")


def _leave_out(source: Path, target: Path, numbers: set[int]) -> None:
    """Copy a Parquet file without some of its rows, and without what else it may say of them.

    Dictionaries and the notes of whoever wrote it could hold what the rows no longer do.
    """
    file = pq.ParquetFile(source)
    schema = pa.schema([pa.field(f.name, _plain(f.type), f.nullable) for f in file.schema_arrow])
    gone = pl.Series(sorted(numbers), dtype=pl.Int64).implode()
    first = 1
    with pq.ParquetWriter(target, schema, compression="zstd", write_page_checksum=True) as writer:
        for batch in file.iter_batches(batch_size=ROWS_PER_GROUP):
            stays = ~pl.int_range(first, first + batch.num_rows, eager=True).is_in(gone)
            first += batch.num_rows
            table = pa.Table.from_batches([batch]).cast(schema)
            writer.write_table(table.filter(stays.to_arrow()))


def _plain(data_type: Any) -> Any:
    return data_type.value_type if pa.types.is_dictionary(data_type) else data_type
