"""A release of one participant, made by hand from a history, for what a trace says of it."""

import datetime as dt
import io
from pathlib import Path

import duckdb
import polars as pl
from rich.console import Console

import seeds
from orchestration.cli.trace_view import TraceReport, print_trace
from orchestration.trace.decision import Trace, read_trace
from orchestration.trace.derivation import COMPARED, Selection, derive
from orchestration.trace.kept import DecidingLine

START = dt.date(2020, 1, 1)
CUTOFF = dt.date(2024, 12, 31)
SEEDS = Path(seeds.__file__).parent / "reference"
LATER = 2000
POLICIES = ["primary", "last_contact", "late_death_censored", "new_therapy_censored"]

TABLES = f"""
create schema reference; create schema audit; create schema survival; create schema study;
create table reference.study as
    select 't' as study_id, 'Trial' as title, 'randomisation' as time_origin,
        date '{CUTOFF}' as data_cutoff, false as nominal_dates;
create table reference.study_arm as select 't' as study_id, 'A' as arm_id, 'Arm A' as label;
create table reference.study_endpoint as
    select 't' as study_id, *, false as is_custom
    from read_csv('{SEEDS}/endpoint_definitions.csv', types = {{'definition_version': 'varchar'}});
create table reference.study_endpoint_rule as
    select 't' as study_id, * from '{SEEDS}/endpoint_event_rules.csv';
create table reference.censoring_policies as from '{SEEDS}/censoring_policies.csv';
create table reference.censor_reasons as from '{SEEDS}/censor_reasons.csv';
create table reference.event_classes as from '{SEEDS}/event_classes.csv';
create table study.participant (
    study_id varchar, participant_id varchar, arm_id varchar, index_date date, entry_days bigint
);
create table audit.evidence (
    study_id varchar, participant_id varchar, evidence_order bigint, dated_on date, time_days bigint,
    evidence varchar, event_class varchar, organ varchar, recorded_as varchar, is_after_cutoff boolean,
    is_before_start boolean, source_record varchar, source_file varchar, source_line bigint
);
create table survival.time_to_event (
    study_id varchar, participant_id varchar, endpoint_id varchar, policy_id varchar, arm_id varchar,
    start_date date, entry_days bigint, end_date date, time_days bigint, is_event boolean, cnsr bigint,
    censor_reason varchar, event_class varchar, event_organ varchar, competing_code bigint,
    source_record varchar, source_file varchar, source_line bigint, definition_version varchar
);
"""
RECORDS = {
    "start": "participants",
    "delayed_entry": "participants",
    "disease_event": "disease_events",
    "death": "deaths",
    "disease_assessment": "follow_up",
    "contact": "follow_up",
    "withdrawal": "follow_up",
    "new_line": "anticancer_therapies",
    "therapy": "anticancer_therapies",
    "sign_of_life": "samples",
    "no_sign_of_life": "exercise_sessions",
}


def seen(day: int, evidence: str = "disease_assessment", recorded_as: str = "", event_class: str = ""):
    return day, evidence, recorded_as, event_class


def found(day: int, finding: str = "disease"):
    return seen(day, recorded_as=f"disease_assessment {finding}")


def recurrence(day: int, event_class: str = "local_recurrence", organ: str = "colon"):
    return (*seen(day, "disease_event", event_class, event_class), organ)


def died(day: int, event_class: str = "death_index_cancer"):
    return seen(day, "death", event_class.removeprefix("death_"), event_class)


def release_of(*history, entry_days: int = 0) -> duckdb.DuckDBPyConnection:
    """A release of one participant, P, whose outcomes are derived from the history."""
    con = duckdb.connect()
    con.execute(TABLES)
    con.execute("insert into study.participant values ('t', 'P', 'A', ?, ?)", [START, entry_days])
    entry = [seen(entry_days, "delayed_entry")] if entry_days else []
    for order, (day, evidence, recorded_as, event_class, *organs) in enumerate(
        [seen(0, "start"), *sorted([*entry, *history], key=lambda record: record[0])], start=1
    ):
        on = START + dt.timedelta(days=day)
        place = [RECORDS[evidence], f"{RECORDS[evidence]}.csv", order + 1]
        organ = organs[0] if organs else ""
        con.execute(
            "insert into audit.evidence values ('t', 'P', $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            [order, on, day, evidence, event_class, organ, recorded_as, on > CUTOFF, day < 0, *place],
        )
    for policy in POLICIES:
        con.execute(
            "insert into survival.time_to_event by name select 't' as study_id, ? as policy_id", [policy]
        )
    keys = ("study_id", "participant_id", "endpoint_id", "policy_id")
    outcomes = pl.DataFrame(derive(con)).select(*keys, *COMPARED)
    con.execute("delete from survival.time_to_event")
    con.register("outcomes", outcomes.to_arrow())
    con.execute("insert into survival.time_to_event by name from outcomes")
    return con


def trace_of(
    *history, endpoint: str = "DFS_CHALLENGE", policy: str = "primary", entry_days: int = 0
) -> Trace:
    con = release_of(*history, entry_days=entry_days)
    return read_trace(con, Selection("t", "", endpoint, policy), ["P"])


def said(trace: Trace) -> dict[int, str]:
    """What the rules say, by day; `>` before what decided."""
    return {
        record.evidence["time_days"]: f"{'> ' if record.decides else ''}{record.rule}"
        for record in trace.records
    }


def printed(trace: Trace, width: int, *, fold: bool = True, set_aside: tuple = ()) -> str:
    deciding = DecidingLine("t/0123/follow_up.csv", 2, "P,2020-05-30,disease_assessment,")
    console = Console(width=width, record=True, file=io.StringIO())
    print_trace(TraceReport(trace, "r1", deciding, list(set_aside)), Path("/data"), console, fold=fold)
    return console.export_text()
