"""Landing one study's files: every row goes to its raw table or, with its reasons, to quarantine."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass

import duckdb
import polars as pl

from orchestration.landing.batch import RowBatch
from orchestration.landing.convert import convert
from orchestration.landing.faults import schema_faults
from orchestration.landing.header import Header, check_header
from orchestration.landing.identifying_columns import kept_text
from orchestration.landing.levels import too_many_levels
from orchestration.landing.source_file import SourceFile, open_source
from orchestration.landing.tables import insert
from schemas.errors import StudyPackageError
from schemas.records import RECORDS, RecordType
from schemas.study import StudyDescriptor

# Called with the file, the bytes of it that are done, and all its bytes.
OnProgress = Callable[[str, int, int], None]

KEPT_TEXT_CHARACTERS = 2000
# Records that others refer to by their key.
REFERRED_TO = ("participants", "exercise_bouts", "samples")


class UnbalancedRowsError(RuntimeError):
    """Rows were lost or doubled between a file and the tables: a defect of this program."""


@dataclass(frozen=True)
class FileLanding:
    """What became of one file: a row of `audit.landing`.

    `rows_not_yet_enrolled` and `rows_after_cutoff` are those of the accepted that a build with an earlier
    data cutoff leaves out: rows of participants enrolled later, and rows of the others dated later.
    """

    study_id: str
    record: str
    source_file: str
    file_sha256: str
    file_bytes: int
    rows_read: int
    rows_accepted: int
    rows_quarantined: int
    quarantine_tolerance: float
    rows_not_yet_enrolled: int = 0
    rows_after_cutoff: int = 0


@dataclass(frozen=True)
class _Target:
    """Where the rows of a file belong."""

    study: StudyDescriptor
    record: RecordType
    source: SourceFile
    header: Header


def land_study(con: duckdb.DuckDBPyConnection, study: StudyDescriptor) -> None:
    """Write a study's descriptor into `raw.study` and the tables of its parts."""
    study_id = study.study_id
    rows: dict[str, list[tuple[object, ...]]] = {
        "study": [
            (
                study_id,
                study.title,
                study.design,
                study.index_cancer,
                study.time_origin,
                study.nominal_dates,
                study.data_cutoff,
                study.rmst_years,
                study.quarantine_tolerance,
                study.source.citation,
                study.source.licence,
            )
        ],
        "study_arms": [(study_id, *arm, n) for n, arm in enumerate(study.all_arms, start=1)],
        "study_comparisons": [(study_id, *pair, n) for n, pair in enumerate(study.all_comparisons, start=1)],
        "study_endpoints": [(study_id, endpoint) for endpoint in study.all_endpoints],
        "study_endpoint_definitions": [
            (
                study_id,
                own.endpoint_id,
                own.label,
                own.definition_version,
                own.censored_at,
                own.description,
                own.source,
            )
            for own in study.custom_endpoints
        ],
        "study_endpoint_rules": [
            (study_id, own.endpoint_id, event_class, rule)
            for own in study.custom_endpoints
            for event_class, rule in own.rules.items()
        ],
        "study_policies": [(study_id, policy) for policy in study.all_policies],
        "study_adjustment": [
            (study_id, part.covariate, part.kind, n) for n, part in enumerate(study.adjustment, start=1)
        ],
        "study_strata": [(study_id, name, n) for n, name in enumerate(study.stratification, start=1)],
        "study_subgroups": [(study_id, name, n) for n, name in enumerate(study.subgroups, start=1)],
        "study_landmarks": [(study_id, years) for years in study.landmarks_years],
        "study_timepoints": [
            (study_id, at.timepoint, at.role, at.minutes_from_bout_end, n)
            for n, at in enumerate(study.timepoints, start=1)
        ],
        "study_visits": [(study_id, visit, n) for n, visit in enumerate(study.visits, start=1)],
    }
    for table, values in rows.items():
        con.execute(f"delete from raw.{table} where study_id = ?", [study_id])
        if values:
            places = ", ".join("?" * len(values[0]))
            con.executemany(f"insert into raw.{table} values ({places})", values)


