"""What a reader finds in the estimated marts, and why a number is missing where it is."""

from collections.abc import Callable

import polars as pl
import pytest

from transforms.estimators import tables
from transforms.estimators.risk_set import pool_strata

Person = tuple[str, int, int, int]
"""Arm, day of entry, day of exit, code: 0 censored, 1 event, 2 competing event."""

COMPARISON = pl.DataFrame(
    {"study_id": ["trial"], "experimental": ["EXERCISE"], "control": ["CONTROL"], "comparison_order": [1]}
)
DAY = 1 / 365.25


@pytest.fixture
def risk_table() -> Callable[..., pl.DataFrame]:
    """Counts people into a risk table, by way of one row per person and day, which the estimators add up."""

    def count(*people: Person, study_id: str = "trial") -> pl.DataFrame:
        rows = []
        for arm, entry, leave, code in people:
            key = (study_id, "OS", "primary", arm, "")
            rows.append((*key, entry, 0, 0, 0, 1))
            rows.append((*key, leave, int(code == 1), int(code == 2), int(code == 0), 0))
        columns = ["study_id", "endpoint_id", "policy_id", "arm_id", "stratum", "time_days"]
        counts = ["n_event", "n_competing", "n_censored", "n_entered"]
        types = dict.fromkeys(("time_days", *counts), pl.Int64)
        return pl.DataFrame(rows, schema=[*columns, *counts], schema_overrides=types, orient="row")

    return count


def summary_of(table: pl.DataFrame, years: float | None = 1.0) -> dict[str, object]:
    horizon = pl.DataFrame(
        {"study_id": ["trial"], "rmst_years": [years]}, schema_overrides={"rmst_years": pl.Float64}
    )
    return tables.summary(table, horizon).row(0, named=True)


def landmark_of(table: pl.DataFrame, day: float) -> dict[str, object]:
    at = pl.DataFrame({"study_id": ["trial"], "landmark_years": [day * DAY]})
    return tables.landmark(table, at).row(0, named=True)


def effect_of(table: pl.DataFrame) -> dict[str, object]:
    return tables.treatment_effect(table, COMPARISON).row(0, named=True)


def test_the_marts_have_exactly_the_promised_columns(risk_table: Callable[..., pl.DataFrame]) -> None:
    key = ["study_id", "endpoint_id", "policy_id"]
    interval = ["std_error", "conf_low", "conf_high"]
    table = risk_table(("CONTROL", 0, 5, 1))
    years = pl.DataFrame({"study_id": ["trial"], "landmark_years": [DAY], "rmst_years": [DAY]})
    promised = {
        "curve": [
            *key,
            "arm_id",
            "time_days",
            "n_at_risk",
            "n_event",
            "n_censored",
            "survival",
            *interval,
            "cumulative_hazard",
        ],
        "landmark": [*key, "arm_id", "landmark_years", "n_at_risk", "survival", *interval, "reason"],
        "summary": [
            *key,
            "arm_id",
            "n",
            "events",
            "person_days",
            "median_days",
            "median_days_low",
            "median_days_high",
            "reverse_km_median_days",
            "rmst_years",
            "rmst_days",
            "rmst_std_error",
            "reason",
        ],
        "cumulative_incidence": [
            *key,
            "arm_id",
            "outcome",
            "time_days",
            "n_at_risk",
            "cumulative_incidence",
            *interval,
        ],
        "treatment_effect": [
            *key,
            "experimental",
            "control",
            "model",
            "ties",
            "subgroup",
            "level",
            "hazard_ratio",
            "conf_low",
            "conf_high",
            "log_hazard_ratio",
            "std_error",
            "p_value",
            "logrank_chisq",
            "logrank_p",
            "strata",
            "n",
            "events",
            "ph_chisq",
            "ph_p",
            "interaction_p",
            "reason",
        ],
    }
    for rows in (table, table.clear()):
        made = {
            "curve": tables.curve(rows),
            "landmark": tables.landmark(rows, years),
            "summary": tables.summary(rows, years),
            "cumulative_incidence": tables.cumulative_incidence(rows),
            "treatment_effect": tables.treatment_effect(rows, COMPARISON),
        }
        assert {name: frame.columns for name, frame in made.items()} == promised
        assert {frame.is_empty() for frame in made.values()} == {rows.is_empty()}
        for frame in made.values():
            assert set(frame.dtypes) <= {pl.String, pl.Int64, pl.Float64}


