"""The counts and person-time behind the released rates, recounted from the released participants."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest


@pytest.fixture(scope="module")
def release(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(warehouse / "warehouse" / "current" / "cohortmart.duckdb", read_only=True) as con:
        yield con


def participants_of_arms(con: duckdb.DuckDBPyConnection) -> Counter[tuple[str, str]]:
    return Counter(
        con.sql("select distinct study_id, arm_id, participant_id from survival.time_to_event")
        .project("study_id, arm_id")
        .fetchall()
    )


def test_patterns_are_the_first_events_of_everybody_at_risk(release: duckdb.DuckDBPyConnection) -> None:
    outcomes = release.sql(
        "select study_id, endpoint_id, arm_id, entry_days, time_days, is_event, event_class, event_organ"
        " from survival.time_to_event where policy_id = 'primary' and censor_reason <> 'not_at_risk'"
    ).fetchall()
    days: Counter[tuple[str, str, str]] = Counter()
    cases: Counter[tuple[str, ...]] = Counter()
    seen: defaultdict[tuple[str, str], set[tuple[str, str]]] = defaultdict(lambda: {("all", "all")})
    for study, endpoint, arm, entry, leave, is_event, event_class, organ in outcomes:
        days[study, endpoint, arm] += leave - entry
        if is_event:
            for what in ((event_class, organ), (event_class, "all"), ("all", "all")):
                cases[study, endpoint, arm, *what] += 1
                seen[study, endpoint].add(what)
    people = participants_of_arms(release)
    recounted = {
        (study, endpoint, arm, *what): (
            cases[study, endpoint, arm, *what],
            people[study, arm],
            days[study, endpoint, arm],
        )
        for study, endpoint, arm in days
        for what in seen[study, endpoint]
    }
    released = release.sql(
        "select study_id, endpoint_id, arm_id, event_class, organ, n, n_participants, person_days"
        " from recurrence.pattern"
    ).fetchall()
    assert {row[:5]: row[5:] for row in released} == recounted


def of_group(con: duckdb.DuckDBPyConnection, group: str) -> dict[tuple[str, str], tuple[int, str]]:
    """Day and organ of each participant's first event of a group, with the rule of one day."""
    rows = con.execute(
        "select study_id, participant_id, time_days, organ from recurrence.event as events"
        " inner join reference.event_classes as classes on events.event_class = classes.event_class"
        " where event_group = ? and time_days >= 0 order by time_days desc, same_day_order desc, organ desc",
        [group],
    ).fetchall()
    return {(study, participant): (day, organ) for study, participant, day, organ in rows}


def lives(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str, int, int, bool]]:
    """Study, participant, arm, entry, end and whether dead: the stays of overall survival."""
    return con.sql(
        "select study_id, participant_id, arm_id, entry_days, time_days, is_event from survival.time_to_event"
        " where endpoint_id = 'OS' and policy_id = 'primary'"
    ).fetchall()


def test_second_primaries_are_the_first_of_everybody_at_risk(release: duckdb.DuckDBPyConnection) -> None:
    first = of_group(release, "second_primary")
    days: Counter[tuple[str, str]] = Counter()
    cases: Counter[tuple[str, str, str]] = Counter()
    organs: defaultdict[str, set[str]] = defaultdict(lambda: {"all"})
    for study, participant, arm, entry, end, _ in lives(release):
        day, organ = first.get((study, participant), (end, None))
        if entry == 0 or day > entry:
            days[study, arm] += day - entry
            if organ is not None:
                organs[study].add(organ)
                cases[study, arm, organ] += 1
                cases[study, arm, "all"] += 1
    people = participants_of_arms(release)
    recounted = {
        (study, arm, organ): (cases[study, arm, organ], n, days[study, arm])
        for (study, arm), n in people.items()
        for organ in organs[study]
    }
    released = release.sql(
        "select study_id, arm_id, organ, n, n_participants, person_days from recurrence.second_primary"
    ).fetchall()
    assert {row[:3]: row[3:] for row in released} == recounted


def test_time_after_recurrence_is_the_rest_of_overall_survival(release: duckdb.DuckDBPyConnection) -> None:
    first = of_group(release, "recurrence")
    totals: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for study, participant, arm, entry, end, is_dead in lives(release):
        if (study, participant) in first and (entry == 0 or end > entry):
            day, _ = first[study, participant]
            for place, count in enumerate((1, int(is_dead), end - max(day, entry))):
                totals[study, arm][place] += count
    released = release.sql(
        "select study_id, arm_id, n, events, person_days from recurrence.survival_after_recurrence_summary"
    ).fetchall()
    assert {row[:2]: list(row[2:]) for row in released} == dict(totals)


def test_years_add_up_to_the_summary_of_survival(release: duckdb.DuckDBPyConnection) -> None:
    key = "study_id, endpoint_id, policy_id, arm_id"
    years = release.sql(
        f"select {key}, sum(person_days), sum(n_event) from recurrence.yearly_rate group by all order by all"
    ).fetchall()
    assert (
        years
        == release.sql(f"select {key}, person_days, events from survival.summary order by all").fetchall()
    )