def land_record(
    con: duckdb.DuckDBPyConnection,
    study: StudyDescriptor,
    record: str,
    progress: OnProgress | None = None,
) -> list[FileLanding]:
    """Land every file of one record type; what an earlier landing of it left is replaced.

    Returns:
        One landing per file, in the order of study.yaml; empty when the study lacks the record.

    Raises:
        StudyPackageError: a file cannot be read, or a covariate that the study groups by has too many
            levels; the problems of all files are listed.
        UnbalancedRowsError: rows read are not rows accepted and quarantined.
    """
    _forget(con, study, record)
    landings, problems = [], []
    for name in study.records.get(record, []):
        try:
            source = open_source(study.folder, name)
            header = check_header(source.header(), RECORDS[record], study, name)
            landings.append(_land_file(con, _Target(study, RECORDS[record], source, header), progress))
        except StudyPackageError as error:
            problems += error.problems
    if record == "participants" and not problems and not any(landing.rows_read for landing in landings):
        problems.append(
            f"{', '.join(study.records[record])}: there are no participants; accepted: one or more"
        )
    if record == "participants" and not problems:
        problems += too_many_levels(con, study)
    if problems:
        raise StudyPackageError(problems)
    return landings


def row_texts(study: StudyDescriptor, record: str, name: str, lines: Iterable[int]) -> Iterator[pl.DataFrame]:
    """Read again how some rows of a file are written: frames with source_line and row_text."""
    source = open_source(study.folder, name)
    wanted = pl.Series(lines, dtype=pl.Int64).implode()
    kept = kept_text(pl.col("row_text").str.slice(0, KEPT_TEXT_CHARACTERS), study, RECORDS[record])
    for batch in source.batches(source.header(), RECORDS[record]):
        texts = pl.DataFrame({"source_line": batch.lines, "row_text": batch.texts})
        yield texts.filter(pl.col("source_line").is_in(wanted)).with_columns(row_text=kept)


def _forget(con: duckdb.DuckDBPyConnection, study: StudyDescriptor, record: str) -> None:
    con.execute(f"delete from raw.{record} where study_id = ?", [study.study_id])
    for table in ("audit.landing", "audit.quarantine", "raw.quarantined_key"):
        con.execute(f"delete from {table} where study_id = ? and record = ?", [study.study_id, record])


def _land_file(con: duckdb.DuckDBPyConnection, target: _Target, progress: OnProgress | None) -> FileLanding:
    source = target.source
    place = {"study_id": target.study.study_id, "source_file": source.name}
    file_bytes = source.n_bytes
    rows_read = rows_accepted = 0
    for checked in _check_batches(target):
        insert(con, f"raw.{target.record.name}", checked.accepted, **place)
        _quarantine(con, target, checked)
        rows_read += checked.batch.n_rows
        rows_accepted += checked.accepted.height
        if progress:
            progress(source.name, checked.batch.end_byte, file_bytes)
    landing = FileLanding(
        study_id=target.study.study_id,
        record=target.record.name,
        source_file=source.name,
        file_sha256=source.sha256(),
        file_bytes=file_bytes,
        rows_read=rows_read,
        rows_accepted=rows_accepted,
        rows_quarantined=rows_read - rows_accepted,
        quarantine_tolerance=target.study.quarantine_tolerance,
    )
    insert(con, "audit.landing", pl.DataFrame([asdict(landing)]))
    assert_balanced(con, target.study.study_id, target.record.name)
    return landing


@dataclass(frozen=True)
class _CheckedBatch:
    """A batch, the rows of it that are accepted, and the faults of the others."""

    batch: RowBatch
    accepted: pl.DataFrame
    faults: pl.DataFrame


def _check_batches(target: _Target) -> Iterator[_CheckedBatch]:
    for batch in target.source.batches(target.header.columns, target.record):
        converted = convert(batch.fields, target.record, target.header.covariates, target.header.continuous)
        faults = pl.concat([converted.faults, schema_faults(converted.frame, batch.fields, target.record)])
        is_sound = ~pl.int_range(batch.fields.height, eager=True).is_in(faults["row"].implode())
        rows = converted.frame.drop("row").with_columns(source_line=batch.lines)
        if target.record.name == "participants":
            rows = rows.with_columns(covariates=_covariates(converted.covariates, rows.height))
        yield _CheckedBatch(batch, rows.filter(is_sound), faults)


