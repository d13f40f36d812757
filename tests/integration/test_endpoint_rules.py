"""How endpoints are derived: histories of single participants, run through the real dbt project.

Every history is a participant of one small study with the data cutoff 2024-12-31. It is built twice: as it
stands, and once more with the rows of every table in the opposite order.
"""

import datetime as dt
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import greenwood
import polars as pl
import pytest

import transforms
from orchestration.landing.tables import create_raw_tables, insert
from orchestration.trace.derivation import derive, disagreements

pytestmark = pytest.mark.xdist_group("endpoint_rules")

PROJECT = Path(transforms.__file__).parent
START = dt.date(2020, 1, 1)
CUTOFF = dt.date(2024, 12, 31)
# The Moertel trial is put before, so that its nine years end before the cutoff.
FIRST = pl.lit(dt.date(2000, 1, 1))
# Does the event count (E), compete (C) or not count (-)? In the order of ENDPOINTS. CHALLENGE: N Engl J Med
# 2025, abstract; DATECAN: adjuvant colon 2020 (PMC7409551); IDFS and IBCFS: STEEP v2, J Clin Oncol 2021.
ENDPOINTS = ["OS", "DFS_CHALLENGE", "DFS_DATECAN", "RFS_DATECAN", "TTR_DATECAN", "IDFS", "IBCFS"]
ENDPOINTS += ["TIME_TO_RECURRENCE", "DSS"]
PUBLISHED_DEFINITIONS = {
    "local_recurrence": "-EEEEEEE-",
    "regional_recurrence": "-EEEEEEE-",
    "distant_recurrence": "-EEEEEEE-",
    "recurrence_unspecified": "-EEEEEEE-",
    "second_primary_same_organ": "-EE-CEE--",
    "second_primary_other_organ": "-E--CE---",
    "non_melanoma_skin_cancer": "---------",
    "in_situ_carcinoma": "---------",
    "death_index_cancer": "EEEEEEECE",
    "death_other_cancer": "EEEECEECC",
    "death_cardiovascular": "EEEECEECC",
    "death_other": "EEEECEECC",
    "death_unknown": "EEEECEECC",
}
# An endpoint of the studies' own: distant recurrence, with which deaths compete.
LIVER_FREE = "LIVER_FREE"
POLICIES = ["primary", "last_contact", "late_death_censored", "new_therapy_censored"]
AFTER_CUTOFF = 2000


def _day(n: int) -> dt.date:
    return START + dt.timedelta(days=n)


def _recurrence(n: int, kind: str = "local_recurrence", organ: str = "colon") -> tuple[str, dict]:
    return "disease_events", {"event_on": _day(n), "event_type": kind, "organ": organ}


def _death(n: int, cause: str = "index_cancer") -> tuple[str, dict]:
    return "deaths", {"died_on": _day(n), "cause": cause}


def _seen(n: int, kind: str = "disease_assessment", outcome: str | None = None) -> tuple[str, dict]:
    return "follow_up", {"followed_on": _day(n), "kind": kind, "outcome": outcome}


def _new_line(n: int) -> tuple[str, dict]:
    return "anticancer_therapies", {"started_on": _day(n), "intent": "new_line"}


def _only(event_class: str) -> tuple[str, dict]:
    cause = event_class.removeprefix("death_")
    return _recurrence(100, event_class) if cause == event_class else _death(100, cause)


