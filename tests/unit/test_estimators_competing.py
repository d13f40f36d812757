"""What a reader finds in the marts on competing risks, and why a number is missing where it is."""

import math
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from transforms.estimators import competing_tables
from transforms.estimators.cox import cox_two_arms
from transforms.estimators.risk_set import event_days, risk_sets

Person = tuple[str, int, int, int]
"""Arm, day of entry, day of exit, code: 0 censored, 1 event, 2 competing event."""

CountRiskTable = Callable[..., pl.DataFrame]

COMPARISON = pl.DataFrame(
    {"study_id": ["trial"], "experimental": ["EXERCISE"], "control": ["CONTROL"], "comparison_order": [1]}
)
ESTIMATES = ("hazard_ratio", "conf_low", "conf_high", "log_hazard_ratio", "std_error", "p_value")
TRIAL: list[Person] = [
    *(("CONTROL", 0, day, code) for day, code in ((2, 1), (3, 2), (5, 1), (5, 0), (7, 1), (9, 0), (9, 2))),
    *(("EXERCISE", 0, day, code) for day, code in ((3, 1), (4, 2), (5, 0), (6, 1), (8, 2), (9, 0), (9, 0))),
]


@pytest.fixture
def risk_table() -> CountRiskTable:
    """Counts people into a risk table, by way of one row per person and day, which the estimators add up."""

    def count(people: list[Person], study_id: str = "trial", stratum: str = "") -> pl.DataFrame:
        rows = []
        for arm, entry, leave, code in people:
            key = (study_id, "TTR", "primary", arm, stratum)
            rows.append((*key, entry, 0, 0, 0, 1))
            rows.append((*key, leave, int(code == 1), int(code == 2), int(code == 0), 0))
        columns = ["study_id", "endpoint_id", "policy_id", "arm_id", "stratum", "time_days"]
        counts = ["n_event", "n_competing", "n_censored", "n_entered"]
        types = dict.fromkeys(("time_days", *counts), pl.Int64)
        return pl.DataFrame(rows, schema=[*columns, *counts], schema_overrides=types, orient="row")

    return count


def effects_of(table: pl.DataFrame) -> tuple[dict[str, Any], dict[str, Any]]:
    cause_specific, fine_gray = competing_tables.effect(table, COMPARISON).iter_rows(named=True)
    return cause_specific, fine_gray


def assert_missing(row: dict[str, Any], reason: str) -> None:
    assert [row[name] for name in (*ESTIMATES, "gray_chisq", "gray_p")] == [None] * 8
    assert row["reason"] == reason


def test_the_marts_have_exactly_the_promised_columns(risk_table: CountRiskTable) -> None:
    key = ["study_id", "endpoint_id", "policy_id"]
    other_scales = ["conf_low_log_log", "conf_high_log_log", "conf_low_plain", "conf_high_plain"]
    estimate = ["cumulative_incidence", "std_error", "conf_low", "conf_high"]
    table = risk_table(TRIAL)
    for rows in (table, table.clear()):
        incidence = competing_tables.cumulative_incidence(rows)
        days = ["arm_id", "outcome", "time_days", "n_at_risk"]
        assert incidence.columns == [*key, *days, *estimate, *other_scales]
        effect = competing_tables.effect(rows, COMPARISON)
        counts = ["n", "events", "competing_events", "reason"]
        test = ["gray_chisq", "gray_p"]
        assert effect.columns == [*key, "experimental", "control", "model", *ESTIMATES, *test, *counts]
        for frame in (incidence, effect):
            assert frame.is_empty() == rows.is_empty()
            assert set(frame.dtypes) <= {pl.String, pl.Int64, pl.Float64}


def test_each_comparison_has_a_cause_specific_and_a_subdistribution_hazard_ratio(
    risk_table: CountRiskTable,
) -> None:
    table = risk_table(TRIAL)
    cause_specific, fine_gray = effects_of(table)
    assert [cause_specific["model"], fine_gray["model"]] == ["cause_specific", "fine_gray"]
    control, experimental = (group for _, group in risk_sets(table, ["arm_id"]))
    cox = cox_two_arms(event_days([(control, experimental)]), ties="efron")
    assert cause_specific["log_hazard_ratio"] == cox.log_hazard_ratio
    assert cause_specific["std_error"] == cox.std_error
    assert cause_specific["gray_chisq"] is None
    for row in (cause_specific, fine_gray):
        assert row["hazard_ratio"] == pytest.approx(math.exp(row["log_hazard_ratio"]))
        assert row["conf_low"] < row["hazard_ratio"] < row["conf_high"]
        assert (row["n"], row["events"], row["competing_events"]) == (14, 5, 4)
        assert row["reason"] == ""
    assert 0 < fine_gray["gray_p"] < 1


