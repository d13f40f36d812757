"""Whatever the cohort, its marts are reproducible to the last bit, and say why a number is missing.

The cohorts have ties, no events or nothing but events, delayed entry, empty arms, single participants,
missing covariates and strata.
"""

import math
from collections.abc import Callable
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transforms.estimators import competing_tables, effect_tables, survival_tables

CountFrames = Callable[..., Any]

fewer = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

COMPARISON = pl.DataFrame(
    {"study_id": ["trial"], "experimental": ["B"], "control": ["A"], "comparison_order": [1]}
)
YEARS = pl.DataFrame({"study_id": ["trial"], "landmark_years": [0.02], "rmst_years": [0.01]})
KINDS = {"stage": "categorical", "age": "continuous"}


@st.composite
def cohorts(draw: st.DrawFn) -> pl.DataFrame:
    """Between 1 and 40 participants on at most 13 days, in up to three arms, with covariates."""
    last_day = draw(st.sampled_from([0, 2, 12]))
    codes = draw(st.sampled_from([[0], [1], [0, 1], [0, 1, 2], [0, 1, 1, 1, 2]]))
    person = st.tuples(
        st.sampled_from("AABBC"),
        st.sampled_from(["", "late", "early"]),
        st.integers(0, last_day),
        st.integers(0, last_day),
        st.sampled_from(codes),
        st.sampled_from(["1", "2", "3", None]),
        st.sampled_from([50, 55, 61, 70, None]),
    )
    people = [
        (arm, stratum, entry if entry < leave else 0, leave, *rest)
        for arm, stratum, entry, leave, *rest in draw(st.lists(person, min_size=1, max_size=40))
    ]
    names = ["arm_id", "stratum", "entry_days", "time_days", "code", "stage", "age"]
    frame = pl.DataFrame(people, schema=names, orient="row", schema_overrides={"stage": str, "age": pl.Int64})
    return frame.select(pl.lit("OS").alias("endpoint_id"), *names)


def every_mart(table: pl.DataFrame, frames: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    of_models = {name: frame for name, frame in frames.items() if name != "delayed_stays"}
    return {
        "curve": survival_tables.curve(table),
        "landmark": survival_tables.landmark(table, YEARS),
        "landmark_difference": survival_tables.landmark_difference(table, YEARS, COMPARISON),
        "summary": survival_tables.summary(table, YEARS),
        "rmst_difference": survival_tables.rmst_difference(table, YEARS, COMPARISON),
        "cumulative_incidence": competing_tables.cumulative_incidence(table, frames["delayed_stays"]),
        "treatment_effect": effect_tables.treatment_effect(table, COMPARISON, **of_models),
    }


@fewer
@given(cohorts(), st.randoms(use_true_random=False))
def test_no_estimate_depends_on_row_order_nor_on_how_a_study_is_parted(
    risk_table_of: CountFrames,
    model_frames_of: CountFrames,
    delayed_stays_of: CountFrames,
    people: pl.DataFrame,
    random: Any,
) -> None:
    """The same to the last bit: rows shuffled, beside another study, and counted in two parts."""

    def counted(part: pl.DataFrame, study_id: str = "trial") -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
        models = {"strata": ["site"], "subgroups": ["stage"], "adjustment": KINDS}
        frames = model_frames_of(part, **models, study_id=study_id)
        frames["delayed_stays"] = delayed_stays_of(part, study_id)
        return risk_table_of(part, study_id=study_id), frames

    def together(
        parts: list[tuple[pl.DataFrame, dict[str, pl.DataFrame]]],
    ) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
        tables = pl.concat([table for table, _ in parts])
        frames = {name: pl.concat([frame[name] for _, frame in parts]) for name in parts[0][1]}
        frames["strata"] = frames["strata"].unique()
        frames["adjustment_patterns"] = frames["adjustment_patterns"].unique()
        shuffled = {
            name: f.sample(fraction=1, shuffle=True, seed=random.randint(0, 999))
            for name, f in frames.items()
        }
        return tables.sample(fraction=1, shuffle=True, seed=random.randint(0, 999)), shuffled

    whole = counted(people)
    in_second = pl.Series([random.random() < 0.5 for _ in range(people.height)])
    parts = [part for part in (people.filter(in_second), people.filter(~in_second)) if part.height]
    wanted = every_mart(*whole)
    for other in (
        together([whole, counted(people.reverse().head(5), "another")]),
        together([counted(part) for part in parts]),
    ):
        for name, made in every_mart(*other).items():
            assert made.filter(study_id="trial").equals(wanted[name]), name


@fewer
@given(cohorts())
def test_no_number_is_missing_without_a_reason_nor_anything_but_a_number(
    risk_table_of: CountFrames,
    model_frames_of: CountFrames,
    delayed_stays_of: CountFrames,
    people: pl.DataFrame,
) -> None:
    frames = model_frames_of(people, strata=["site"], subgroups=["stage"], adjustment=KINDS)
    marts = every_mart(risk_table_of(people), {**frames, "delayed_stays": delayed_stays_of(people)})
    for name, frame in marts.items():
        numbers = [v for row in frame.iter_rows() for v in row if isinstance(v, float)]
        assert all(math.isfinite(v) for v in numbers), name
    at_one = pl.col("survival") == 1
    log_log = [
        pl.when(at_one).then(0.0).otherwise(c).alias(c) for c in ("conf_low_log_log", "conf_high_log_log")
    ]
    effects = marts["treatment_effect"].with_columns(
        pl.when(model="adjusted").then(0.0).otherwise(c).alias(c) for c in ("logrank_chisq", "logrank_p")
    )
    no_interaction = pl.when(pl.col("model") != "subgroup").then(0.0).otherwise("interaction_p")
    for frame in (
        marts["landmark"].with_columns(log_log),
        marts["landmark_difference"],
        marts["summary"],
        marts["rmst_difference"],
        effects.with_columns(no_interaction.alias("interaction_p")),
    ):
        for row in frame.iter_rows(named=True):
            assert (None in row.values()) == (row["reason"] != ""), row


def of_stages_with_events(people: pl.DataFrame) -> pl.DataFrame:
    """An adjusted model leaves out who is of a level without events, unless there are none at all."""
    stages = people.filter(code=1)["stage"].unique().to_list()
    return people.filter(pl.col("stage").is_in(stages)) if stages else people


@fewer
@given(cohorts())
def test_what_a_model_used_is_counted(
    risk_table_of: CountFrames, model_frames_of: CountFrames, people: pl.DataFrame
) -> None:
    frames = model_frames_of(people, strata=["site"], subgroups=["stage"], adjustment=KINDS)
    effects = effect_tables.treatment_effect(risk_table_of(people), COMPARISON, **frames)
    two_arms = people.filter(pl.col("arm_id").is_in(["A", "B"]))
    used = {
        ("unadjusted", "all"): two_arms,
        ("stratified", "all"): two_arms.filter(pl.col("stratum") != ""),
        ("adjusted", "all"): of_stages_with_events(two_arms.drop_nulls(["stage", "age"])),
        **{("subgroup", level): two_arms.filter(stage=level) for level in "123"},
    }
    for model, level, n, events in effects.select("model", "level", "n", "events").iter_rows():
        part = used[model, level]
        assert (n, events) == (part.height, part.filter(code=1).height)