ENTERS_ON_DAY_300 = ("participants", {"entry_date": _day(300)})
HISTORIES = {f"only {known}": [_seen(50), _only(known)] for known in PUBLISHED_DEFINITIONS} | {
    "recurrence and death on one day": [_seen(90), _death(200), _recurrence(200)],
    "two alike on one day": [_recurrence(200, organ="lung"), _recurrence(200, organ="liver")],
    "second primary in between": [_recurrence(300), _recurrence(100, "second_primary_other_organ", "breast")],
    "death after the cutoff": [_seen(90), _death(AFTER_CUTOFF)],
    "assessed after the cutoff": [_seen(90), _seen(AFTER_CUTOFF)],
    "never assessed": [_seen(500, "alive_contact"), _seen(600, "disease_assessment", "not_evaluable")],
    "withdrew": [_seen(90), _seen(400, "withdrawal")],
    "blood sample last": [
        _seen(400, "alive_contact"),
        (
            "samples",
            {"sample_id": "b1", "visit": "annual", "timepoint": "rest", "collected_at": f"{_day(700)} 08:00"},
        ),
        ("exercise_sessions", {"session_on": _day(800), "attended": False}),
        ("adverse_events", {"started_on": "2023-02"}),
    ],
    "nothing recorded": [],
    "recurred before entry": [ENTERS_ON_DAY_300, _recurrence(300), _death(900)],
    "recurred after entry": [ENTERS_ON_DAY_300, _recurrence(301), _death(900)],
    "late death": [_seen(90), _death(90 + 366)],
    "timely death": [_seen(90), _death(90 + 365)],
    "new line before recurrence": [_seen(90), _new_line(150), _recurrence(200), _death(700)],
    "new line with recurrence": [_seen(90), _new_line(200), _recurrence(200)],
    "recurrence, then late death": [_seen(90), _recurrence(200), _death(900)],
    "new lines outside follow-up": [_seen(90), _new_line(-1), _new_line(AFTER_CUTOFF)],
    "new line on day 0": [_seen(90), _new_line(0)],
    "new line before entry": [ENTERS_ON_DAY_300, _seen(700), _new_line(200)],
    "many findings": [
        _recurrence(400, "in_situ_carcinoma"),
        _recurrence(100, "non_melanoma_skin_cancer", "skin"),
        _recurrence(250, "distant_recurrence", "liver"),
    ],
}


def _tables() -> dict[str, pl.DataFrame]:
    rows: dict[str, list[dict]] = {"participants": []}
    for name, history in HISTORIES.items():
        own = {"participant_id": name, "index_date": START, "arm_id": None, "entry_date": None}
        for record, values in history:
            if record == "participants":
                own |= values
            else:
                rows.setdefault(record, []).append({"participant_id": name, **values})
        rows["participants"].append(own)
    return {record: pl.DataFrame(values, infer_schema_length=None) for record, values in rows.items()}


def _land_study(
    con: duckdb.DuckDBPyConnection, study_id: str, tables: dict[str, pl.DataFrame], arms: list[str]
) -> None:
    con.execute(
        "insert into raw.study by name select $id as study_id, $id as title, 'randomised_trial' as design,"
        " 'colon' as index_cancer, 'randomisation' as time_origin, true as nominal_dates,"
        " $cutoff::date as data_cutoff, 5 as rmst_years, 0 as quarantine_tolerance",
        {"id": study_id, "cutoff": CUTOFF},
    )
    for order, arm in enumerate(arms, start=1):
        con.execute("insert into raw.study_arms values (?, ?, ?, 'single', ?)", [study_id, arm, arm, order])
    for endpoint in [*ENDPOINTS, LIVER_FREE]:
        con.execute("insert into raw.study_endpoints values (?, ?)", [study_id, endpoint])
    for policy in POLICIES:
        con.execute("insert into raw.study_policies values (?, ?)", [study_id, policy])
    con.execute(
        "insert into raw.study_endpoint_definitions"
        " values (?, ?, 'Liver-free survival', 'a', 'policy', 'To distant recurrence', 'Protocol')",
        [study_id, LIVER_FREE],
    )
    for known in PUBLISHED_DEFINITIONS:
        rule = "event" if known == "distant_recurrence" else "competing" if "death" in known else "ignored"
        con.execute(
            "insert into raw.study_endpoint_rules values (?, ?, ?, ?)", [study_id, LIVER_FREE, known, rule]
        )
    for record, frame in tables.items():
        placed = frame.with_row_index("source_line", offset=2).cast({"source_line": pl.Int64})
        insert(con, f"raw.{record}", placed, study_id=study_id, source_file=f"{record}.csv")


def _moertel() -> dict[str, pl.DataFrame]:
    """The trial as records: recurrence (etype 1) and death (etype 2), both in days since randomisation."""
    arms = {"Obs": "OBS", "Lev": "LEV", "Lev+5FU": "LEV5FU"}
    colon = greenwood.load_dataset("colon").select(
        "etype",
        "status",
        participant_id=pl.col("id").cast(pl.String),
        day=pl.duration(days="time") + FIRST,
        arm_id=pl.col("rx").replace_strict(arms),
        index_date=FIRST,
    )

    def rows(etype: int, status: int, **columns: str) -> pl.DataFrame:
        chosen = colon.filter(etype=etype, status=status)
        return chosen.select("participant_id", "day", **{k: pl.lit(v) for k, v in columns.items()})

    followed = [rows(1, 0, kind="disease_assessment"), rows(2, 0, kind="alive_contact")]
    return {
        "participants": colon.filter(etype=1).select("participant_id", "arm_id", "index_date"),
        "follow_up": pl.concat(followed).rename({"day": "followed_on"}),
        "disease_events": rows(1, 1, event_type="recurrence_unspecified").rename({"day": "event_on"}),
        "deaths": rows(2, 1, cause="unknown").rename({"day": "died_on"}),
    }


