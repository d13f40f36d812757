"""Whom an association of a biomarker with an outcome is made of, and why one is missing where it is."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from transforms.estimators.biomarker_outcomes import MODELS, outcome_association, tertiles
from transforms.estimators.myokine_columns import OUTCOME_ASSOCIATION

Person = tuple[str, float | None, int, bool]
"""Arm, ratio, days from the biomarker's date to the event or end of follow-up, whether it is the event."""

ESTIMATES = (
    *("hazard_ratio", "conf_low", "conf_high", "log_hazard_ratio", "std_error", "p_value"),
    *("p_holm", "p_bh"),
)
NORMAL_975 = 1.959963984540054


def outcomes_of(
    people: Sequence[Person],
    *,
    endpoint_id: str = "OS",
    study_id: str = "trial",
    analyte_id: str = "SPARC",
    timepoint: str = "month_3",
    refusal: str = "",
) -> pl.DataFrame:
    """Rows of intermediate.int_biomarkers__outcomes; the biomarker is of the 90th day and later."""
    arm, ratio, time_days, is_event = zip(*people, strict=True)
    return pl.DataFrame(
        {"arm_id": arm, "ratio": ratio, "time_days": time_days, "is_event": is_event},
        schema_overrides={"ratio": pl.Float64, "time_days": pl.Int64},
    ).with_columns(
        study_id=pl.lit(study_id),
        kind=pl.lit("resting"),
        analyte_id=pl.lit(analyte_id),
        visit=pl.lit("baseline"),
        timepoint=pl.lit(timepoint),
        endpoint_id=pl.lit(endpoint_id),
        participant_id=pl.format("P{}", pl.int_range(pl.len())),
        landmark_days=90 + pl.int_range(pl.len()),
        is_at_risk=pl.col("time_days") > 0,
        is_reportable=pl.lit(not refusal),
        reason=pl.lit(refusal),
    )