def _covariates(values: pl.DataFrame, n_rows: int) -> pl.Series:
    """Gather the covariates that a participant has, sorted by name."""
    pairs = [
        pl.struct(pl.lit(name).alias("name"), pl.col(name).alias("value")) for name in sorted(values.columns)
    ]
    dtype = pl.List(pl.Struct({"name": pl.String, "value": pl.String}))
    if not pairs:
        return pl.Series("covariates", [[]], dtype=dtype).new_from_index(0, n_rows)
    present = pl.element().struct.field("value").is_not_null()
    return values.select(pl.concat_list(pairs).list.filter(present).alias("covariates")).to_series()


def _quarantine(con: duckdb.DuckDBPyConnection, target: _Target, checked: _CheckedBatch) -> None:
    """Write the faults of a batch, row by row, and the keys of the rows that others may refer to."""
    batch, faults = checked.batch, checked.faults
    if faults.is_empty() and not batch.malformed:
        return
    place = {
        "study_id": target.study.study_id,
        "record": target.record.name,
        "source_file": target.source.name,
    }
    malformed = pl.DataFrame(
        [(row.line, row.rule, "", "", row.reason, row.accepted, row.text) for row in batch.malformed],
        schema=["source_line", "rule", "column_name", "value", "reason", "accepted", "row_text"],
        orient="row",
    )
    positions = faults["row"]
    located = faults.drop("row").with_columns(
        source_line=batch.lines[positions], row_text=batch.texts[positions]
    )
    rows = pl.concat([frame for frame in (located, malformed) if frame.height], how="diagonal")
    text = pl.col("row_text").str.slice(0, KEPT_TEXT_CHARACTERS)
    kept = kept_text(text, target.study, target.record)
    rows = rows.sort("source_line", maintain_order=True).with_columns(row_text=kept)
    insert(con, "audit.quarantine", rows, **place)
    if target.record.name in REFERRED_TO:
        key = target.record.key[0]
        unique = positions.unique(maintain_order=True)
        keys = pl.DataFrame({"key_value": batch.fields[key][unique], "source_line": batch.lines[unique]})
        insert(con, "raw.quarantined_key", keys.drop_nulls(), **place)


def assert_balanced(con: duckdb.DuckDBPyConnection, study_id: str, record: str) -> None:
    """Count the rows of a record in the tables and hold them against what was read from its files.

    Rows that an earlier data cutoff leaves out are among the accepted, and in no table.

    Raises:
        UnbalancedRowsError: a row was lost, doubled, or quarantined without its reason.
    """
    unbalanced = con.execute(
        f"""
        with accepted as (
            select source_file, count(*) as n from raw.{record} where study_id = $study_id group by all
        ),
        quarantined as (
            select source_file, count(distinct source_line) as n
            from audit.quarantine
            where study_id = $study_id and record = $record
            group by all
        )
        select l.source_file, l.rows_read, coalesce(a.n, 0), coalesce(q.n, 0)
        from audit.landing as l
        left join accepted as a using (source_file)
        left join quarantined as q using (source_file)
        where l.study_id = $study_id and l.record = $record
            and (
                l.rows_read <> l.rows_accepted + l.rows_quarantined
                or l.rows_accepted - l.rows_not_yet_enrolled - l.rows_after_cutoff <> coalesce(a.n, 0)
                or l.rows_quarantined <> coalesce(q.n, 0)
            )
        """,
        {"study_id": study_id, "record": record},
    ).fetchall()
    for file, read, accepted, quarantined in unbalanced:
        raise UnbalancedRowsError(
            f"{study_id}: of {read:,} rows of {file}, {accepted:,} were accepted and"
            f" {quarantined:,} quarantined; this is a defect of cohortmart, please report it"
        )
