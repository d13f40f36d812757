"""What a trace says of single histories: each record, the rule that applied to it, and what decided.

The histories are rows of evidence in a release made by hand; that evidence and outcomes are those of the
models is for tests/integration.
"""

import datetime as dt
import io
from pathlib import Path

import duckdb
import polars as pl
import pytest
from rich.console import Console

import seeds
from orchestration.cli.trace_view import TraceReport, print_trace
from orchestration.trace.decision import Trace, UnknownOutcomeError, read_trace
from orchestration.trace.derivation import COMPARED, Selection, derive, disagreements
from orchestration.trace.kept import DecidingLine
from schemas.reference import seed_rows

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


def recurrence(day: int, event_class: str = "local_recurrence"):
    return seen(day, "disease_event", event_class, event_class)


def died(day: int, event_class: str = "death_index_cancer"):
    return seen(day, "death", event_class.removeprefix("death_"), event_class)


def release_of(*history, entry_days: int = 0) -> duckdb.DuckDBPyConnection:
    """A release of one participant, P, whose outcomes are derived from the history."""
    con = duckdb.connect()
    con.execute(TABLES)
    con.execute("insert into study.participant values ('t', 'P', 'A', ?, ?)", [START, entry_days])
    entry = [seen(entry_days, "delayed_entry")] if entry_days else []
    for order, (day, evidence, recorded_as, event_class) in enumerate(
        [seen(0, "start"), *sorted([*entry, *history], key=lambda record: record[0])], start=1
    ):
        on = START + dt.timedelta(days=day)
        place = [RECORDS[evidence], f"{RECORDS[evidence]}.csv", order + 1]
        organ = "colon" if evidence == "disease_event" else ""
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


def test_the_first_event_decides_and_the_trace_says_why_the_others_do_not():
    trace = trace_of(
        seen(90),
        recurrence(100, "in_situ_carcinoma"),
        recurrence(200),
        recurrence(300),
        died(LATER, "death_other"),
    )
    assert said(trace) == {
        0: "day 0",
        90: "last disease assessment; an event decides",
        100: "ignored by the endpoint's rules",
        200: "> counts as the event: first that counts, decides",
        300: "counts as the event, but after the deciding record",
        LATER: "after the data cutoff: does not exist, but shows the participant alive at the cutoff",
    }
    assert trace.outcome["reason_in_words"] == "Not censored: the event of the endpoint happened"
    assert trace.differences == ()


def test_on_one_day_the_recurrence_goes_before_the_death():
    rules = [record.rule for record in trace_of(recurrence(200), died(200)).records]
    assert rules[1:] == [
        "counts as the event: first that counts, decides",
        "counts as the event; on one day local recurrence goes first",
    ]


def test_a_competing_event_is_told_from_the_event():
    trace = trace_of(seen(90), died(200, "death_cardiovascular"), endpoint="TTR_DATECAN")
    assert said(trace)[90] == "last disease assessment; a competing event decides"
    assert said(trace)[200] == "> competes with the event: first that counts, decides"


def test_an_event_before_the_start_is_history():
    trace = trace_of(recurrence(-5), seen(90))
    assert said(trace)[-5] == "before index_date: history, not an event of the follow-up"
    assert said(trace)[90] == "> last disease assessment: censored here, decides"


def test_contacts_after_the_last_disease_assessment_decide_only_where_the_policy_censors_at_contact():
    history = [
        seen(50),
        seen(90),
        seen(120, "contact", "disease_assessment not_evaluable"),
        seen(150, "contact"),
    ]
    shows = "shows the participant alive; censoring is at the last disease assessment"
    assert said(trace_of(*history)) == {
        0: "day 0",
        50: "not the last disease assessment",
        90: "> last disease assessment: censored here, decides",
        120: shows,
        150: shows,
    }
    at_contact = said(trace_of(*history, policy="last_contact"))
    assert at_contact[90] == "not the last day known alive"
    assert at_contact[150] == "> last day known alive: censored here, decides"
    assert trace_of(*history).records[3].what == "disease assessment, not evaluable"