def associations_of(outcomes: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """The rows of one biomarker and endpoint, by model."""
    made = outcome_association(outcomes, "half_limit")
    assert made.schema == pl.Schema(OUTCOME_ASSOCIATION)
    assert made["model"].to_list() == list(MODELS)
    return {row["model"]: row for row in made.iter_rows(named=True)}


def assert_missing(row: dict[str, Any], reason: str) -> None:
    assert [row[name] for name in ESTIMATES] == [None] * len(ESTIMATES)
    assert row["reason"] == f"not estimable: {reason}"


def cohort(
    n: int, arms: Sequence[str] = ("CONTROL",), events: int | None = None, seed: int = 1
) -> list[Person]:
    """Participants with distinct ratios and days, arms in turn; the first `events` (all) have the event."""
    random = np.random.default_rng(seed)
    ratio = np.exp(random.permutation(n) / n - 0.4).tolist()
    days = (30 + random.permutation(n) * 7).tolist()
    n_event = n if events is None else events
    return [(arms[k % len(arms)], ratio[k], days[k], k < n_event) for k in range(n)]


TWO_ARMS = ("CONTROL", "EXERCISE")


def test_no_outcomes_make_no_rows() -> None:
    made = outcome_association(outcomes_of(cohort(3)).clear(), "half_limit")
    assert made.is_empty()
    assert made.schema == pl.Schema(OUTCOME_ASSOCIATION)


def test_every_biomarker_and_endpoint_has_four_models_in_order_of_the_keys() -> None:
    people = cohort(40, TWO_ARMS)
    frames = [
        outcomes_of(people, study_id=study_id, endpoint_id=endpoint_id)
        for study_id in ("b", "a")
        for endpoint_id in ("OS", "DFS")
    ]
    made = outcome_association(pl.concat(frames), "excluded")
    keys = [(study, endpoint, model) for study in "ab" for endpoint in ("DFS", "OS") for model in MODELS]
    assert made.select("study_id", "endpoint_id", "model").rows() == keys
    assert set(made["imputation"]) == {"excluded"}
    alone = outcome_association(frames[0], "excluded")
    assert_frame_equal(made.filter(study_id="b", endpoint_id="OS"), alone, check_exact=True)


def test_each_model_needs_ten_events_for_each_of_its_coefficients() -> None:
    rows = associations_of(outcomes_of(cohort(40, TWO_ARMS, events=20)))
    for model in ("per_sd", "trend"):
        assert rows[model]["hazard_ratio"] is not None
        assert rows[model]["reason"] == ""
    for model in ("tertile_2", "tertile_3"):
        assert_missing(rows[model], "20 events for 3 coefficients; 10 for each are needed")
    rows = associations_of(outcomes_of(cohort(40, TWO_ARMS, events=12)))
    assert_missing(rows["per_sd"], "12 events for 2 coefficients; 10 for each are needed")
    rows = associations_of(outcomes_of(cohort(40, events=1)))
    assert_missing(rows["per_sd"], "1 event for 1 coefficient; 10 for each are needed")
    assert_missing(rows["tertile_3"], "1 event for 2 coefficients; 10 for each are needed")
    assert (rows["trend"]["n"], rows["trend"]["events"]) == (40, 1)


def test_the_arm_is_a_covariate_only_where_those_at_risk_are_of_several() -> None:
    control = cohort(30)
    before = [("EXERCISE", 1.5, -5, True)]
    for row in associations_of(outcomes_of([*control, *before])).values():
        assert row["covariates"] == ""
        assert row["reason"] == ""
    for row in associations_of(outcomes_of(cohort(40, ("A", "B", "C"), events=40))).values():
        assert row["covariates"] == "arm"
        assert row["reason"] == ""


def test_nobody_at_risk_after_the_biomarker() -> None:
    early = [(arm, ratio, -days, is_event) for arm, ratio, days, is_event in cohort(30, TWO_ARMS)]
    for row in associations_of(outcomes_of(early)).values():
        assert_missing(row, "no participant is at risk after the biomarker's date")
        assert (row["n"], row["events"], row["n_before_landmark"], row["covariates"]) == (0, 0, 30, "")
        of_those_at_risk = ("landmark_days", "first_landmark_days", "last_landmark_days", "sd_log_ratio")
        assert [row[name] for name in of_those_at_risk] == [None] * 4


REFUSAL = "9 of 11 baselines are below the limit"


def test_an_analyte_that_may_not_be_reported_keeps_its_counts_and_has_no_estimate() -> None:
    people = [*cohort(40, TWO_ARMS, events=30), ("CONTROL", 1.4, -5, True)]
    without_ratio = [("CONTROL", None, 300, True), ("EXERCISE", None, -3, False)]
    rows = associations_of(outcomes_of([*people, *without_ratio], refusal=REFUSAL))
    reported = associations_of(outcomes_of(people))
    for model, row in rows.items():
        assert_missing(row, f"not reportable, {REFUSAL}")
        assert row["sd_log_ratio"] is None
        for count in ("n", "events", "n_before_landmark", "landmark_days", "covariates"):
            assert row[count] == reported[model][count]
    assert (rows["per_sd"]["n"], rows["per_sd"]["events"], rows["per_sd"]["n_before_landmark"]) == (40, 30, 1)


def test_a_refused_analyte_of_which_nobody_has_a_ratio_is_shown_with_nobody() -> None:
    people = [("CONTROL", None, 300, True), ("EXERCISE", None, -3, False)]
    for row in associations_of(outcomes_of(people, refusal=REFUSAL)).values():
        assert_missing(row, f"not reportable, {REFUSAL}")
        assert (row["n"], row["events"], row["n_before_landmark"], row["landmark_days"]) == (0, 0, 0, None)


def test_a_refused_analyte_with_the_ratios_of_another_does_not_take_its_estimates() -> None:
    people = cohort(60)
    both = [outcomes_of(people), outcomes_of(people, analyte_id="IL6", refusal=REFUSAL)]
    made = outcome_association(pl.concat(both), "half_limit")
    assert made.filter(analyte_id="IL6")["hazard_ratio"].null_count() == len(MODELS)
    assert made.filter(analyte_id="SPARC")["hazard_ratio"].null_count() == 0


def test_p_values_are_adjusted_over_all_biomarkers_of_an_endpoint_and_model() -> None:
    biomarkers = [("SPARC", "month_3"), ("SPARC", "month_6"), ("IL6", "month_3"), ("OSM", "month_3")]
    frames = [
        outcomes_of(cohort(60, seed=n), analyte_id=analyte_id, timepoint=timepoint)
        for n, (analyte_id, timepoint) in enumerate(biomarkers)
    ]
    others = [
        outcomes_of(cohort(60, seed=9), analyte_id="IL1B", refusal=REFUSAL),
        outcomes_of(cohort(60, events=2, seed=8), analyte_id="CRP"),
        outcomes_of(cohort(60, seed=7), endpoint_id="DFS"),
        outcomes_of(cohort(60, seed=6), study_id="another trial"),
        outcomes_of(cohort(60, seed=5)).with_columns(kind=pl.lit("acute")),
    ]
    made = outcome_association(pl.concat([*frames, *others]), "half_limit")
    for model in MODELS:
        family = made.filter(study_id="trial", kind="resting", endpoint_id="OS", model=model)
        assert (family.height, family["p_value"].null_count()) == (6, 2)
        tested = family.drop_nulls("p_value").sort("p_value")
        p = tested["p_value"].to_numpy()
        # By hand: Holm multiplies by 4, 3, 2, 1 and never falls; Benjamini and Hochberg by 4 over 1, 2, 3, 4.
        of_holm = np.minimum(1.0, np.maximum.accumulate(p * [4, 3, 2, 1]))
        of_bh = np.minimum.accumulate((p * [4, 2, 4 / 3, 1])[::-1])[::-1]
        assert tested["p_holm"].to_list() == pytest.approx(of_holm.tolist(), rel=1e-14)
        assert tested["p_bh"].to_list() == pytest.approx(of_bh.tolist(), rel=1e-14)
        untested = family.filter(pl.col("p_value").is_null())
        assert untested["p_holm"].null_count() == untested["p_bh"].null_count() == 2
    alone = made.filter(
        (pl.col("endpoint_id") == "DFS") | (pl.col("study_id") != "trial") | (pl.col("kind") == "acute")
    )
    assert alone.height == 3 * len(MODELS)
    assert alone["p_holm"].to_list() == alone["p_bh"].to_list() == alone["p_value"].to_list()


def test_a_ratio_that_is_the_same_in_everybody() -> None:
    same = [(arm, 0.1 + 0.2, days, is_event) for arm, _, days, is_event in cohort(30, TWO_ARMS)]
    for row in associations_of(outcomes_of(same)).values():
        assert_missing(row, "the ratio is the same in all participants at risk")
        assert row["sd_log_ratio"] == 0.0


def test_a_ratio_of_0_has_no_logarithm_but_a_tertile() -> None:
    people = cohort(60)
    with_zero = [(arm, max(ratio - 0.7, 0.0), days, is_event) for arm, ratio, days, is_event in people]
    n_zero = sum(ratio == 0.0 for _, ratio, _, _ in with_zero)
    assert 1 < n_zero < 20
    rows = associations_of(outcomes_of(with_zero))
    assert_missing(rows["per_sd"], f"{n_zero} ratios are not above 0 and have no logarithm")
    assert rows["per_sd"]["sd_log_ratio"] is None
    positive = associations_of(outcomes_of(people))
    for model in ("tertile_2", "tertile_3", "trend"):
        assert [rows[model][name] for name in ESTIMATES] == [positive[model][name] for name in ESTIMATES]


def test_ties_that_leave_a_tertile_without_participants() -> None:
    two_values = [(arm, float(k % 2 + 1), days, True) for k, (arm, _, days, _) in enumerate(cohort(40))]
    rows = associations_of(outcomes_of(two_values))
    for model in ("tertile_2", "tertile_3", "trend"):
        assert_missing(rows[model], "equal ratios leave nobody to tertile 3")
    assert rows["per_sd"]["reason"] == ""
    mostly_high = [
        (arm, 1.0 if k == 0 else 2.0, days, True) for k, (arm, _, days, _) in enumerate(cohort(40))
    ]
    assert_missing(
        associations_of(outcomes_of(mostly_high))["trend"], "equal ratios leave nobody to tertiles 2 and 3"
    )


def test_a_tertile_without_events_has_no_finite_hazard_ratio() -> None:
    people = cohort(60)
    lowest = sorted(ratio for _, ratio, _, _ in people)[19]
    spared = [(arm, ratio, days, ratio > lowest) for arm, ratio, days, _ in people]
    rows = associations_of(outcomes_of(spared))
    for model in ("tertile_2", "tertile_3"):
        assert_missing(rows[model], "no events in tertile 1")
    for model in ("per_sd", "trend"):
        assert rows[model]["reason"] == ""


def test_an_arm_that_is_a_tertile_cannot_be_told_from_it() -> None:
    people = cohort(60)
    highest = sorted(ratio for _, ratio, _, _ in people)[39]
    aliased = [("B" if ratio > highest else "A", ratio, days, True) for _, ratio, days, _ in people]
    rows = associations_of(outcomes_of(aliased))
    reason = "arm B does not vary among those at risk at the events, or follows from tertile 2, tertile 3"
    assert_missing(rows["tertile_2"], reason)
    assert_missing(rows["tertile_3"], reason)
    assert rows["per_sd"]["reason"] == ""


def test_an_arm_that_is_gone_before_the_first_event() -> None:
    gone = [("YOGA", 0.7 + k / 10, 3, False) for k in range(5)]
    rows = associations_of(outcomes_of([*cohort(60, TWO_ARMS), *gone]))
    others = "the log ratio, arm EXERCISE"
    reason = f"arm YOGA does not vary among those at risk at the events, or follows from {others}"
    assert_missing(rows["per_sd"], reason)


def test_an_arm_without_events_and_a_ratio_that_foretells_every_event() -> None:
    spared = [("YOGA", 0.7 + k / 10, 900, False) for k in range(5)]
    rows = associations_of(outcomes_of([*cohort(60, TWO_ARMS), *spared]))
    assert_missing(rows["trend"], "no finite estimate: the hazard ratio of arm YOGA tends to 0")
    foretold = [("CONTROL", 0.5 + k / 10, 400 - 10 * k, True) for k in range(30)]
    rows = associations_of(outcomes_of(foretold))
    assert_missing(rows["per_sd"], "no finite estimate: the hazard ratio of the log ratio tends to infinity")


def test_who_had_the_event_by_the_biomarkers_date_does_not_count() -> None:
    """On the day itself neither: the sample may have been taken after the event."""
    people = cohort(60, TWO_ARMS)
    early = [("CONTROL", 4.0, 0, True), ("EXERCISE", 5.0, -1, True), ("CONTROL", 0.1, -40, False)]
    rows, without = associations_of(outcomes_of([*people, *early])), associations_of(outcomes_of(people))
    for model in MODELS:
        assert rows[model] == {**without[model], "n_before_landmark": 3}
        assert without[model]["n_before_landmark"] == 0
        assert rows[model]["n"] == 60


def test_counting_from_the_index_date_would_give_another_hazard_ratio() -> None:
    people = outcomes_of([*cohort(60, TWO_ARMS), ("CONTROL", 4.0, -20, True), ("CONTROL", 5.0, -60, True)])
    naive = people.with_columns(
        time_days=pl.col("time_days") + pl.col("landmark_days"), is_at_risk=pl.lit(value=True)
    )
    own, biased = associations_of(people), associations_of(naive)
    for model in MODELS:
        assert (own[model]["n"], biased[model]["n"]) == (60, 62)
        assert abs(own[model]["log_hazard_ratio"] - biased[model]["log_hazard_ratio"]) > 0.05


def test_who_was_not_yet_in_follow_up_on_the_biomarkers_date_is_named() -> None:
    people = cohort(60)
    late = outcomes_of(people).with_columns(is_at_risk=pl.int_range(pl.len()) >= 2)
    rows, without = associations_of(late), associations_of(outcomes_of(people[2:]))
    for model in MODELS:
        note = "2 participants were not yet in follow-up on the biomarker's date and left out"
        assert rows[model]["reason"] == note
        assert [rows[model][name] for name in ("n", "n_before_landmark")] == [58, 0]
        assert [rows[model][name] for name in ESTIMATES] == [without[model][name] for name in ESTIMATES]


def test_the_days_of_the_biomarker_are_those_of_the_participants_at_risk() -> None:
    people = [("CONTROL", 3.0, -1, True), *cohort(60), ("CONTROL", 3.0, 0, True)]
    row = associations_of(outcomes_of(people))["per_sd"]
    # Taken on days 90 to 151, the first and the last of them too late.
    assert [row[name] for name in ("first_landmark_days", "landmark_days", "last_landmark_days")] == [
        *(91, 120.5, 150)
    ]


def test_endpoints_with_the_same_outcomes_keep_their_own_dates() -> None:
    people = cohort(60, TWO_ARMS)
    first = outcomes_of(people, endpoint_id="DFS")
    second = outcomes_of([*people, ("CONTROL", 2.0, -3, True)], endpoint_id="OS")
    second = second.with_columns(landmark_days=pl.col("landmark_days") + 100)
    made = outcome_association(pl.concat([first, second]), "half_limit")
    of_model = made.filter(model="per_sd")
    assert of_model["n_before_landmark"].to_list() == [0, 1]
    assert of_model["first_landmark_days"].to_list() == [90, 190]
    assert of_model["log_hazard_ratio"].n_unique() == 1


def test_neither_the_order_of_rows_nor_the_names_of_participants_decide_a_bit() -> None:
    """With ties of ratio, day and arm, in which an order of participants could hide."""
    random = np.random.default_rng(7)
    people = [
        (
            str(random.choice(["A", "B", "C"])),
            round(float(np.exp(random.normal(0, 0.5))), 1),
            int(random.integers(1, 30)) * 30,
            bool(random.random() < 0.6),
        )
        for _ in range(300)
    ]
    outcomes = outcomes_of(people)
    made = outcome_association(outcomes, "half_limit")
    assert set(made["reason"]) == {""}
    for seed in range(5):
        shuffled = outcomes.sample(fraction=1.0, shuffle=True, seed=seed)
        renamed = shuffled.with_columns(participant_id=pl.format("Q{}", pl.int_range(pl.len())))
        assert_frame_equal(outcome_association(renamed, "half_limit"), made, check_exact=True)


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        # R: 1 + (x > quantile(x, 1/3)) + (x > quantile(x, 2/3)), its cut points on the right.
        ([1.0, 2.0, 3.0], [1, 2, 3]),  # 1.67, 2.33
        ([4.0, 1.0, 3.0, 2.0], [3, 1, 2, 1]),  # 2, 3: at values, which belong to the lower tertile
        ([1.0, 2.0, 3.0, 4.0, 5.0], [1, 1, 2, 3, 3]),  # 2.33, 3.67
        ([1.0, 1.0, 1.0, 2.0, 3.0, 4.0], [1, 1, 1, 2, 3, 3]),  # 1, 2.33
        ([1.0, 2.0, 2.0, 2.0, 2.0, 3.0], [1, 1, 1, 1, 1, 3]),  # 2, 2
        ([5.0], [1]),
    ],
)
def test_tertiles_by_rank_with_ties_together(ratios: list[float], expected: list[int]) -> None:
    assert tertiles(np.array(ratios)).tolist() == expected


