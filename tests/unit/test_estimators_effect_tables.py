"""Which models a reader finds of each comparison, and why a number is missing where it is."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from transforms.estimators import adjustment, effect_tables, survival_tables
from transforms.estimators.mart_columns import TREATMENT_EFFECT
from transforms.estimators.risk_set import pool_strata

Person = tuple[str, int, int, int]
"""Arm, day of entry, day of exit, code: 0 censored, 1 event, 2 competing event."""

CountPeople = Callable[..., pl.DataFrame]

COMPARISON = pl.DataFrame(
    {"study_id": ["trial"], "experimental": ["EXERCISE"], "control": ["CONTROL"], "comparison_order": [1]}
)
KEY = {"study_id": "trial", "endpoint_id": "OS", "policy_id": "primary"}
NO_STRATA = pl.DataFrame(schema={"study_id": pl.String, "covariate": pl.String, "position": pl.Int64})
NO_SUBGROUPS = pl.DataFrame(
    schema={
        **dict.fromkeys([*KEY, "subgroup", "level", "arm_id"], pl.String),
        **dict.fromkeys(["time_days", "n_event", "n_competing", "n_censored", "n_entered"], pl.Int64),
    }
)
NO_STAYS = pl.DataFrame(
    schema={
        **dict.fromkeys([*KEY, "arm_id", "pattern"], pl.String),
        **dict.fromkeys(["entry_days", "time_days", "competing_code", "n"], pl.Int64),
    }
)
NO_PATTERNS = pl.DataFrame(
    schema={
        **dict.fromkeys(["study_id", "pattern", "covariate", "kind", "level"], pl.String),
        "position": pl.Int64,
    }
)
MISSING = ("hazard_ratio", "conf_low", "conf_high", "log_hazard_ratio", "std_error", "p_value")


def effects_of(
    table: pl.DataFrame,
    comparisons: pl.DataFrame = COMPARISON,
    *,
    strata: pl.DataFrame = NO_STRATA,
    subgroup_table: pl.DataFrame = NO_SUBGROUPS,
    stays: pl.DataFrame = NO_STAYS,
    patterns: pl.DataFrame = NO_PATTERNS,
) -> pl.DataFrame:
    made = effect_tables.treatment_effect(
        table,
        comparisons,
        strata=strata,
        subgroup_table=subgroup_table,
        adjustment_stays=stays,
        adjustment_patterns=patterns,
    )
    assert made.schema == pl.Schema(TREATMENT_EFFECT)
    return made


def effect_of(table: pl.DataFrame) -> dict[str, Any]:
    return effects_of(table).row(0, named=True)


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
    three = effects_of(risk_table(*people, ("DIET", 0, 5, 1), ("DIET", 0, 6, 1)), order)
    assert three["experimental"].to_list() == ["EXERCISE"] * 2 + ["DIET"] * 2
    assert three.row(0, named=True) == two


def test_pooling_the_strata_first_changes_no_estimate(risk_table: Callable[..., pl.DataFrame]) -> None:
    people = [("CONTROL", 0, 5, 1), ("CONTROL", 2, 9, 0), ("EXERCISE", 0, 7, 1), ("EXERCISE", 0, 9, 0)]
    table = risk_table(*people).with_columns(
        stratum=pl.when(pl.int_range(pl.len()) % 4 < 2).then(pl.lit("low")).otherwise(pl.lit("high"))
    )
    pooled = pool_strata(table)
    assert set(pooled["stratum"]) == {""}
    assert pooled.height < table.height
    assert survival_tables.curve(pooled).equals(survival_tables.curve(table))
    both = [
        effects_of(rows.with_columns(is_stratum_known=pl.lit(True)), COMPARISON).filter(model="unadjusted")
        for rows in (pooled, table)
    ]
    assert both[0].equals(both[1])


TRIAL: list[Person] = [
    *(("CONTROL", 0, day, code) for day, code in ((2, 1), (3, 1), (5, 1), (7, 1), (9, 0))),
    *(("EXERCISE", 0, day, code) for day, code in ((3, 1), (4, 1), (6, 1), (9, 0), (9, 0))),
]
FACTORS = pl.DataFrame({"study_id": "trial", "covariate": ["site", "stage"], "position": [1, 2]})


def test_every_comparison_has_its_models_in_order_each_with_both_ways_of_ties(
    risk_table: CountPeople,
) -> None:
    levels = pl.concat([level_table(risk_table, "sex", level, *TRIAL) for level in ("male", "female")])
    stays, patterns = adjustment_of([(person, "1", "60") for person in TRIAL])
    made = effects_of(
        risk_table(*TRIAL), strata=FACTORS, subgroup_table=levels, stays=stays, patterns=patterns
    )
    columns = "model", "ties", "subgroup", "level", "strata", "covariates"
    assert made.select(columns).rows() == [
        ("unadjusted", "efron", "all", "all", "", ""),
        ("unadjusted", "breslow", "all", "all", "", ""),
        ("stratified", "efron", "all", "all", "site, stage", ""),
        ("stratified", "breslow", "all", "all", "site, stage", ""),
        ("adjusted", "efron", "all", "all", "", "stage, age"),
        ("adjusted", "breslow", "all", "all", "", "stage, age"),
        ("subgroup", "efron", "sex", "female", "", ""),
        ("subgroup", "breslow", "sex", "female", "", ""),
        ("subgroup", "efron", "sex", "male", "", ""),
        ("subgroup", "breslow", "sex", "male", "", ""),
    ]
    assert effects_of(risk_table(*TRIAL))["model"].to_list() == ["unadjusted", "unadjusted"]


def test_the_stratified_model_uses_those_whose_factors_are_known(risk_table: CountPeople) -> None:
    known = risk_table(*TRIAL)
    unknown = risk_table(*TRIAL[2:8]).with_columns(stratum=pl.lit("site|stage=2"), is_stratum_known=False)
    pooled, stratified = effects_of(pl.concat([known, unknown]), strata=FACTORS)[::2].iter_rows(named=True)
    assert (pooled["n"], stratified["n"], stratified["events"]) == (16, 10, 7)
    alone = effect_of(known)
    assert {**stratified, "model": "unadjusted", "strata": ""} == alone
    (nobody,) = effects_of(unknown, strata=FACTORS)[3:].iter_rows(named=True)
    assert (nobody["n"], nobody["hazard_ratio"]) == (0, None)
    assert nobody["reason"] == "no participants in arm EXERCISE; no participants in arm CONTROL"


def level_table(risk_table: CountPeople, subgroup: str, level: str, *people: Person) -> pl.DataFrame:
    labels = {"subgroup": pl.lit(subgroup), "level": pl.lit(level)}
    return risk_table(*people).with_columns(**labels).select(NO_SUBGROUPS.columns)


def subgroup_rows(risk_table: CountPeople, **levels: list[Person]) -> list[dict[str, Any]]:
    parts = [level_table(risk_table, "sex", level, *people) for level, people in levels.items()]
    everybody = risk_table(*(person for people in levels.values() for person in people))
    made = effects_of(everybody, subgroup_table=pl.concat(parts))
    return list(made.filter(model="subgroup", ties="efron").iter_rows(named=True))


QUIET: list[Person] = [("CONTROL", 0, 5, 0), ("CONTROL", 0, 9, 0), ("EXERCISE", 0, 4, 0)]
QUIET_EXERCISE: list[Person] = [("CONTROL", 0, 5, 1), ("CONTROL", 0, 9, 0), ("EXERCISE", 0, 9, 0)]
NO_TWO_LEVELS = (
    "no interaction test: fewer than two levels have participants of both arms at risk at the events"
)


def test_a_level_without_events_in_an_arm_has_no_hazard_ratio_but_an_interaction(
    risk_table: CountPeople,
) -> None:
    female, male = subgroup_rows(risk_table, male=TRIAL, female=QUIET_EXERCISE)
    assert (male["reason"], female["interaction_p"]) == ("", male["interaction_p"])
    assert 0.0 < male["interaction_p"] < 1.0
    assert [female[name] for name in MISSING] == [None] * 6
    assert "interaction" not in female["reason"]
    assert female["logrank_p"] is not None


def test_a_level_without_events_or_without_an_arm_adds_nothing_to_the_interaction_of_the_others(
    risk_table: CountPeople,
) -> None:
    two = {"male": TRIAL, "female": QUIET_EXERCISE}
    expected = subgroup_rows(risk_table, **two)[0]["interaction_p"]
    for row in subgroup_rows(risk_table, **two, unknown=QUIET):
        assert row["interaction_p"] == expected
    # The first event is of a level in one arm, at risk at no other event: its hazard ratio, infinite, is all
    # that this tells.
    for row in subgroup_rows(risk_table, **two, unknown=[("CONTROL", 0, 1, 0), ("CONTROL", 0, 1, 1)]):
        assert row["interaction_p"] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(
    ("levels", "why"),
    [
        ({"male": TRIAL, "female": TRIAL[:5]}, NO_TWO_LEVELS),
        ({"male": TRIAL[5:], "female": TRIAL[:5]}, NO_TWO_LEVELS),
        ({"male": TRIAL, "female": QUIET}, "no interaction test: no events but of level male"),
        ({"male": QUIET, "female": QUIET}, "no interaction test: no events in either arm"),
        (
            {"male": QUIET_EXERCISE, "female": QUIET_EXERCISE},
            "no interaction test: no finite estimate: the hazard ratio of the arm tends to 0",
        ),
    ],
)
def test_levels_that_cannot_be_told_apart_have_no_interaction(
    risk_table: CountPeople, levels: dict[str, list[Person]], why: str
) -> None:
    for row in subgroup_rows(risk_table, **levels):
        assert row["interaction_p"] is None
        assert row["reason"].endswith(why)


def test_one_level_alone_has_no_interaction(risk_table: CountPeople) -> None:
    (only,) = subgroup_rows(risk_table, male=TRIAL)
    assert (only["interaction_p"], only["reason"]) == (
        None,
        "no interaction test: the participants are of one level only",
    )
    assert only["hazard_ratio"] == effect_of(risk_table(*TRIAL))["hazard_ratio"]


def test_a_subgroup_in_which_both_levels_agree_has_no_interaction_to_find(risk_table: CountPeople) -> None:
    female, male = subgroup_rows(risk_table, male=TRIAL, female=TRIAL)
    assert female["interaction_p"] == pytest.approx(1.0)
    assert {**female, "level": "male"} == male


def adjustment_of(people: list[tuple[Person, str, str]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Stays and patterns of people with a stage (categorical) and an age (continuous)."""
    stays = pl.DataFrame(
        [
            (*KEY.values(), arm, f"{stage}|{age}", entry, leave, code, 1)
            for (arm, entry, leave, code), stage, age in people
        ],
        schema=NO_STAYS.schema,
        orient="row",
    )
    patterns = [
        ("trial", f"{stage}|{age}", covariate, kind, level, position)
        for stage, age in sorted({(stage, age) for _, stage, age in people})
        for position, (covariate, kind, level) in enumerate(
            [("stage", "categorical", stage), ("age", "continuous", age)]
        )
    ]
    return stays, pl.DataFrame(patterns, schema=NO_PATTERNS.schema, orient="row")


