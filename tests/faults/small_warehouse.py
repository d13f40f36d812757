"""A warehouse small enough to be changed a thousand times: its package, its build, and is it whole?"""

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from orchestration import ledger
from orchestration.catalogue import Column, Table
from orchestration.release.publish import publish
from orchestration.release.read import DATABASE, find_release, list_releases, verify_file
from orchestration.settings import Settings
from schemas.privacy import Privacy

STUDY = """\
study_id: small-trial
title: A trial small enough to be delivered a thousand times
design: randomised_trial
index_cancer: colon
time_origin: randomisation
data_cutoff: 2012-12-31
arms:
  - {arm_id: USUAL, label: Usual care, role: control}
  - {arm_id: EXERCISE, label: Exercise, role: experimental}
endpoints: [OS]
source: {citation: "Made by hand", licence: CC0-1.0}
records: {participants: participants.csv, deaths: deaths.csv}
"""
N_PARTICIPANTS = 400


def settings_in(folder: Path) -> Settings:
    """The settings of the warehouse in a folder of trials."""
    return Settings(home=folder / "home", threads=1)


def write_package(package: Path, *, deaths: int) -> Path:
    """Write a study package, of which the first participants have died."""
    package.mkdir(parents=True)
    (package / "study.yaml").write_text(STUDY, encoding="utf-8")
    people = "".join(f"P{n:03},2010-01-01,{('USUAL', 'EXERCISE')[n % 2]}\n" for n in range(N_PARTICIPANTS))
    (package / "participants.csv").write_text(f"participant_id,index_date,arm_id\n{people}", encoding="utf-8")
    died = "".join(f"P{n:03},2011-02-03,other\n" for n in range(deaths))
    (package / "deaths.csv").write_text(f"participant_id,died_on,cause\n{died}", encoding="utf-8")
    return package


def _column(name: str, data_type: str) -> Column:
    return Column(
        name=name,
        data_type=data_type,
        description=f"The {name}.",
        nullable=True,
        privacy=Privacy.NEITHER,
    )


def _table(full_name: str, key: tuple[str, ...], **columns: str) -> Table:
    schema, name = full_name.split(".")
    return Table(
        schema=schema,
        name=name,
        grain="one row for each key",
        key=key,
        description=f"The table {name}.",
        columns=tuple(_column(n, t) for n, t in columns.items()),
    )


TABLES = {
    table.full_name: table
    for table in (
        _table(
            "audit.landing",
            ("study_id", "source_file"),
            study_id="VARCHAR",
            source_file="VARCHAR",
            rows_read="BIGINT",
        ),
        _table(
            "survival.curve",
            ("study_id", "arm_id", "time_days"),
            study_id="VARCHAR",
            arm_id="VARCHAR",
            time_days="BIGINT",
            survival="DOUBLE",
        ),
    )
}


def write_build(path: Path, deaths: int) -> None:
    """Write what a run has built: two tables, of which the curve depends on the deaths."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(path, config={"threads": 1}) as con:
        for schema in ("audit", "survival"):
            con.execute(f"create schema {schema}")
        con.execute(
            "create table audit.landing as select 'small-trial' as study_id, 'deaths.csv' as source_file, "
            f"{deaths}::bigint as rows_read"
        )
        con.execute(
            "create table survival.curve as select 'small-trial' as study_id, 'USUAL' as arm_id, "
            f"range as time_days, 1 - range * {deaths} / 1e7 as survival from range(3000)"
        )


# What an export needs besides: the studies, and somebody whose dates it changes.
PEOPLE = {
    table.full_name: table
    for table in (
        _table(
            "reference.study", ("study_id",), study_id="VARCHAR", nominal_dates="BOOLEAN", data_cutoff="DATE"
        ),
        _table(
            "survival.time_to_event",
            ("study_id", "participant_id"),
            study_id="VARCHAR",
            participant_id="VARCHAR",
            start_date="DATE",
            time_days="BIGINT",
        ),
    )
}


def add_people(path: Path) -> None:
    with duckdb.connect(path, config={"threads": 1}) as con:
        con.execute("create schema reference")
        con.execute(
            "create table reference.study as select 'small-trial' as study_id, false as nominal_dates, "
            "date '2012-12-31' as data_cutoff"
        )
        con.execute(
            "create table survival.time_to_event as "
            "select 'small-trial' as study_id, 'P' || range as participant_id, "
            f"date '2010-01-01' as start_date, range as time_days from range({N_PARTICIPANTS})"
        )


def _report(
    _con: duckdb.DuckDBPyConnection, folder: Path, release_id: str, _validation: dict[str, Any]
) -> None:
    (folder / "report.html").write_text(f"<h1>{release_id}</h1>{'<p>a curve</p>' * 800}", encoding="utf-8")


def publish_build(folder: Path, deaths: int, tables: Mapping[str, Table] = TABLES) -> None:
    """Publish the build of a number of deaths."""
    settings = settings_in(folder)
    publish(
        folder / f"built-{deaths}.duckdb",
        tables,
        settings,
        run_id=str(uuid.uuid4()),
        inputs=[{"study_id": "small-trial", "package_sha256": f"{deaths:064}", "files": []}],
        validation={"statistics": {"expectations": 0, "failed": 0}, "tables": {}},
        write_report=_report,
        on_table=lambda _done, _total, _name: None,
    )


def check_warehouse(folder: Path, *, allowed: set[str] | None = None) -> None:
    """Assert that a warehouse is whole: its ledger, its pointer, every file of every listed release.

    Args:
        folder: the folder of the trial.
        allowed: the numbers of deaths that `current` may tell of; None for any.
    """
    settings = settings_in(folder)
    ledger.read(settings.ledger)
    releases = list_releases(settings)
    for release in releases:
        assert not release.damage, release.damage
        for name in release.files:
            verify_file(release, name)
        unnamed = {str(p.relative_to(release.folder)) for p in release.folder.rglob("*") if p.is_file()}
        unnamed -= {*release.files, "manifest.json", "validation.json"}
        assert not unnamed, f"{release.release_id} holds files that its manifest does not name: {unnamed}"
    if os.path.lexists(settings.current):
        current = find_release(settings)
        assert current.folder.resolve() == settings.current.resolve()
        with duckdb.connect(settings.current / DATABASE, read_only=True) as con:
            told = con.sql("select rows_read from audit.landing").fetchall()
            assert con.sql("select count(*) from survival.curve").fetchall() == [(3000,)]
        assert allowed is None or str(told[0][0]) in allowed, told
    else:
        assert allowed is None or "" in allowed, "there is no current release"


def table_hashes(folder: Path) -> dict[str, str]:
    """The content hash of every table of the current release."""
    tables = find_release(settings_in(folder)).manifest["tables"]
    return {name: table["content_hash"] for name, table in tables.items()}