def test_without_any_assessment_the_last_day_known_alive_is_where_it_ends():
    trace = trace_of(seen(50, "sign_of_life"), seen(90, "withdrawal", "withdrawal"))
    assert said(trace)[90] == "> last day known alive: censored here, decides"
    assert trace.outcome["censor_reason"] == "no_disease_assessment"


def test_follow_up_after_the_cutoff_is_truncated_to_it():
    trace = trace_of(seen(90), seen(LATER))
    assert (
        said(trace)[LATER] == "> last disease assessment, after the data cutoff: truncated to it:"
        " censored here, decides"
    )
    assert trace.outcome["end_date"] == CUTOFF


def test_a_late_death_is_set_aside_by_its_policy_only():
    history = [seen(90), died(500)]
    assert said(trace_of(*history))[500] == "> counts as the event: first that counts, decides"
    set_aside = said(trace_of(*history, policy="late_death_censored"))
    assert set_aside[500] == (
        "death 410 days after the last disease assessment, more than 365: set aside, does not count"
    )
    assert set_aside[90] == "> last disease assessment: censored here, decides"
    never_assessed = said(trace_of(died(500), policy="late_death_censored"))
    assert never_assessed[500].startswith("death 500 days after the start, without any disease assessment")


def test_a_new_line_of_therapy_decides_under_its_policy_only():
    history = [seen(-3, "new_line"), seen(90), seen(120, "new_line"), recurrence(200), seen(300, "new_line")]
    policy = "new_therapy_censored"
    under = said(trace_of(*history, policy=policy))
    assert under[-3] == "before index_date: not a new line of the follow-up"
    assert under[120] == "> first new line of therapy: censored here, decides"
    assert under[200] == "counts as the event, but after the new line of therapy"
    assert under[300] == "not the first new line of therapy"
    assert said(trace_of(*history))[120] == "does not censor under this policy"
    of_survival = said(trace_of(*history, endpoint="OS", policy=policy))
    assert of_survival[120].startswith("does not censor under any policy of this endpoint")
    same_day = said(trace_of(seen(200, "new_line"), recurrence(200), policy=policy))
    assert same_day[200].startswith("> ")
    first = trace_of(recurrence(150), seen(200, "new_line"), policy=policy)
    assert said(first)[200].startswith("first new line of therapy, but not before the event")


def test_a_delayed_entry_after_the_event_leaves_nobody_at_risk():
    trace = trace_of(recurrence(100), seen(400), entry_days=300)
    assert said(trace)[300] == "at risk after this day"
    assert said(trace)[100].endswith("decides; on or before the delayed entry: never at risk")
    assert trace.outcome["censor_reason"] == "not_at_risk"


def test_what_shows_nothing_is_said_to():
    trace = trace_of(seen(50, "contact"), seen(90, "no_sign_of_life"), endpoint="OS")
    assert (trace.records[2].what, said(trace)[90]) == (
        "session not attended",
        "does not show the participant alive",
    )


def test_an_ignored_recurrence_may_still_be_the_last_sign_of_life():
    trace = trace_of(recurrence(700), endpoint="OS")
    assert said(trace)[700] == (
        "> ignored by the endpoint's rules; last day known alive: censored here, decides"
    )


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("time_days = 201", "time_days is 201 in the release and 200 by the evidence"),
        ("censor_reason = 'withdrawal'", "censor_reason is withdrawal in the release and event by"),
        ("source_line = 77", "source_line is 77 in the release and 3 by the evidence"),
        ("event_organ = 'lung'", "event_organ is lung in the release and colon by the evidence"),
    ],
)
def test_a_released_row_that_the_records_do_not_give_is_noticed(change, difference):
    con = release_of(recurrence(200))
    con.execute(f"update survival.time_to_event set {change} where endpoint_id = 'DFS_CHALLENGE'")
    trace = read_trace(con, Selection("t", "", "DFS_CHALLENGE", "primary"), ["P"])
    assert [found.startswith(difference) for found in trace.differences] == [True]


