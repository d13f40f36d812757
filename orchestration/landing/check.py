"""Checking a study package without building: everything landing would say of it, and nothing kept."""

import tempfile
from dataclasses import dataclass, fields
from pathlib import Path

import duckdb

from orchestration.landing.cross_record import apply_cross_record_rules
from orchestration.landing.land import FileLanding, OnProgress, land_record, land_study
from orchestration.landing.tables import create_raw_tables
from orchestration.landing.tolerance import ReasonCount, count_reasons
from schemas.errors import StudyPackageError
from schemas.records import RECORDS
from schemas.study import StudyDescriptor, load_study

# The scratch database spills to disk beyond this; what landing itself needs does not depend on it.
_MEMORY_LIMIT = "512MB"


@dataclass(frozen=True)
class FileCheck:
    """One file: its counts, and why rows of it would be set aside."""

    landing: FileLanding
    reasons: tuple[ReasonCount, ...]

    @property
    def is_above_tolerance(self) -> bool:
        """Whether a build would stop at this file."""
        landing = self.landing
        return landing.rows_quarantined > 0 and (
            landing.rows_quarantined / landing.rows_read > landing.quarantine_tolerance
        )


@dataclass(frozen=True)
class CheckReport:
    """What landing says of a package.

    Attributes:
        package: the folder.
        study: its descriptor, when that could be read.
        problems: what cannot be read, in sentences; a build would not begin.
        files: every file that could be read. Where there are problems, the rules across records were not
            applied: they would only repeat that something is missing.
    """

    package: Path
    study: StudyDescriptor | None
    problems: tuple[str, ...]
    files: tuple[FileCheck, ...]

    @property
    def exit_status(self) -> int:
        """0: every row is accepted; 1: rows are set aside; 2: something cannot be read."""
        if self.problems:
            return 2
        return int(any(file.landing.rows_quarantined for file in self.files))

    @property
    def is_buildable(self) -> bool:
        """Whether a build would go on: all can be read, and no more is set aside than is tolerated."""
        return not self.problems and not any(file.is_above_tolerance for file in self.files)


def check_package(path: Path, progress: OnProgress | None = None, threads: int | None = None) -> CheckReport:
    """Land a study package into a scratch database and report what became of its rows.

    Args:
        path: folder of the package.
        progress: called with a file, the bytes of it that are done, and all its bytes.
        threads: how many threads DuckDB uses; by default as many as there are cores.
    """
    try:
        study = load_study(path)
    except StudyPackageError as error:
        return CheckReport(path, None, tuple(error.problems), ())
    with (
        tempfile.TemporaryDirectory(prefix="cohortmart-check-") as scratch,
        duckdb.connect(Path(scratch) / "check.duckdb") as con,
    ):
        con.execute(f"set memory_limit = '{_MEMORY_LIMIT}'")
        if threads:
            con.execute(f"set threads = {threads}")
        return _check(con, study, progress)


def _check(
    con: duckdb.DuckDBPyConnection, study: StudyDescriptor, progress: OnProgress | None
) -> CheckReport:
    create_raw_tables(con)
    land_study(con, study)
    problems: list[str] = []
    for record in study.records:
        try:
            land_record(con, study, record, progress)
        except StudyPackageError as error:
            problems += error.problems
    if not problems:
        apply_cross_record_rules(con, [study])
    return CheckReport(study.folder, study, tuple(problems), landed_files(con))


def landed_files(con: duckdb.DuckDBPyConnection) -> tuple[FileCheck, ...]:
    """Read what became of every landed file of a database, and why rows of it were set aside.

    Returns:
        Files by study, in the order of the contract's record types, then by name.
    """
    columns = ", ".join(field.name for field in fields(FileLanding))
    rows = con.sql(f"select {columns} from audit.landing").fetchall()
    place = {record: position for position, record in enumerate(RECORDS)}
    landings = sorted(
        (FileLanding(*row) for row in rows),
        key=lambda landing: (landing.study_id, place[landing.record], landing.source_file),
    )
    return tuple(
        FileCheck(landing, count_reasons(con, landing.study_id, landing.record, landing.source_file))
        for landing in landings
    )