def test_the_curve_starts_on_day_0_and_steps_on_every_exit(risk_table: Callable[..., pl.DataFrame]) -> None:
    curve = tables.curve(
        risk_table(("A", 0, 3, 1), ("A", 0, 5, 0), ("A", 0, 5, 2), ("A", 0, 8, 1), ("A", 4, 9, 0))
    )
    assert curve["time_days"].to_list() == [0, 3, 5, 8, 9]
    assert curve["n_at_risk"].to_list() == [4, 4, 4, 2, 1]
    assert curve["n_event"].to_list() == [0, 1, 0, 1, 0]
    assert curve["n_censored"].to_list() == [0, 0, 2, 0, 1]
    assert curve["survival"].to_list() == [1.0, 0.75, 0.75, 0.375, 0.375]
    assert curve["cumulative_hazard"].to_list() == [0.0, 0.25, 0.25, 0.75, 0.75]


def test_an_event_on_the_day_of_randomisation_lowers_the_curve_on_day_0(
    risk_table: Callable[..., pl.DataFrame],
) -> None:
    curve = tables.curve(risk_table(("A", 0, 0, 1), ("A", 0, 7, 0)))
    assert curve.select("time_days", "n_at_risk", "survival").rows() == [(0, 2, 0.5), (7, 1, 0.5)]


def test_a_cohort_that_enters_late_has_nobody_at_risk_on_day_0(
    risk_table: Callable[..., pl.DataFrame],
) -> None:
    table = risk_table(("ALL", 10, 30, 1), ("ALL", 20, 40, 0))
    curve = tables.curve(table)
    assert curve.select("time_days", "n_at_risk", "survival").rows() == [
        (0, 0, 1.0),
        (30, 2, 0.5),
        (40, 1, 0.5),
    ]
    assert summary_of(table)["person_days"] == 40
    early = landmark_of(table, 10)
    assert (early["survival"], early["reason"]) == (None, "nobody is at risk before day 10")
    assert landmark_of(table, 11)["survival"] == 1.0


def test_a_survival_of_0_has_no_standard_error(risk_table: Callable[..., pl.DataFrame]) -> None:
    table = risk_table(("A", 0, 3, 1), ("A", 0, 8, 1), ("A", 0, 8, 1))
    last = tables.curve(table).row(-1, named=True)
    assert last["survival"] == 0
    assert [last[name] for name in ("std_error", "conf_low", "conf_high")] == [None] * 3
    at = landmark_of(table, 8)
    assert (at["survival"], at["std_error"], at["n_at_risk"]) == (0.0, None, 2)
    assert at["reason"] == "no standard error: survival has reached 0"


def test_survival_before_the_first_event_is_1_without_width(risk_table: Callable[..., pl.DataFrame]) -> None:
    at = landmark_of(risk_table(("A", 0, 3, 0), ("A", 0, 8, 1)), 7)
    assert [at[name] for name in ("survival", "std_error", "conf_low", "conf_high")] == [1, 0, 1, 1]
    assert at["reason"] == ""


def test_a_landmark_after_the_last_participant_left_is_not_estimated(
    risk_table: Callable[..., pl.DataFrame],
) -> None:
    table = risk_table(("A", 0, 3, 1), ("A", 0, 8, 0))
    assert landmark_of(table, 8)["survival"] == 0.5
    beyond = landmark_of(table, 8.25)
    assert (beyond["survival"], beyond["n_at_risk"]) == (None, 0)
    assert beyond["reason"] == "follow-up ends at day 8"