def _dbt(project: Path, database: Path, *arguments: str) -> None:
    folder = database.parent / "dbt"
    settings = {"COHORTMART_BUILD_DB": database, "DBT_PROJECT_DIR": project, "DBT_PROFILES_DIR": project}
    settings |= {"DBT_TARGET_PATH": folder, "DBT_LOG_PATH": folder}
    environment = os.environ | {name: str(value) for name, value in settings.items()}
    command = [str(Path(sys.executable).with_name("dbt")), "--quiet", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The histories and the Moertel trial through the project as it ships."""
    path = tmp_path_factory.mktemp("endpoint-rules") / "rules.duckdb"
    with duckdb.connect(path) as con:
        create_raw_tables(con)
        _land_study(con, "rules", _tables(), ["ALL"])
        _land_study(con, "moertel", _moertel(), ["OBS", "LEV", "LEV5FU"])
    _dbt(PROJECT, path, "build", "--exclude-resource-type", "unit_test")
    return path


@pytest.fixture(scope="module")
def marts(database: Path):
    with duckdb.connect(database, read_only=True) as con:
        yield con


@pytest.fixture(scope="module")
def reversed_marts(tmp_path_factory: pytest.TempPathFactory):
    """The histories from last row to first."""
    path = tmp_path_factory.mktemp("reversed") / "rules.duckdb"
    with duckdb.connect(path) as con:
        create_raw_tables(con)
        _land_study(con, "rules", {name: frame.reverse() for name, frame in _tables().items()}, ["ALL"])
    _dbt(PROJECT, path, "build", "--exclude-resource-type", "unit_test")
    with duckdb.connect(path, read_only=True) as con:
        yield con


@pytest.fixture(scope="module")
def outcome(marts: duckdb.DuckDBPyConnection):
    """Day, reason, class of event and deciding record: `outcome("withdrew", "OS")`."""

    question = (
        "select time_days, censor_reason, event_class, source_record from survival.time_to_event"
        " where study_id = 'rules' and participant_id = ? and endpoint_id = ? and policy_id = ?"
    )

    def ask(participant, endpoint, policy="primary"):
        return marts.execute(question, [participant, endpoint, policy]).fetchone()

    return ask


@pytest.mark.parametrize("event_class", PUBLISHED_DEFINITIONS)
def test_every_endpoint_counts_what_its_publication_says(marts, event_class):
    codes = marts.execute(
        "select endpoint_id, ['-', 'E', 'C'][competing_code + 1], time_days from survival.time_to_event"
        " where participant_id = ? and policy_id = 'primary'",
        [f"only {event_class}"],
    ).fetchall()
    found = {endpoint: code for endpoint, code, _ in codes}
    assert "".join(found[endpoint] for endpoint in ENDPOINTS) == PUBLISHED_DEFINITIONS[event_class]
    assert all(day == 100 for _, code, day in codes if code != "-")


def test_a_recurrence_on_the_day_of_death_is_the_first_event(outcome):
    name = "recurrence and death on one day"
    assert outcome(name, "DFS_CHALLENGE") == (200, "event", "local_recurrence", "disease_events")
    assert outcome(name, "TIME_TO_RECURRENCE") == (200, "event", "local_recurrence", "disease_events")
    assert outcome(name, "OS") == (200, "event", "death_index_cancer", "deaths")


def test_a_second_primary_before_the_recurrence_competes_with_it_or_is_passed_over(outcome):
    name = "second primary in between"
    assert outcome(name, "DFS_CHALLENGE")[:3] == (100, "event", "second_primary_other_organ")
    assert outcome(name, "TTR_DATECAN")[:3] == (100, "competing_event", "second_primary_other_organ")
    assert outcome(name, "RFS_DATECAN")[:3] == (300, "event", "local_recurrence")


def test_a_death_after_the_data_cutoff_is_survival_to_the_cutoff(outcome):
    name = "death after the cutoff"
    assert outcome(name, "OS") == ((CUTOFF - START).days, "data_cutoff", "", "deaths")
    assert outcome(name, "DFS_CHALLENGE") == (90, "last_disease_assessment", "", "follow_up")


def test_an_assessment_after_the_data_cutoff_is_censored_at_the_cutoff(outcome):
    for endpoint in ("OS", "DFS_CHALLENGE"):
        assert outcome("assessed after the cutoff", endpoint)[:2] == ((CUTOFF - START).days, "data_cutoff")


def test_without_an_evaluable_assessment_the_last_known_alive_censors(outcome):
    assert outcome("never assessed", "DFS_CHALLENGE")[:2] == (600, "no_disease_assessment")
    assert outcome("never assessed", "OS")[:2] == (600, "last_known_alive")


def test_withdrawal_censors_survival_and_disease_only_where_last_contact_does(outcome):
    assert outcome("withdrew", "OS")[:2] == (400, "withdrawal")
    assert outcome("withdrew", "DFS_CHALLENGE")[:2] == (90, "last_disease_assessment")
    assert outcome("withdrew", "DFS_CHALLENGE", "last_contact")[:2] == (400, "withdrawal")


def test_the_last_known_alive_is_the_latest_of_all_records_that_show_life(outcome):
    """Neither a missed session nor an adverse event dated to the month does."""
    assert outcome("blood sample last", "OS") == (700, "last_known_alive", "", "samples")
    assert outcome("nothing recorded", "OS") == (0, "last_known_alive", "", "participants")


def test_a_recurrence_up_to_the_day_of_a_delayed_entry_was_never_at_risk(outcome):
    assert outcome("recurred before entry", "DFS_CHALLENGE")[:3] == (300, "not_at_risk", "")
    assert outcome("recurred before entry", "OS")[:3] == (900, "event", "death_index_cancer")
    assert outcome("recurred after entry", "DFS_CHALLENGE")[:3] == (301, "event", "local_recurrence")


def test_everybody_has_one_outcome_for_each_endpoint_and_policy(marts):
    counts = "select participant_id, count(distinct endpoint_id), count(*) from survival.time_to_event"
    rows = marts.execute(f"{counts} where study_id = 'rules' group by participant_id").fetchall()
    assert sorted(rows) == sorted((name, 10, 40) for name in HISTORIES)


def test_the_deciding_row_can_be_found_in_its_file(marts):
    place = marts.execute(
        "select source_file, source_line from survival.time_to_event"
        " where participant_id = 'withdrew' and endpoint_id = 'OS' and policy_id = 'primary'"
    ).fetchone()
    # The file has a header, and the withdrawal is the participant's second contact.
    line = _tables()["follow_up"]["participant_id"].to_list().index("withdrew") + 3
    assert place == ("follow_up.csv", line)


def test_every_finding_is_listed_and_the_first_event_tells_what_it_was(marts):
    findings = marts.execute(
        "select event_number, event_class, organ, time_days, days_since_previous from recurrence.event"
        " where participant_id = 'many findings' order by event_number"
    ).fetchall()
    assert findings == [
        (1, "non_melanoma_skin_cancer", "skin", 100, None),
        (2, "distant_recurrence", "liver", 250, 150),
        (3, "in_situ_carcinoma", "colon", 400, 150),
    ]
    first = marts.execute(
        "select event_class, organ, time_days from recurrence.first_event"
        " where participant_id = 'many findings' and endpoint_id = 'IDFS'"
    ).fetchall()
    assert first == [("distant_recurrence", "liver", 250)]


def test_the_risk_table_is_a_recount_of_who_is_at_risk_on_each_day(marts):
    """At risk on a day: entered before it, or on day 0, and not left before it."""
    stays = marts.execute(
        "select endpoint_id, list([entry_days, time_days, competing_code]) from survival.time_to_event"
        " where study_id = 'rules' and policy_id = 'late_death_censored' and censor_reason <> 'not_at_risk'"
        " group by endpoint_id"
    ).fetchall()
    counted = marts.execute(
        "select endpoint_id, time_days, n_at_risk, n_censored, n_event, n_competing, n_entered"
        " from survival.risk_table where study_id = 'rules' and policy_id = 'late_death_censored'"
    ).fetchall()
    assert ("DFS_CHALLENGE", 300) in {row[:2] for row in counted}
    assert sorted(counted) == sorted(
        (endpoint, day, *_count_day(people, day))
        for endpoint, people in stays
        for day in {day for entry, leave, _ in people for day in (entry, leave)}
    )


def _count_day(people: list[list[int]], day: int) -> list[int]:
    at_risk = sum((entry < day or entry == 0) and leave >= day for entry, leave, _ in people)
    left = [sum(leave == day and code == outcome for _, leave, code in people) for outcome in (0, 1, 2)]
    return [at_risk, *left, sum(entry == day for entry, _, _ in people)]


def test_no_order_of_rows_decides_anything(marts, reversed_marts):
    tables = ["survival.time_to_event", "survival.risk_table", "recurrence.event", "recurrence.first_event"]
    for table in [*tables, "audit.evidence", "study.participant"]:
        columns = "columns(lambda c: c not like 'source_%')"
        said = f"select {columns} from {table} where study_id = 'rules'"
        before, after = (sorted(map(repr, con.execute(said).fetchall())) for con in (marts, reversed_marts))
        assert before
        assert before == after, table


def test_the_evidence_gives_every_outcome_again(marts):
    """A second implementation of the rules, over the evidence alone, agrees about everybody."""
    ((outcomes,),) = marts.sql("select count(*) from survival.time_to_event").fetchall()
    assert len(derive(marts)) == outcomes == 40 * (len(HISTORIES) + 929)
    assert list(disagreements(marts)) == []


def test_the_evidence_holds_what_decides_nothing_and_says_why(marts):
    def shown(participant):
        return marts.execute(
            "select time_days, evidence, recorded_as, is_before_start, is_after_cutoff from audit.evidence"
            " where participant_id = ? and evidence <> 'start' order by evidence_order",
            [participant],
        ).fetchall()

    assert shown("new lines outside follow-up") == [
        (-1, "new_line", "new_line", True, False),
        (90, "disease_assessment", "disease_assessment", False, False),
        (AFTER_CUTOFF, "new_line", "new_line", False, True),
    ]
    assert shown("never assessed")[1] == (600, "contact", "disease_assessment not_evaluable", False, False)
    assert shown("death after the cutoff")[1] == (AFTER_CUTOFF, "death", "index_cancer", False, True)
    # The adverse event that is known to the month only tells no day.
    assert [row[1] for row in shown("blood sample last")] == ["contact", "sign_of_life", "no_sign_of_life"]
    assert [row[:2] for row in shown("recurred before entry")] == [
        (300, "delayed_entry"),
        (300, "disease_event"),
        (900, "death"),
    ]
    assert [row[1] for row in shown("recurrence and death on one day")[1:]] == ["disease_event", "death"]


def test_a_death_long_after_the_last_assessment_counts_unless_the_policy_says_otherwise(outcome):
    assert outcome("late death", "DFS_CHALLENGE")[:2] == (456, "event")
    assert outcome("late death", "DFS_CHALLENGE", "late_death_censored")[:2] == (90, "late_death")
    assert outcome("timely death", "DFS_CHALLENGE", "late_death_censored")[:2] == (455, "event")
    assert outcome("late death", "OS", "late_death_censored")[:2] == (456, "event")


def test_a_new_line_of_therapy_censors_only_before_the_recurrence_and_where_the_policy_says_so(outcome):
    name, policy = "new line before recurrence", "new_therapy_censored"
    assert outcome(name, "DFS_CHALLENGE")[:2] == (200, "event")
    assert outcome(name, "DFS_CHALLENGE", policy)[:2] == (150, "new_therapy")
    assert outcome("new line with recurrence", "DFS_CHALLENGE", policy)[:2] == (200, "event")
    assert outcome(name, "OS", policy)[:2] == (700, "event")


def test_an_endpoint_of_the_studys_own_is_derived_like_any_other(outcome, marts):
    assert outcome("many findings", LIVER_FREE)[:3] == (250, "event", "distant_recurrence")
    assert outcome("late death", LIVER_FREE)[:3] == (456, "competing_event", "death_index_cancer")
    assert outcome("late death", LIVER_FREE, "late_death_censored")[:3] == (90, "late_death", "")
    assert outcome("withdrew", LIVER_FREE, "last_contact")[:2] == (400, "withdrawal")
    defined = (
        "select label, definition_version, is_custom from reference.study_endpoint where endpoint_id = ?"
    )
    own = marts.execute(f"{defined} and study_id = 'rules'", [LIVER_FREE]).fetchall()
    assert own == [("Liver-free survival", "a", True)]
    rules = "select rule, count(*) from reference.study_endpoint_rule where study_id = 'rules'"
    counts = marts.execute(f"{rules} and endpoint_id = ? group by rule", [LIVER_FREE]).fetchall()
    assert dict(counts) == {"event": 1, "competing": 5, "ignored": 7}


@pytest.mark.parametrize("policy", POLICIES)
def test_whoever_is_enrolled_only_is_censored_on_day_0_by_the_enrolment(marts, policy):
    rows = marts.execute(
        "select distinct time_days, source_record, source_file, source_line from survival.time_to_event"
        " where participant_id = 'nothing recorded' and policy_id = ?",
        [policy],
    ).fetchall()
    line = list(HISTORIES).index("nothing recorded") + 2
    assert rows == [(0, "participants", "participants.csv", line)]


def test_a_late_death_set_aside_names_the_assessment_and_counts_where_the_policy_lets_it(outcome):
    assert outcome("late death", "DFS_CHALLENGE", "late_death_censored") == (
        90,
        "late_death",
        "",
        "follow_up",
    )
    assert outcome("late death", "DFS_CHALLENGE") == (456, "event", "death_index_cancer", "deaths")


def test_a_recurrence_before_a_late_death_counts_under_every_policy(outcome):
    for policy in POLICIES:
        assert outcome("recurrence, then late death", "DFS_CHALLENGE", policy)[:2] == (200, "event")


def test_new_therapy_before_the_start_or_after_the_cutoff_censors_nobody(outcome):
    said = outcome("new lines outside follow-up", "DFS_CHALLENGE", "new_therapy_censored")
    assert said == (90, "last_disease_assessment", "", "follow_up")
    started = outcome("new line on day 0", "DFS_CHALLENGE", "new_therapy_censored")
    assert started == (0, "new_therapy", "", "anticancer_therapies")


def test_new_therapy_before_a_delayed_entry_leaves_nobody_at_risk(outcome):
    name = "new line before entry"
    assert outcome(name, "DFS_CHALLENGE", "new_therapy_censored")[:2] == (200, "not_at_risk")
    assert outcome(name, "DFS_CHALLENGE")[:2] == (700, "last_disease_assessment")


def test_last_contact_is_the_cutoff_where_assessments_end_before_it(outcome):
    assert outcome("death after the cutoff", "DFS_CHALLENGE")[:2] == (90, "last_disease_assessment")
    at_contact = outcome("death after the cutoff", "DFS_CHALLENGE", "last_contact")
    assert at_contact == ((CUTOFF - START).days, "data_cutoff", "", "deaths")


def test_every_reason_of_censoring_occurs_in_these_histories(marts):
    unused = marts.execute(
        "select censor_reason from reference.censor_reasons except"
        " select censor_reason from survival.time_to_event where study_id = 'rules'"
    ).fetchall()
    assert unused == []


# R 4.2.2, survival 3.5-3, data set colon: events, person-days, and the numbers at risk at 1, 3 and 5 years of
# 365.25 days (summary of survfit).
R_MOERTEL = {
    ("OS", "OBS"): (168, 503994, (291, 205, 160)),
    ("OS", "LEV"): (161, 500546, (281, 195, 164)),
    ("OS", "LEV5FU"): (123, 546849, (279, 226, 187)),
    ("DFS_CHALLENGE", "OBS"): (190, 403591, (227, 155, 128)),
    ("DFS_CHALLENGE", "LEV"): (182, 407925, (221, 153, 135)),
    ("DFS_CHALLENGE", "LEV5FU"): (134, 493855, (251, 194, 174)),
    ("TIME_TO_RECURRENCE", "OBS"): (177, 403591, (227, 155, 128)),
    ("TIME_TO_RECURRENCE", "LEV"): (172, 407925, (221, 153, 135)),
    ("TIME_TO_RECURRENCE", "LEV5FU"): (119, 493855, (251, 194, 174)),
}


@pytest.mark.parametrize(("endpoint", "arm"), R_MOERTEL)
def test_the_moertel_trial_has_the_events_person_days_and_numbers_at_risk_of_r(marts, endpoint, arm):
    of_arm = f"where study_id = 'moertel' and endpoint_id = '{endpoint}' and arm_id = '{arm}'"
    of_arm += " and policy_id = 'primary'"
    events, person_days = marts.execute(
        f"select count(*) filter (is_event), sum(time_days) from survival.time_to_event {of_arm}"
    ).fetchone()
    next_day = "select n_at_risk from survival.risk_table {} and time_days >= {} * 365.25 order by time_days"
    at_risk = tuple(marts.execute(next_day.format(of_arm, year)).fetchone()[0] for year in (1, 3, 5))
    assert (events, person_days, at_risk) == R_MOERTEL[endpoint, arm]


def test_the_clinical_unit_tests_of_the_models_pass(database, tmp_path):
    _dbt(PROJECT, shutil.copy(database, tmp_path / database.name), "test", "--select", "test_type:unit")
