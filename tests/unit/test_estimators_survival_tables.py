"""What a reader finds in the estimated marts of survival, and why a number is missing where it is."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from transforms.estimators import survival_tables
from transforms.estimators.mart_columns import LANDMARK_DIFFERENCE, RMST_DIFFERENCE

CountPeople = Callable[..., pl.DataFrame]

COMPARISON = pl.DataFrame(
    {"study_id": ["trial"], "experimental": ["EXERCISE"], "control": ["CONTROL"], "comparison_order": [1]}
)
DAY = 1 / 365.25


def horizon_of(years: float | None) -> pl.DataFrame:
    return pl.DataFrame(
        {"study_id": ["trial"], "rmst_years": [years]}, schema_overrides={"rmst_years": pl.Float64}
    )


def landmark_on(*days: float) -> pl.DataFrame:
    return pl.DataFrame({"study_id": "trial", "landmark_years": [day * DAY for day in days]})


def summary_of(table: pl.DataFrame, years: float | None = 1.0) -> dict[str, Any]:
    return survival_tables.summary(table, horizon_of(years)).row(0, named=True)


def landmark_of(table: pl.DataFrame, day: float) -> dict[str, Any]:
    return survival_tables.landmark(table, landmark_on(day)).row(0, named=True)


def test_the_curve_starts_on_day_0_and_steps_on_every_exit(risk_table: CountPeople) -> None:
    curve = survival_tables.curve(
        risk_table(("A", 0, 3, 1), ("A", 0, 5, 0), ("A", 0, 5, 2), ("A", 0, 8, 1), ("A", 4, 9, 0))
    )
    assert curve["time_days"].to_list() == [0, 3, 5, 8, 9]
    assert curve["n_at_risk"].to_list() == [4, 4, 4, 2, 1]
    assert curve["n_event"].to_list() == [0, 1, 0, 1, 0]
    assert curve["n_censored"].to_list() == [0, 0, 2, 0, 1]
    assert curve["survival"].to_list() == [1.0, 0.75, 0.75, 0.375, 0.375]
    assert curve["cumulative_hazard"].to_list() == [0.0, 0.25, 0.25, 0.75, 0.75]


def test_an_event_on_the_day_of_randomisation_lowers_the_curve_on_day_0(
    risk_table: CountPeople,
) -> None:
    curve = survival_tables.curve(risk_table(("A", 0, 0, 1), ("A", 0, 7, 0)))
    assert curve.select("time_days", "n_at_risk", "survival").rows() == [(0, 2, 0.5), (7, 1, 0.5)]


def test_a_cohort_that_enters_late_has_nobody_at_risk_on_day_0(
    risk_table: CountPeople,
) -> None:
    table = risk_table(("ALL", 10, 30, 1), ("ALL", 20, 40, 0))
    curve = survival_tables.curve(table)
    assert curve.select("time_days", "n_at_risk", "survival").rows() == [
        (0, 0, 1.0),
        (30, 2, 0.5),
        (40, 1, 0.5),
    ]
    assert summary_of(table)["person_days"] == 40
    early = landmark_of(table, 10)
    assert (early["survival"], early["reason"]) == (None, "nobody is at risk before day 10")
    assert landmark_of(table, 11)["survival"] == 1.0


def test_a_survival_of_0_has_no_standard_error(risk_table: CountPeople) -> None:
    table = risk_table(("A", 0, 3, 1), ("A", 0, 8, 1), ("A", 0, 8, 1))
    last = survival_tables.curve(table).row(-1, named=True)
    assert last["survival"] == 0
    assert [last[name] for name in ("std_error", "conf_low", "conf_high")] == [None] * 3
    at = landmark_of(table, 8)
    assert (at["survival"], at["std_error"], at["n_at_risk"]) == (0.0, None, 2)
    assert at["reason"] == "no standard error: survival has reached 0"


def test_survival_stays_0_after_the_last_exit(risk_table: CountPeople) -> None:
    everybody = risk_table(("A", 0, 3, 1), ("A", 0, 8, 1))
    at = landmark_of(everybody, 20)
    assert (at["survival"], at["n_at_risk"], at["std_error"], at["conf_high"]) == (0.0, 0, None, None)
    assert at["reason"] == "no standard error: survival has reached 0"
    table = risk_table(("CONTROL", 0, 8, 1), ("EXERCISE", 0, 5, 1), ("EXERCISE", 0, 30, 0))
    made = difference_on(table, 20)
    assert (made["difference"], made["std_error"], made["p_value"]) == (0.5, None, None)
    assert made["reason"] == "CONTROL: no standard error: survival has reached 0"


def test_survival_before_the_first_event_is_1_without_width(risk_table: CountPeople) -> None:
    at = landmark_of(risk_table(("A", 0, 3, 0), ("A", 0, 8, 1)), 7)
    assert [at[name] for name in ("survival", "std_error", "conf_low", "conf_high")] == [1, 0, 1, 1]
    assert at["reason"] == ""


def test_a_landmark_after_the_last_participant_left_is_not_estimated(
    risk_table: CountPeople,
) -> None:
    table = risk_table(("A", 0, 3, 1), ("A", 0, 8, 0))
    assert landmark_of(table, 8)["survival"] == 0.5
    beyond = landmark_of(table, 8.25)
    assert (beyond["survival"], beyond["n_at_risk"]) == (None, 0)
    assert beyond["reason"] == "follow-up ends at day 8"


def test_each_study_is_estimated_at_its_own_landmarks_and_horizon(
    risk_table: CountPeople,
) -> None:
    people = [("A", 0, 3, 1), ("A", 0, 8, 0)]
    both = pl.concat([risk_table(*people, study_id="second"), risk_table(*people, study_id="first")])
    at = pl.DataFrame({"study_id": ["first", "second", "second"], "landmark_years": [DAY, 3 * DAY, 2 * DAY]})
    made = survival_tables.landmark(both, at)
    assert made["study_id"].to_list() == ["first", "second", "second"]
    assert made["survival"].to_list() == [1.0, 1.0, 0.5]
    horizons = pl.DataFrame({"study_id": ["first", "second"], "rmst_years": [2 * DAY, 4 * DAY]})
    assert survival_tables.summary(both, horizons)["rmst_days"].to_list() == pytest.approx([2.0, 3.5])


def test_a_curve_flat_at_one_half_has_its_median_halfway_to_the_next_step(
    risk_table: CountPeople,
) -> None:
    to_zero = risk_table(*(("A", 0, day, 1) for day in (1, 2, 3, 6)))
    assert summary_of(to_zero)["median_days"] == 2.5
    to_the_end = risk_table(("A", 0, 1, 1), ("A", 0, 2, 1), ("A", 0, 3, 0), ("A", 0, 6, 0))
    assert summary_of(to_the_end)["median_days"] == 2


def test_a_missing_summary_says_why(risk_table: CountPeople) -> None:
    few_events = summary_of(risk_table(("A", 0, 5, 1), *[("A", 0, 300, 0)] * 9))
    assert (few_events["n"], few_events["events"], few_events["person_days"]) == (10, 1, 2705)
    assert few_events["reverse_km_median_days"] == 300
    assert few_events["reason"] == (
        "survival does not fall to 50 %; "
        "the lower limit of survival does not fall to 50 % on the log and the plain scale; "
        "the upper limit of survival does not fall to 50 %; "
        "follow-up ends at day 300, before the horizon of the restricted mean"
    )
    all_events = summary_of(risk_table(*(("A", 0, day, 1) for day in range(1, 40))), years=None)
    assert all_events["median_days"] == 20
    assert all_events["reason"] == (
        "the reverse Kaplan-Meier curve does not fall to 50 %; "
        "the study names no horizon for the restricted mean"
    )


def test_the_restricted_mean_goes_past_the_last_death_when_nobody_survives(
    risk_table: CountPeople,
) -> None:
    made = summary_of(risk_table(("A", 0, 10, 1), ("A", 0, 20, 1)))
    assert made["rmst_days"] == pytest.approx(15.0)


def test_there_is_no_restricted_mean_where_survival_reaches_0_before_others_enter(
    risk_table: CountPeople,
) -> None:
    """The only one at risk dies on day 100; three who enter later are alive."""
    gap = [("CONTROL", 0, 100, 1), *(("CONTROL", entry, 900, 0) for entry in (100, 200, 300))]
    made = summary_of(risk_table(*gap), years=2.0)
    assert [made[name] for name in ("rmst_days", "rmst_std_error", "rmst_days_low")] == [None] * 3
    assert "no restricted mean: survival reaches 0 on day 100, before others enter" in made["reason"]
    assert summary_of(risk_table(*gap), years=100 / 365.25)["rmst_days"] == pytest.approx(100.0)
    both = rmst_difference_of(risk_table(*gap, ("EXERCISE", 0, 900, 0)), 400)
    assert [both[name] for name in ("difference_days", "std_error", "conf_low", "p_value")] == [None] * 4
    assert both["reason"] == (
        "CONTROL: no restricted mean: survival reaches 0 on day 100, before others enter"
    )


@pytest.mark.parametrize(("entry", "is_given"), [(0, True), (1, False)])
def test_a_death_of_everybody_on_day_0_is_known_of_who_enters_then(
    risk_table: CountPeople, entry: int, is_given: bool
) -> None:
    made = summary_of(risk_table(("A", 0, 0, 1), ("A", entry, 5 * entry, 1)))
    assert made["rmst_days"] == (0.0 if is_given else None)


def test_a_difference_of_restricted_means_without_error_has_no_test(risk_table: CountPeople) -> None:
    made = rmst_difference_of(risk_table(("CONTROL", 0, 10, 1), ("EXERCISE", 0, 20, 1)), 30)
    assert [made[name] for name in ("difference_days", "std_error")] == [10, 0]
    assert [made[name] for name in ("conf_low", "conf_high")] == [10, 10]
    assert (made["p_value"], made["reason"]) == (None, "no test: neither arm's estimate has an error")


def test_more_exits_than_entries_are_refused(risk_table: CountPeople) -> None:
    table = risk_table(("A", 0, 5, 1), ("A", 0, 9, 0)).filter(
        ~((pl.col("n_entered") == 1) & (pl.int_range(pl.len()) > 0))
    )
    with pytest.raises(ValueError, match="trial / OS / primary / A: by day 9 more participants have left"):
        survival_tables.curve(table)


def difference_on(table: pl.DataFrame, day: float) -> dict[str, Any]:
    made = survival_tables.landmark_difference(table, landmark_on(day), COMPARISON)
    assert made.schema == pl.Schema(LANDMARK_DIFFERENCE)
    return made.row(0, named=True)


def rmst_difference_of(table: pl.DataFrame, days: float | None) -> dict[str, Any]:
    horizon = horizon_of(None if days is None else days * DAY)
    made = survival_tables.rmst_difference(table, horizon, COMPARISON)
    assert made.schema == pl.Schema(RMST_DIFFERENCE)
    return made.row(0, named=True)


FOUR = [("CONTROL", 0, 3, 1), ("CONTROL", 0, 9, 0), ("EXERCISE", 0, 9, 0), ("EXERCISE", 0, 9, 0)]


def test_the_difference_is_experimental_less_control(risk_table: CountPeople) -> None:
    made = difference_on(risk_table(*FOUR), 5)
    assert made["difference"] == 0.5
    assert made["std_error"] == pytest.approx(0.125**0.5)
    assert made["reason"] == ""
    assert made["p_value"] == pytest.approx(0.1572992070502851)  # P(|Z| > sqrt(2))
    mean = rmst_difference_of(risk_table(*FOUR), 9)
    assert (mean["difference_days"], mean["reason"]) == (pytest.approx(3.0), "")


def test_a_difference_without_error_has_no_test(risk_table: CountPeople) -> None:
    made = difference_on(risk_table(*FOUR), 2)
    assert [made[name] for name in ("difference", "std_error", "conf_low", "conf_high")] == [0, 0, 0, 0]
    assert (made["p_value"], made["reason"]) == (None, "no test: neither arm's estimate has an error")


def test_a_difference_is_missing_where_an_arm_has_no_estimate(risk_table: CountPeople) -> None:
    table = risk_table(*FOUR)
    late = difference_on(table, 10)
    assert (late["difference"], late["reason"]) == (
        None,
        "EXERCISE: follow-up ends at day 9; CONTROL: follow-up ends at day 9",
    )
    alone = table.filter(arm_id="CONTROL")
    assert difference_on(alone, 5)["reason"] == "no participants in arm EXERCISE"
    assert rmst_difference_of(alone, 5)["reason"] == "no participants in arm EXERCISE"
    nowhere = rmst_difference_of(table, None)
    assert nowhere["reason"] == (
        "EXERCISE: the study names no horizon for the restricted mean; "
        "CONTROL: the study names no horizon for the restricted mean"
    )


def test_a_difference_from_a_survival_of_0_has_no_error(risk_table: CountPeople) -> None:
    made = difference_on(risk_table(("CONTROL", 0, 3, 1), ("EXERCISE", 0, 9, 0)), 3)
    assert (made["difference"], made["std_error"], made["conf_low"], made["p_value"]) == (1, None, None, None)
    assert made["reason"] == "CONTROL: no standard error: survival has reached 0"


def test_without_anybody_on_day_0_there_is_no_restricted_mean(risk_table: CountPeople) -> None:
    made = summary_of(risk_table(("A", 10, 400, 1), ("A", 20, 500, 0)))
    missing = ("rmst_days", "rmst_std_error", "rmst_days_low", "rmst_days_high")
    assert [made[name] for name in missing] == [None] * 4
    assert "no restricted mean: nobody is at risk before day 10" in made["reason"]


def test_the_restricted_mean_has_a_symmetric_interval(risk_table: CountPeople) -> None:
    made = summary_of(risk_table(("A", 0, 100, 1), ("A", 0, 400, 0), ("A", 0, 400, 0)))
    margin = 1.959963984540054 * made["rmst_std_error"]
    assert made["rmst_days_low"] == pytest.approx(made["rmst_days"] - margin)
    assert made["rmst_days_high"] == pytest.approx(made["rmst_days"] + margin)


def test_a_limit_of_the_median_may_lack_on_one_scale_only(risk_table: CountPeople) -> None:
    made = summary_of(risk_table(("A", 0, 5, 1), *[("A", 0, 9, 0)] * 3, ("A", 0, 300, 0)), years=None)
    assert (made["median_days_low"], made["median_days_low_plain"]) == (None, 5)
    assert "the lower limit of survival does not fall to 50 % on the log scale" in made["reason"]