def adjusted_row(risk_table: CountPeople, people: list[tuple[Person, str, str]]) -> dict[str, Any]:
    stays, patterns = adjustment_of(people)
    made = effects_of(risk_table(*(person for person, _, _ in people)), stays=stays, patterns=patterns)
    efron, _ = made.filter(model="adjusted").iter_rows(named=True)
    return efron


AGES = ["60", "61", "55", "70", "52", "66", "58", "63", "71", "49"]


@pytest.mark.parametrize(
    ("stages", "ages", "reason"),
    [
        (
            ["1"] * 10,
            ["60"] * 10,
            "age does not vary among those at risk at the events, or follows from the arm",
        ),
        (
            ["1", "2"] * 5,
            ["1", "2"] * 5,
            "age does not vary among those at risk at the events, or follows from the arm, stage=2",
        ),
        (
            ["2", *["1"] * 9],
            AGES,
            "no finite estimate: the hazard ratio of stage=2 tends to infinity",
        ),
        (["1", "2"] * 5, ["old", *AGES[1:]], "age is not a number: 'old'"),
    ],
)
def test_an_adjusted_model_that_cannot_be_fitted_names_the_covariate(
    risk_table: CountPeople, stages: list[str], ages: list[str], reason: str
) -> None:
    made = adjusted_row(risk_table, list(zip(TRIAL, stages, ages, strict=True)))
    assert [made[name] for name in MISSING] == [None] * 6
    assert made["reason"] == reason
    assert (made["n"], made["events"]) == (10, 7)