def test_each_study_is_estimated_at_its_own_landmarks_and_horizon(
    risk_table: Callable[..., pl.DataFrame],
) -> None:
    people = [("A", 0, 3, 1), ("A", 0, 8, 0)]
    both = pl.concat([risk_table(*people, study_id="second"), risk_table(*people, study_id="first")])
    at = pl.DataFrame({"study_id": ["first", "second", "second"], "landmark_years": [DAY, 3 * DAY, 2 * DAY]})
    made = tables.landmark(both, at)
    assert made["study_id"].to_list() == ["first", "second", "second"]
    assert made["survival"].to_list() == [1.0, 1.0, 0.5]
    horizons = pl.DataFrame({"study_id": ["first", "second"], "rmst_years": [2 * DAY, 4 * DAY]})
    assert tables.summary(both, horizons)["rmst_days"].to_list() == pytest.approx([2.0, 3.5])


def test_a_curve_flat_at_one_half_has_its_median_halfway_to_the_next_step(
    risk_table: Callable[..., pl.DataFrame],
) -> None:
    to_zero = risk_table(*(("A", 0, day, 1) for day in (1, 2, 3, 6)))
    assert summary_of(to_zero)["median_days"] == 2.5
    to_the_end = risk_table(("A", 0, 1, 1), ("A", 0, 2, 1), ("A", 0, 3, 0), ("A", 0, 6, 0))
    assert summary_of(to_the_end)["median_days"] == 2


def test_a_missing_summary_says_why(risk_table: Callable[..., pl.DataFrame]) -> None:
    few_events = summary_of(risk_table(("A", 0, 5, 1), *[("A", 0, 300, 0)] * 9))
    assert (few_events["n"], few_events["events"], few_events["person_days"]) == (10, 1, 2705)
    assert few_events["reverse_km_median_days"] == 300
    assert few_events["reason"] == (
        "survival does not fall to 50 %; the lower limit of survival does not fall to 50 %; "
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
    risk_table: Callable[..., pl.DataFrame],
) -> None:
    made = summary_of(risk_table(("A", 0, 10, 1), ("A", 0, 20, 1)))
    assert made["rmst_days"] == pytest.approx(15.0)


NEVER_TOGETHER = (
    "no event happened while both arms were at risk; "
    "the log-rank test has no variance: no event left survivors while both arms were at risk"
)


@pytest.mark.parametrize(
    ("people", "reason"),
    [
        ([("CONTROL", 0, 5, 0), ("EXERCISE", 0, 5, 0)], "no events in either arm"),
        (
            [("CONTROL", 0, 5, 1), ("CONTROL", 0, 7, 0), ("EXERCISE", 0, 9, 0)],
            "the hazard ratio tends to 0: no experimental event while the control arm was at risk",
        ),
        (
            [("CONTROL", 0, 9, 0), ("EXERCISE", 0, 5, 1), ("EXERCISE", 0, 6, 0)],
            "the hazard ratio tends to infinity: no control event while the experimental arm was at risk",
        ),
        ([("CONTROL", 0, 5, 1), ("CONTROL", 0, 6, 0)], "no participants in arm EXERCISE"),
        ([("CONTROL", 0, 5, 1), ("EXERCISE", 5, 9, 1)], NEVER_TOGETHER),
    ],
)
def test_a_hazard_ratio_that_does_not_exist_says_why(
    risk_table: Callable[..., pl.DataFrame], people: list[Person], reason: str
) -> None:
    made = effect_of(risk_table(*people))
    missing = ("hazard_ratio", "conf_low", "conf_high", "log_hazard_ratio", "std_error", "p_value")
    assert [made[name] for name in missing] == [None] * 6
    assert made["reason"] == reason
    assert made["n"] == len(people)


