"""What a reader finds in the tables of recurrence rates, and why a number is missing where it is."""

import polars as pl
import pytest

from transforms.estimators import recurrence_tables
from transforms.estimators.mart_columns import (
    PATTERN,
    SECOND_PRIMARY,
    SURVIVAL_AFTER_RECURRENCE,
    SURVIVAL_AFTER_RECURRENCE_SUMMARY,
    YEARLY_RATE,
)

COUNTS = ("n_event", "n_competing", "n_censored", "n_entered")


def pattern_counts(*rows: tuple[str, str, str, int, int, int]) -> pl.DataFrame:
    """Counts of arm, class, organ, n, participants and person-days."""
    columns = ["arm_id", "event_class", "organ", "n", "n_participants", "person_days"]
    table = pl.DataFrame(rows, schema=columns, orient="row")
    return table.select(pl.lit("trial").alias("study_id"), pl.lit("RFS").alias("endpoint_id"), *columns)


def deaths_after_recurrence(*people: tuple[int, int]) -> pl.DataFrame:
    """One arm of (days from recurrence to the end, 1 for a death)."""
    rows = [("trial", "EXERCISE", day, died, 0, 1 - died, 0) for day, died in people]
    rows.append(("trial", "EXERCISE", 0, 0, 0, 0, len(people)))
    return pl.DataFrame(rows, schema=["study_id", "arm_id", "time_days", *COUNTS], orient="row")


def follow_up(*people: tuple[int, int, int]) -> pl.DataFrame:
    """A risk table of one arm of (day of entry, day of exit, 1 for an event)."""
    key = ("trial", "RFS", "primary", "EXERCISE", "")
    rows = [(*key, leave, event, 0, 1 - event, 0) for _, leave, event in people]
    rows += [(*key, entry, 0, 0, 0, 1) for entry, _, _ in people]
    columns = ["study_id", "endpoint_id", "policy_id", "arm_id", "stratum", "time_days", *COUNTS]
    return pl.DataFrame(rows, schema=columns, orient="row")


# Pearson and Hartley 1966, Biometrika Tables for Statisticians I, table 40: count and exact 95 % limits.
@pytest.mark.parametrize(
    ("n", "low", "high"), [(1, 0.03, 5.57), (5, 1.62, 11.67), (10, 4.80, 18.39), (15, 8.40, 24.74)]
)
def test_limits_of_a_rate_are_those_of_the_published_tables(n: int, low: float, high: float) -> None:
    counts = pattern_counts(("EXERCISE", "all", "all", n, 400, 365_250))
    row = recurrence_tables.pattern(counts).row(0, named=True)
    assert row["rate_per_1000_person_years"] == n
    assert (round(row["conf_low"], 2), round(row["conf_high"], 2)) == (low, high)
    assert row["percent"] == n / 4
    assert not row["reason"]


def test_a_class_that_an_arm_never_saw_has_a_rate_of_zero_and_an_upper_limit() -> None:
    counts = pattern_counts(("CONTROL", "local_recurrence", "colon", 0, 400, 365_250))
    row = recurrence_tables.pattern(counts).row(0, named=True)
    assert (row["percent"], row["rate_per_1000_person_years"], row["conf_low"]) == (0.0, 0.0, 0.0)
    assert row["conf_high"] == pytest.approx(3.6888794541139363, rel=1e-14)  # -ln(0.025)


def test_an_arm_without_person_time_has_no_rate_and_says_so() -> None:
    counts = pattern_counts(("CONTROL", "all", "all", 2, 2, 0))
    row = recurrence_tables.pattern(counts).row(0, named=True)
    assert row["percent"] == 100.0
    rate = row["rate_per_1000_person_years"], row["conf_low"], row["conf_high"]
    assert rate == (None, None, None)
    assert row["reason"] == "no rate: nobody was at risk for a day"


def test_an_arm_without_participants_has_neither_percent_nor_rate() -> None:
    counts = pattern_counts(("CONTROL", "all", "all", 0, 0, 0)).drop("endpoint_id", "event_class")
    row = recurrence_tables.second_primary(counts).row(0, named=True)
    assert (row["n"], row["percent"], row["rate_per_1000_person_years"]) == (0, None, None)
    assert row["reason"] == "no percent: nobody is in the arm; no rate: nobody was at risk for a day"