def test_rows_follow_the_studys_comparisons_and_know_only_their_two_arms(risk_table: CountRiskTable) -> None:
    third = [("YOGA", 0, day, 1) for day in (1, 2, 3)]
    comparisons = pl.DataFrame(
        {
            "study_id": "trial",
            "experimental": ["EXERCISE", "YOGA"],
            "control": "CONTROL",
            "comparison_order": [2, 1],
        }
    )
    rows = competing_tables.effect(risk_table([*TRIAL, *third]), comparisons)
    assert rows["experimental"].to_list() == ["YOGA", "YOGA", "EXERCISE", "EXERCISE"]
    alone = competing_tables.effect(risk_table(TRIAL), COMPARISON)
    assert_frame_equal(rows.filter(experimental="EXERCISE"), alone)


def test_strata_are_pooled_and_the_order_of_rows_does_not_matter(risk_table: CountRiskTable) -> None:
    pooled = risk_table(TRIAL)
    parted = pl.concat([risk_table(TRIAL[::2], stratum="a"), risk_table(TRIAL[1::2], stratum="b")])
    for rows in (parted, parted.reverse(), parted.sample(fraction=1.0, shuffle=True, seed=1)):
        assert_frame_equal(
            competing_tables.effect(rows, COMPARISON), competing_tables.effect(pooled, COMPARISON)
        )
        assert_frame_equal(
            competing_tables.cumulative_incidence(rows), competing_tables.cumulative_incidence(pooled)
        )


def test_other_studies_do_not_enter_a_studys_effect(risk_table: CountRiskTable) -> None:
    other = risk_table([("CONTROL", 0, 1, 1), ("EXERCISE", 0, 2, 2)], study_id="another")
    together = competing_tables.effect(pl.concat([other, risk_table(TRIAL)]), COMPARISON)
    assert_frame_equal(together, competing_tables.effect(risk_table(TRIAL), COMPARISON))


def test_without_events_there_is_no_effect(risk_table: CountRiskTable) -> None:
    rows = effects_of(risk_table([("CONTROL", 0, 5, 2), ("EXERCISE", 0, 7, 0)]))
    for row in rows:
        assert_missing(row, "no events in either arm")
        assert (row["n"], row["events"], row["competing_events"]) == (2, 0, 1)


@pytest.mark.parametrize("absent", ["CONTROL", "EXERCISE"])
def test_without_participants_in_an_arm_there_is_no_effect(risk_table: CountRiskTable, absent: str) -> None:
    for row in effects_of(risk_table([person for person in TRIAL if person[0] != absent])):
        assert_missing(row, f"no participants in arm {absent}")
        assert row["n"] == 7


def test_a_single_participant_leaves_nothing_to_compare(risk_table: CountRiskTable) -> None:
    for row in effects_of(risk_table([("CONTROL", 0, 5, 1)])):
        assert_missing(row, "no participants in arm EXERCISE")


def test_with_delayed_entry_only_the_cause_specific_hazard_is_estimated(risk_table: CountRiskTable) -> None:
    late = [*TRIAL, ("EXERCISE", 3, 9, 1)]
    cause_specific, fine_gray = effects_of(risk_table(late))
    assert cause_specific["hazard_ratio"] is not None
    assert_missing(
        fine_gray,
        "the Fine-Gray model is not computed with delayed entry, and a participant entered after day 0; "
        "Gray's test is not computed with delayed entry, and a participant entered after day 0",
    )