def test_tertiles_are_cut_at_interpolated_quantiles() -> None:
    random = np.random.default_rng(3)
    for n in range(2, 80):
        whole = random.integers(0, n, n).astype(np.float64)
        low, high = np.quantile(whole, [1 / 3, 2 / 3], method="linear")
        # Rounding may put an interpolated cut point next to the value that it stands for.
        expected = 1 + (whole > low + 1e-9).astype(int) + (whole > high + 1e-9)
        assert tertiles(whole).tolist() == expected.tolist()


def test_without_an_effect_intervals_cover_1_though_time_before_the_biomarker_would_feign_one() -> None:
    """200 trials in which the ratio grows with training until the sample, and says nothing of the hazard.

    Who is sampled late has lived until then. Counted from the index date, that time makes a high ratio look
    protective; counted from the sample on, intervals cover a hazard ratio of 1 as often as they promise.
    """
    random = np.random.default_rng(2024)
    n_trials, n = 200, 150
    size = n_trials * n
    sampled = random.integers(30, 700, size)
    until_event = np.ceil(random.exponential(600.0, size)).astype(np.int64)
    until_end = 1500 - sampled
    outcomes = pl.DataFrame(
        {
            "study_id": np.repeat([f"trial {k}" for k in range(n_trials)], n),
            "arm_id": random.choice(TWO_ARMS, size),
            "ratio": np.exp(0.002 * sampled + random.normal(0.0, 0.3, size)),
            "landmark_days": sampled,
            "time_days": np.minimum(until_event, until_end),
            "is_event": until_event <= until_end,
        }
    ).with_columns(
        is_reportable=pl.lit(value=True),
        reason=pl.lit(""),
        kind=pl.lit("resting"),
        analyte_id=pl.lit("SPARC"),
        visit=pl.lit("baseline"),
        timepoint=pl.lit("later"),
        endpoint_id=pl.lit("OS"),
        participant_id=pl.format("P{}", pl.int_range(pl.len())),
        is_at_risk=pl.lit(value=True),
    )
    naive = outcomes.with_columns(time_days=pl.col("time_days") + pl.col("landmark_days"))
    own, biased = (outcome_association(frame, "half_limit") for frame in (outcomes, naive))
    assert set(own["reason"]) == set(biased["reason"]) == {""}
    promised, margin = 0.95 * n_trials, 3 * math.sqrt(0.95 * 0.05 * n_trials)
    for model in ("per_sd", "tertile_3", "trend"):
        assert abs(n_covering_1(own, model) - promised) < margin
        assert n_covering_1(biased, model) < n_trials / 2
    false_effect = biased.filter(model="per_sd")["hazard_ratio"]
    assert (false_effect < 1.0).mean() == pytest.approx(1.0, abs=0.02)


def n_covering_1(associations: pl.DataFrame, model: str) -> int:
    return associations.filter(pl.col("conf_low") < 1.0, pl.col("conf_high") > 1.0, model=model).height