def test_an_outcome_that_one_side_lacks_is_noticed():
    con = release_of(recurrence(200))
    assert list(disagreements(con)) == []
    con.execute("delete from survival.time_to_event where endpoint_id = 'OS' and policy_id = 'primary'")
    ((key, column, released, derived),) = disagreements(con)
    assert (key["endpoint_id"], column, released, derived) == ("OS", "", None, "a row")
    con.execute("update survival.time_to_event set participant_id = 'Q' where endpoint_id = 'IDFS'")
    assert len(list(disagreements(con, Selection(endpoint_id="IDFS")))) == 2 * len(POLICIES)


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (("tt", "DFS_CHALLENGE", "primary"), r"There is no such study; the release holds: t\."),
        (("t", "DFS_CHALENGE", "primary"), r"no.* such an endpoint \(did you mean `DFS_CHALLENGE`\?\)"),
        (("t", "OS", "primry"), r"such a policy \(did you mean `primary`\?\); its policies: primary, last_"),
        (("t", "OS", "primary"), "t has no participant of that id in this release"),
    ],
)
def test_what_is_not_there_is_said_without_the_words_that_were_given(asked, answer):
    study_id, endpoint_id, policy_id = asked
    with pytest.raises(UnknownOutcomeError, match=answer) as error:
        read_trace(release_of(), Selection(study_id, "", endpoint_id, policy_id), ["CANARY-17"])
    assert "CANARY" not in str(error.value)
    assert "`P`" not in str(error.value)


def printed(trace: Trace, width: int, *, fold: bool = True, set_aside: tuple = ()) -> str:
    deciding = DecidingLine("t/0123/follow_up.csv", 2, "P,2020-05-30,disease_assessment,")
    console = Console(width=width, record=True, file=io.StringIO())
    print_trace(TraceReport(trace, "r1", deciding, list(set_aside)), Path("/data"), console, fold=fold)
    return console.export_text()


def test_a_hundred_contacts_before_the_last_are_one_line():
    trace = trace_of(
        *(seen(30 * n) for n in range(1, 41)), *(seen(30 * n + 7, "contact") for n in range(1, 31))
    )
    folded = printed(trace, 200)
    assert "39 disease assessments, 30 contacts" in folded
    assert "up to 2023-03-16, day 1,170: none decides (--all shows each)" in folded
    assert folded.count("follow_up.csv:") == 1
    assert printed(trace, 200, fold=False).count("follow_up.csv:") == 70


def test_two_contacts_are_not_folded_nor_any_event():
    shown = printed(
        trace_of(seen(30), seen(60), recurrence(70, "in_situ_carcinoma"), seen(90), seen(120)), 200
    )
    assert "none decides" not in shown
    assert "Carcinoma in situ, colon" in shown


@pytest.mark.parametrize("width", [80, 100, 200, 400])
def test_every_part_of_a_trace_is_shown_at_any_width(width):
    set_aside = {
        "record": "deaths",
        "source_file": "deaths.csv",
        "source_line": 9,
        "reasons": ["died_on `2020-13-01` is no date"],
        "accepted": ["a date such as 2014-03-09"],
    }
    shown = " ".join(printed(trace_of(seen(150), recurrence(LATER)), width, set_aside=(set_aside,)).split())
    for part in (
        "P of t, arm A (Arm A)",
        "2020-01-01 (randomisation) is day 0",
        "2024-12-31, day 1,826",
        "DFS_CHALLENGE: Disease-free survival (CHALLENGE), version 2025.1",
        "primary: Censored at the last disease assessment; every death counts.",
        "follow_up.csv:3",
        "last disease assessment: censored here, decides",
        "Local recurrence, colon",
        "after the data cutoff: does not exist",
        "day 150, 2020-05-30: Free of the event at the last disease assessment",
        "cnsr 1, censor_reason last_disease_assessment",
        "/data/t/0123/follow_up.csv",
        "P,2020-05-30,disease_assessment,",
        "deaths.csv:9",
        "died_on `2020-13-01` is no date",
        "Derived again from these records: the same outcome.",
    ):
        assert part in shown
    assert max(map(len, printed(trace_of(seen(150)), width).splitlines())) <= width


def test_no_kind_of_contact_is_an_assessment_and_a_withdrawal():
    """audit.evidence says one word of a contact."""
    for rule in seed_rows("follow_up_rules"):
        assert "true" not in (rule["is_disease_assessment"], rule["is_withdrawal"]) or (
            rule["is_disease_assessment"] != rule["is_withdrawal"]
        )