def test_rows_come_in_the_order_of_their_key_whatever_order_the_counts_have() -> None:
    counts = pattern_counts(
        ("EXERCISE", "distant_recurrence", "liver", 3, 9, 900),
        ("CONTROL", "distant_recurrence", "", 1, 9, 800),
        ("CONTROL", "all", "all", 1, 9, 800),
    )
    made = recurrence_tables.pattern(counts)
    assert made.equals(recurrence_tables.pattern(counts[::-1]))
    assert made["arm_id"].to_list() == ["CONTROL", "CONTROL", "EXERCISE"]
    assert made["event_class"].to_list() == ["all", "distant_recurrence", "distant_recurrence"]


def test_a_year_ends_on_its_last_day_and_the_first_holds_day_0() -> None:
    years = recurrence_tables.yearly_rate(follow_up((0, 0, 1), (0, 365, 1), (0, 366, 1), (0, 1461, 1)))
    assert years["year"].to_list() == [1, 2, 3, 4]
    assert years["n_at_risk"].to_list() == [4, 2, 1, 1]
    assert years["n_event"].to_list() == [2, 1, 0, 1]
    assert years["person_days"].to_list() == [365 + 365.25 + 365.25, 0.75 + 365.25, 365.25, 365.25]


def test_a_year_in_which_nobody_is_at_risk_has_no_rate_and_says_so() -> None:
    years = recurrence_tables.yearly_rate(follow_up((800, 900, 1)))
    assert years["n_at_risk"].to_list() == [0, 0, 0]
    assert years["person_days"].to_list() == [0.0, 0.0, 100.0]
    assert years["rate_per_1000_person_years"].to_list() == [None, None, 365_250 / 100]
    assert years["reason"].to_list() == ["no rate: nobody was at risk for a day"] * 2 + [""]


def test_who_leaves_on_day_0_makes_a_first_year_without_person_time() -> None:
    row = recurrence_tables.yearly_rate(follow_up((0, 0, 1))).row(0, named=True)
    assert (row["year"], row["n_at_risk"], row["n_event"], row["person_days"]) == (1, 1, 1, 0.0)
    assert row["rate_per_1000_person_years"] is None


def test_a_death_on_the_day_of_the_recurrence_is_a_step_on_day_0() -> None:
    curve = recurrence_tables.survival_after_recurrence(deaths_after_recurrence((0, 1), (10, 1), (20, 0)))
    assert curve["time_days"].to_list() == [0, 10, 20]
    assert curve["survival"].to_list() == pytest.approx([2 / 3, 1 / 3, 1 / 3])


def test_survival_after_recurrence_says_which_medians_are_not_reached() -> None:
    after = deaths_after_recurrence((10, 1), (20, 0), (30, 0), (40, 0))
    row = recurrence_tables.survival_after_recurrence_summary(after).row(0, named=True)
    assert (row["n"], row["events"], row["person_days"]) == (4, 1, 100)
    assert row["median_days"] is None
    assert row["median_days_low"] == 10
    assert row["reverse_km_median_days"] == 30
    assert row["reason"] == (
        "survival does not fall to 50 %; the upper limit of survival does not fall to 50 %"
    )


def test_studies_without_a_recurrence_have_empty_tables_with_the_promised_columns() -> None:
    after = deaths_after_recurrence((1, 1)).clear()
    promised = {
        recurrence_tables.pattern: (pattern_counts(("A", "all", "all", 0, 0, 0)).clear(), PATTERN),
        recurrence_tables.second_primary: (
            pattern_counts(("A", "all", "all", 0, 0, 0)).clear().drop("endpoint_id", "event_class"),
            SECOND_PRIMARY,
        ),
        recurrence_tables.yearly_rate: (follow_up((0, 1, 1)).clear(), YEARLY_RATE),
        recurrence_tables.survival_after_recurrence: (after, SURVIVAL_AFTER_RECURRENCE),
        recurrence_tables.survival_after_recurrence_summary: (after, SURVIVAL_AFTER_RECURRENCE_SUMMARY),
    }
    for estimate, (counts, columns) in promised.items():
        made = estimate(counts)
        assert made.height == 0
        assert made.schema == pl.Schema(columns)
