"""On any small cohort, rates by year and after recurrence are what their definitions say, person by person.

The cohorts have ties, exits on day 0 and on the last day of a year, delayed entry, no events, single
participants and years in which nobody is at risk.
"""

from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from transforms.estimators import recurrence_tables

Person = tuple[str, int, int, int]
"""Arm, day of entry, day of exit, code: 0 censored, 1 event, 2 competing event."""

YEAR = Fraction(1461, 4)
COUNTS = ("n_event", "n_competing", "n_censored", "n_entered")

quick = settings(max_examples=100, deadline=None)


@st.composite
def cohorts(draw: st.DrawFn) -> list[Person]:
    """Between 1 and 25 participants in two arms, with up to 13 years of follow-up."""
    days = st.one_of(
        st.sampled_from([0, 1, 365, 366, 730, 731, 1095, 1096, 1460, 1461, 1462, 2922, 4383]),
        st.integers(0, draw(st.sampled_from([5, 900, 4800]))),
    )
    codes = draw(st.sampled_from([[0], [1], [0, 1], [0, 1, 2]]))
    person = st.tuples(st.sampled_from("AB"), days, days, st.sampled_from(codes))
    people = draw(st.lists(person, min_size=1, max_size=25))
    return [(arm, entry if entry < leave else 0, leave, code) for arm, entry, leave, code in people]


def risk_table(people: list[Person], order: int = 1) -> pl.DataFrame:
    """Rows of a risk table, one per person and day, which the estimators add up."""
    rows = []
    for arm, entry, leave, code in people[::order]:
        key = ("trial", "RFS", "primary", arm, "")
        rows.append((*key, entry, 0, 0, 0, 1))
        rows.append((*key, leave, int(code == 1), int(code == 2), int(code == 0), 0))
    columns = ["study_id", "endpoint_id", "policy_id", "arm_id", "stratum", "time_days", *COUNTS]
    types = dict.fromkeys(("time_days", *COUNTS), pl.Int64)
    return pl.DataFrame(rows, schema=columns, schema_overrides=types, orient="row")


def year_of(day: int) -> int:
    return max(1, -int(-day // YEAR))


def days_in_year(entry: int, leave: int, year: int) -> Fraction:
    return max(Fraction(0), min(Fraction(leave), year * YEAR) - max(Fraction(entry), (year - 1) * YEAR))


@quick
@given(cohorts())
def test_every_year_holds_the_overlap_of_each_stay_with_it(people: list[Person]) -> None:
    found = recurrence_tables.yearly_rate(risk_table(people))
    years = {(row["arm_id"], row["year"]): row for row in found.iter_rows(named=True)}
    last = {
        arm: max(year_of(leave) for a, _, leave, _ in people if a == arm) for arm in {p[0] for p in people}
    }
    assert list(years) == [(arm, year) for arm in sorted(last) for year in range(1, last[arm] + 1)]
    for (arm, year), row in years.items():
        members = [person for person in people if person[0] == arm]
        codes = [code for _, _, leave, code in members if year_of(leave) == year]
        assert [row[n] for n in COUNTS[:3]] == [codes.count(code) for code in (1, 2, 0)]
        assert row["person_days"] == sum(days_in_year(entry, leave, year) for _, entry, leave, _ in members)
        start = (year - 1) * YEAR
        at_start = [entry <= start and (leave > start or year == 1) for _, entry, leave, _ in members]
        assert row["n_at_risk"] == sum(at_start)


@quick
@given(cohorts())
def test_years_add_up_to_the_whole_of_follow_up(people: list[Person]) -> None:
    years = recurrence_tables.yearly_rate(risk_table(people))
    for arm in {person[0] for person in people}:
        members = [person for person in people if person[0] == arm]
        of_arm = years.filter(arm_id=arm)
        assert of_arm["person_days"].sum() == sum(leave - entry for _, entry, leave, _ in members)
        for count, code in zip(COUNTS[:3], (1, 2, 0), strict=True):
            assert of_arm[count].sum() == sum(person[3] == code for person in members)


@quick
@given(cohorts())
def test_rates_of_years_are_events_per_person_time_with_garwoods_limits(people: list[Person]) -> None:
    for row in recurrence_tables.yearly_rate(risk_table(people)).iter_rows(named=True):
        rate = row["rate_per_1000_person_years"], row["conf_low"], row["conf_high"]
        n, years = row["n_event"], row["person_days"] / 365.25
        if years == 0:
            assert rate == (None, None, None)
            assert row["reason"]
            continue
        low = stats.chi2.ppf(0.025, 2 * n) / 2 if n else 0.0
        high = stats.chi2.ppf(0.975, 2 * n + 2) / 2
        assert rate == pytest.approx([1000 * x / years for x in (n, low, high)], rel=1e-12)
        assert not row["reason"]


@quick
@given(cohorts())
def test_a_curve_after_recurrence_is_the_product_of_daily_shares(people: list[Person]) -> None:
    deaths = [(arm, entry, leave, int(code == 1)) for arm, entry, leave, code in people]
    after = risk_table(deaths).drop("endpoint_id", "policy_id", "stratum")
    curve = recurrence_tables.survival_after_recurrence(after)
    summary = recurrence_tables.survival_after_recurrence_summary(after)
    for arm in {person[0] for person in people}:
        members = [person for person in deaths if person[0] == arm]
        survival = 1.0
        for row in curve.filter(arm_id=arm).iter_rows(named=True):
            day = row["time_days"]
            at_risk = sum((entry < day or entry == 0) and leave >= day for _, entry, leave, _ in members)
            died = sum(leave == day and code == 1 for _, _, leave, code in members)
            survival *= 1 - died / at_risk if at_risk else 1
            assert (row["n_at_risk"], row["n_event"]) == (at_risk, died)
            assert row["survival"] == pytest.approx(survival, rel=1e-12, abs=1e-15)
        totals = summary.row(by_predicate=pl.col("arm_id") == arm, named=True)
        assert totals["n"] == len(members)
        assert totals["events"] == sum(person[3] for person in members)
        assert totals["person_days"] == sum(leave - entry for _, entry, leave, _ in members)


@quick
@given(cohorts())
def test_no_rate_depends_on_the_order_of_rows_or_on_how_they_are_added_up(people: list[Person]) -> None:
    table, backwards = risk_table(people), risk_table(people, order=-1)
    added = table.group_by(pl.exclude(*COUNTS)).agg(pl.col(COUNTS).sum())
    for estimate in (recurrence_tables.yearly_rate, recurrence_tables.survival_after_recurrence):
        assert estimate(table).equals(estimate(backwards))
        assert estimate(table).equals(estimate(added))