def test_a_limit_beyond_any_double_is_missing_with_a_reason(risk_table: Callable[..., pl.DataFrame]) -> None:
    """Ten million exercise against one control, an event, then one against ten million and another."""
    million = pl.col("n_entered") * 10_000_000
    first = ("CONTROL", 0, 9, 0), ("EXERCISE", 0, 5, 1), ("EXERCISE", 0, 9, 0), ("CONTROL", 7, 8, 1)
    crowd = risk_table(("EXERCISE", 0, 6, 0), ("CONTROL", 7, 9, 0)).with_columns(
        n_entered=million, n_censored=pl.col("n_censored") * 10_000_000
    )
    made = effect_of(pl.concat([risk_table(*first), crowd]))
    assert made["hazard_ratio"] == pytest.approx(1.0, rel=1e-6)
    assert made["conf_high"] is None
    assert made["reason"] == "the upper limit of the hazard ratio is beyond 1e308"


def test_the_logrank_test_stands_where_the_hazard_ratio_does_not(
    risk_table: Callable[..., pl.DataFrame],
) -> None:
    made = effect_of(risk_table(("CONTROL", 0, 5, 1), ("CONTROL", 0, 7, 0), ("EXERCISE", 0, 9, 0)))
    assert made["logrank_chisq"] == pytest.approx((1 / 3) ** 2 / (2 / 9))


def test_comparisons_use_only_their_two_arms_and_keep_the_studys_order(
    risk_table: Callable[..., pl.DataFrame],
) -> None:
    people = [("CONTROL", 0, 5, 1), ("CONTROL", 0, 9, 0), ("EXERCISE", 0, 7, 1), ("EXERCISE", 0, 9, 0)]
    two = effect_of(risk_table(*people))
    order = pl.DataFrame(
        {
            "study_id": ["trial"] * 2,
            "experimental": ["DIET", "EXERCISE"],
            "control": ["CONTROL"] * 2,
            "comparison_order": [2, 1],
        }
    )
    three = tables.treatment_effect(risk_table(*people, ("DIET", 0, 5, 1), ("DIET", 0, 6, 1)), order)
    assert three["experimental"].to_list() == ["EXERCISE", "DIET"]
    assert three.row(0, named=True) == two


def test_incidence_is_given_for_both_outcomes(risk_table: Callable[..., pl.DataFrame]) -> None:
    made = tables.cumulative_incidence(
        risk_table(("A", 0, 2, 2), ("A", 0, 4, 1), ("A", 0, 4, 0), ("A", 0, 9, 0))
    )
    rows = made.select("outcome", "time_days", "cumulative_incidence").rows()
    assert rows == [
        ("competing", 0, 0.0),
        ("competing", 2, 0.25),
        ("competing", 4, 0.25),
        ("competing", 9, 0.25),
        ("event", 0, 0.0),
        ("event", 2, 0.0),
        ("event", 4, 0.25),
        ("event", 9, 0.25),
    ]
    before = made.filter(outcome="event", time_days=2).row(0, named=True)
    assert [before[name] for name in ("std_error", "conf_low", "conf_high")] == [0, 0, 0]


def test_more_exits_than_entries_are_refused(risk_table: Callable[..., pl.DataFrame]) -> None:
    table = risk_table(("A", 0, 5, 1), ("A", 0, 9, 0)).filter(
        ~((pl.col("n_entered") == 1) & (pl.int_range(pl.len()) > 0))
    )
    with pytest.raises(ValueError, match="trial / OS / primary / A: by day 9 more participants have left"):
        tables.curve(table)


def test_pooling_the_strata_first_changes_no_estimate(risk_table: Callable[..., pl.DataFrame]) -> None:
    people = [("CONTROL", 0, 5, 1), ("CONTROL", 2, 9, 0), ("EXERCISE", 0, 7, 1), ("EXERCISE", 0, 9, 0)]
    table = risk_table(*people).with_columns(
        stratum=pl.when(pl.int_range(pl.len()) % 4 < 2).then(pl.lit("low")).otherwise(pl.lit("high"))
    )
    pooled = pool_strata(table)
    assert set(pooled["stratum"]) == {""}
    assert pooled.height < table.height
    assert tables.curve(pooled).equals(tables.curve(table))
    assert tables.treatment_effect(pooled, COMPARISON).equals(tables.treatment_effect(table, COMPARISON))