def delayed_stays(people: list[Person], study_id: str = "trial") -> pl.DataFrame:
    """Rows of intermediate.int_delayed_entry__stays, one a person, which the estimators add up."""
    key = ["study_id", "endpoint_id", "policy_id", "arm_id"]
    rows = [(study_id, "TTR", "primary", *person, 1) for person in people]
    columns = [*key, "entry_days", "time_days", "competing_code", "n"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def test_with_delayed_entry_the_incidence_takes_its_error_from_the_stays(risk_table: CountRiskTable) -> None:
    """Two from day 0 and one from day 2: an event on day 1 before the third enters, another on day 3.

    Weighted u, v and w, the incidence is u / (u + v) from day 1 and v / (u + v) * v / (v + w) more from day
    3. The error is the root of the sum of the squared derivatives by the weights.
    """
    people = [("EXERCISE", 0, 1, 1), ("EXERCISE", 0, 3, 1), ("EXERCISE", 2, 4, 0)]
    incidence = competing_tables.cumulative_incidence(risk_table(people), delayed_stays(people))
    event = incidence.filter(outcome="event")
    assert event["cumulative_incidence"].to_list() == [0.0, 0.5, 0.75, 0.75]
    by_u, by_v, by_w = 1 / 4 - 1 / 8, -1 / 4 + 1 / 8 + 1 / 8, -1 / 8
    error = math.sqrt(by_u**2 + by_v**2 + by_w**2)
    assert event["std_error"].to_list() == pytest.approx([0.0, math.sqrt(1 / 8), error, error])


def test_stays_of_arms_without_delayed_entry_make_no_difference(risk_table: CountRiskTable) -> None:
    table = risk_table(TRIAL)
    with_stays = competing_tables.cumulative_incidence(table, delayed_stays(TRIAL))
    assert_frame_equal(with_stays, competing_tables.cumulative_incidence(table), check_exact=True)


@pytest.mark.parametrize(
    ("stays", "fault"),
    [
        (None, "int_delayed_entry__stays"),
        ([], "int_delayed_entry__stays"),
        ([("EXERCISE", 0, 3, 1)], "do not add up"),
        ([("EXERCISE", 0, 3, 1), ("EXERCISE", 2, 5, 0)], "do not add up"),
        ([("EXERCISE", 0, 3, 2), ("EXERCISE", 2, 4, 0)], "do not add up"),
        ([("EXERCISE", 0, 3, 1), ("EXERCISE", 3, 4, 0)], "do not add up"),
        ([("EXERCISE", 0, 3, 1), ("EXERCISE", 4, 4, 0)], "do not add up"),
    ],
)
def test_with_delayed_entry_no_error_is_made_without_the_stays_of_the_same_participants(
    risk_table: CountRiskTable, stays: list[Person] | None, fault: str
) -> None:
    people = [("EXERCISE", 0, 3, 1), ("EXERCISE", 2, 4, 0)]
    given = None if stays is None else delayed_stays(stays)
    with pytest.raises(ValueError, match=f"^trial / TTR / primary / EXERCISE: .*{fault}"):
        competing_tables.cumulative_incidence(risk_table(people), given)


def test_events_in_one_arm_only_have_no_finite_ratio_but_can_be_tested(risk_table: CountRiskTable) -> None:
    control = [("CONTROL", 0, day, 1) for day in (2, 3, 4, 6)]
    _, fine_gray = effects_of(risk_table([*control, ("EXERCISE", 0, 4, 2), ("EXERCISE", 0, 9, 0)]))
    assert fine_gray["hazard_ratio"] is None
    assert fine_gray["gray_chisq"] > 0
    assert fine_gray["reason"].startswith("the hazard ratio tends to 0")


def test_a_competing_death_keeps_an_arm_in_the_weighted_risk_set(risk_table: CountRiskTable) -> None:
    """Once every exercise participant has died, only the subdistribution still compares the arms."""
    control = [("CONTROL", 0, day, 1) for day in (5, 6, 7)]
    people = [*control, ("EXERCISE", 0, 1, 1), ("EXERCISE", 0, 2, 2), ("EXERCISE", 0, 3, 2)]
    cause_specific, fine_gray = effects_of(risk_table(people))
    assert cause_specific["hazard_ratio"] is None
    assert fine_gray["hazard_ratio"] < 1


@pytest.mark.parametrize("code", [0, 1, 2])
def test_when_everybody_leaves_on_day_0_missing_numbers_have_reasons(
    risk_table: CountRiskTable, code: int
) -> None:
    table = risk_table([(arm, 0, 0, code) for arm in ("CONTROL", "EXERCISE") for _ in range(3)])
    for row in effects_of(table):
        assert row["std_error"] is None or row["model"] == "cause_specific"
        assert row["reason"] or row["model"] == "cause_specific"
    incidence = competing_tables.cumulative_incidence(table).filter(outcome="event")
    assert incidence["time_days"].to_list() == [0, 0]
    assert incidence["cumulative_incidence"].to_list() == [float(code == 1)] * 2
    assert incidence["std_error"].to_list() == [0.0, 0.0]


def test_arms_that_fare_alike_have_a_ratio_of_one_without_a_robust_error(risk_table: CountRiskTable) -> None:
    table = risk_table([(arm, 0, 4, 1) for arm in ("CONTROL", "EXERCISE") for _ in range(2)])
    _, fine_gray = effects_of(table)
    assert fine_gray["hazard_ratio"] == 1.0
    assert [fine_gray[name] for name in ("std_error", "conf_low", "conf_high", "p_value")] == [None] * 4
    assert fine_gray["reason"] == (
        "no robust standard error: the participants of each arm fared alike; "
        "Gray's test has no variance: no event left survivors while both arms were at risk"
    )


def test_incidence_has_intervals_on_three_scales_where_they_are_defined(risk_table: CountRiskTable) -> None:
    people = [("CONTROL", 0, day, 1) for day in (3, 5, 8)]
    incidence = competing_tables.cumulative_incidence(risk_table(people)).filter(outcome="event")
    before, first, _, last = incidence.iter_rows(named=True)
    assert (before["conf_low"], before["conf_high"]) == (0.0, 0.0)
    assert (before["conf_low_plain"], before["conf_high_plain"]) == (0.0, 0.0)
    assert (before["conf_low_log_log"], before["conf_high_log_log"]) == (None, None)
    for scale in ("", "_log_log", "_plain"):
        assert 0 <= first[f"conf_low{scale}"] < 1 / 3 < first[f"conf_high{scale}"] <= 1
    assert last["cumulative_incidence"] == 1.0
    assert (last["conf_low_log_log"], last["conf_high_log_log"]) == (None, None)
    assert last["conf_high_plain"] == 1.0
