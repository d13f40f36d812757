"""A warehouse small enough to be published in a tenth of a second: a curve and the participants behind it.

`python -m tests.small_release HOME N [KEEP]` publishes N releases of different content, one after the other,
and removes all but the newest KEEP after each when it is given.
"""

import hashlib
import json
import sys
import uuid
from pathlib import Path
from typing import Any

import duckdb

from orchestration import ledger, warehouse_lock
from orchestration.catalogue import Column, Table
from orchestration.release.manage import prune
from orchestration.release.publish import publish
from orchestration.settings import Settings
from schemas.privacy import Privacy

N_DAYS = 2_000


def _table(full_name: str, key: tuple[str, ...], **types: str) -> Table:
    schema, name = full_name.split(".")
    columns = tuple(
        Column(
            column,
            data_type,
            f"The {column}.",
            nullable=column not in key,
            privacy=Privacy.DIRECT_IDENTIFIER if column == "participant_id" else Privacy.NEITHER,
        )
        for column, data_type in types.items()
    )
    return Table(schema, name, "one row for each key", key, f"The table {name}.", columns)


TABLES = {
    table.full_name: table
    for table in (
        _table("audit.quarantine", (), study_id="VARCHAR", reason="VARCHAR", source_line="BIGINT"),
        _table(
            "survival.curve",
            ("study_id", "arm_id", "time_days"),
            study_id="VARCHAR",
            arm_id="VARCHAR",
            time_days="BIGINT",
            n_event="BIGINT",
            survival="DOUBLE",
        ),
        _table(
            "survival.time_to_event",
            ("study_id", "participant_id"),
            study_id="VARCHAR",
            participant_id="VARCHAR",
            end_date="DATE",
            time_days="BIGINT",
            is_event="BOOLEAN",
            source_line="BIGINT",
        ),
    )
}

VALIDATION: dict[str, Any] = {
    "statistics": {"expectations": 1, "passed": 1, "failed": 0, "tables": 1},
    "tables": {
        "survival.curve": [
            {
                "expectation": "survival_is_a_share",
                "says": "Survival lies between 0 and 1.",
                "severity": "critical",
                "success": True,
                "observed": "0",
                "unexpected": ["participant P7"],
            }
        ]
    },
}


def write_build(path: Path, deaths: int) -> Path:
    """Write what a run builds of a trial with ten participants, of whom the first `deaths` have died."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with duckdb.connect(path) as con:
        for schema in ("audit", "survival"):
            con.execute(f"create schema {schema}")
        con.execute(
            "create table audit.quarantine as select 'small-trial' as study_id, "
            f"'no such arm' as reason, range as source_line from range({deaths})"
        )
        con.execute(
            "create table survival.curve as select 'small-trial' as study_id, 'EXERCISE' as arm_id, "
            f"range as time_days, {deaths}::bigint as n_event, 1 - {deaths} * range / 1e6 as survival "
            f"from range({N_DAYS})"
        )
        con.execute(
            "create table survival.time_to_event as select 'small-trial' as study_id, "
            "'P' || range as participant_id, date '2020-01-01' + range::integer as end_date, range as "
            f"time_days, range < {deaths} as is_event, range + {deaths} as source_line from range(10)"
        )
    return path


def deliver(settings: Settings, deaths: int) -> dict[str, Any]:
    """Keep a package of that many deaths; returns what a manifest says of it."""
    content = f"participant_id,died_on\n{deaths}\n".encode()
    digest = hashlib.sha256(content).hexdigest()
    kept = settings.deliveries / "small-trial" / digest / "deaths.csv"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(content)
    file = {"path": "deaths.csv", "n_bytes": len(content), "sha256": digest}
    return {"study_id": "small-trial", "package_sha256": digest, "files": [file]}


def publish_deaths(settings: Settings, deaths: int, run_id: str = "") -> Path:
    """Build and publish the trial with that many deaths; returns the folder of the release."""
    build = write_build(settings.build / "build.duckdb", deaths)
    return publish(
        build,
        TABLES,
        settings,
        run_id=run_id or str(uuid.uuid4()),
        inputs=[deliver(settings, deaths)],
        validation=VALIDATION,
        write_report=_write_report,
        on_table=lambda _done, _total, _name: None,
    )


def _write_report(
    _con: duckdb.DuckDBPyConnection, folder: Path, release_id: str, _validation: dict[str, Any]
) -> None:
    (folder / "report.html").write_text(f"<h1>{release_id}</h1>", encoding="utf-8")


def main(home: str, number: str, keep: str = "0") -> None:
    """Publish releases of 1 to `number` deaths."""
    settings = Settings(home=Path(home), threads=1)
    ledger.set_command("tests.small_release")
    for deaths in range(1, int(number) + 1):
        with warehouse_lock.hold(settings, f"release {deaths}"):
            release = publish_deaths(settings, deaths)
            if int(keep):
                prune(settings, int(keep))
        sys.stdout.write(json.dumps({"release_id": release.name}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