@pytest.mark.parametrize(("eventless", "others"), [("2", "1"), ("1", "2")])
def test_an_adjusted_model_leaves_out_who_is_of_a_level_without_events(
    risk_table: CountPeople, eventless: str, others: str
) -> None:
    """Whether it is the first level, the reference, or another."""
    stages = [eventless if k in (4, 8) else others for k in range(10)]
    people = list(zip(TRIAL, stages, AGES, strict=True))
    made = adjusted_row(risk_table, people)
    assert (made["n"], made["events"], made["reason"]) == (8, 7, "")
    assert made["hazard_ratio"] is not None
    assert made == adjusted_row(risk_table, [person for person in people if person[1] == others])


def test_an_adjusted_model_of_an_arm_that_has_only_a_level_without_events_says_so(
    risk_table: CountPeople,
) -> None:
    exercise = [(("EXERCISE", 0, 9, 0), "2", age) for age in AGES[5:]]
    control = [(person, "1", age) for person, age in zip(TRIAL[:5], AGES[:5], strict=True)]
    made = adjusted_row(risk_table, [*control, *exercise])
    assert [made[name] for name in MISSING] == [None] * 6
    assert made["reason"] == "no participants in arm EXERCISE but of levels without events"
    assert made["n"] == 5


def test_an_adjusted_model_without_events_or_without_an_arm_says_so(risk_table: CountPeople) -> None:
    censored = [((arm, 0, day, 0), "1", age) for (arm, _, day, _), age in zip(TRIAL, AGES, strict=True)]
    assert adjusted_row(risk_table, censored)["reason"] == "no events in either arm"
    one_arm = [(person, "1", age) for person, age in zip(TRIAL[:5], AGES[:5], strict=True)]
    reason = adjusted_row(risk_table, one_arm)["reason"]
    assert reason == "no participants with known covariates in arm EXERCISE"


def test_an_adjusted_model_of_too_many_distinct_people_asks_for_groups(
    risk_table: CountPeople, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adjustment, "MAX_ROWS", 5)
    people = [(person, "1", age) for person, age in zip(TRIAL, AGES, strict=True)]
    assert adjusted_row(risk_table, people)["reason"].endswith("group the continuous covariates")


def test_one_event_day_makes_no_test_of_proportional_hazards(risk_table: CountPeople) -> None:
    people = [("CONTROL", 0, 5, 1), ("CONTROL", 0, 9, 0), ("EXERCISE", 0, 5, 1), ("EXERCISE", 0, 9, 0)]
    made = effect_of(risk_table(*people))
    assert made["hazard_ratio"] == pytest.approx(1.0)
    assert (made["ph_chisq"], made["ph_p"]) == (None, None)
    assert made["reason"] == (
        "the test of proportional hazards needs events on two days while both arms are at risk"
    )
