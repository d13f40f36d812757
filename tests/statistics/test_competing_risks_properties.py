"""What holds for every cohort with competing risks, however small, tied or lopsided."""

from collections.abc import Callable
from random import Random

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from transforms.estimators.competing_tables import cumulative_incidence, effect

CountRiskTable = Callable[[pl.DataFrame], pl.DataFrame]
Person = tuple[str, str, int, int, int]
"""Arm, stratum, day of entry, days from entry to exit, code: 0 censored, 1 event, 2 competing event."""

COMPARISON = pl.DataFrame(
    {"study_id": ["trial"], "experimental": ["B"], "control": ["A"], "comparison_order": [1]}
)
people = st.tuples(
    st.sampled_from("AB"),
    st.sampled_from(["", "late"]),
    st.one_of(st.just(0), st.just(0), st.integers(0, 4)),
    st.integers(0, 8),
    st.sampled_from([0, 1, 2]),
)
followed_from_day_0 = st.lists(people.map(lambda p: (p[0], p[1], 0, p[3], p[4])), min_size=1, max_size=40)
cohorts = st.one_of(followed_from_day_0, st.lists(people, min_size=1, max_size=40))


def frame(cohort: list[Person]) -> pl.DataFrame:
    columns = ["arm_id", "stratum", "entry_days", "followed_days", "code"]
    return pl.DataFrame(cohort, schema=columns, orient="row").select(
        "arm_id",
        "stratum",
        "code",
        "entry_days",
        # Somebody who enters later leaves later: an exit on the day of entry is never at risk.
        time_days=pl.col("entry_days") + pl.col("followed_days") + (pl.col("entry_days") > 0).cast(pl.Int64),
        endpoint_id=pl.lit("TTR"),
    )


@settings(max_examples=200, deadline=None)
@given(cohort=cohorts)
@example(cohort=[("A", "", 0, 0, 1)])
@example(cohort=[("A", "", 0, 0, 1), ("B", "", 0, 0, 1)])
@example(cohort=[("A", "", 0, 5, 1), ("B", "", 0, 5, 2)])
@example(cohort=[("A", "", 2, 0, 1), ("B", "", 0, 5, 2)])
def test_every_number_is_finite_or_missing_with_a_reason(
    risk_table_of: CountRiskTable, delayed_stays_of: CountRiskTable, cohort: list[Person]
) -> None:
    table, stays = risk_table_of(frame(cohort)), delayed_stays_of(frame(cohort))
    incidence, effects = cumulative_incidence(table, stays), effect(table, COMPARISON)
    for rows in (incidence, effects):
        numbers = rows.select(pl.col(pl.Float64))
        assert numbers.select(pl.all().drop_nulls().is_finite().all()).row(0) == (True,) * numbers.width
    assert incidence.drop("conf_low_log_log", "conf_high_log_log").null_count().sum_horizontal().item() == 0
    assert effects["model"].to_list() == ["cause_specific", "fine_gray"]
    for row in effects.iter_rows(named=True):
        optional = {"gray_chisq", "gray_p"} if row["model"] == "cause_specific" else set()
        is_missing = any(value is None for name, value in row.items() if name not in optional)
        assert is_missing == (row["reason"] != "")


@settings(max_examples=60, deadline=None)
@given(cohort=cohorts, random=st.randoms(use_true_random=False))
def test_no_bit_depends_on_row_order_or_on_how_the_cohort_is_parted(
    risk_table_of: CountRiskTable, delayed_stays_of: CountRiskTable, cohort: list[Person], random: Random
) -> None:
    def in_any_order(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.sample(fraction=1.0, shuffle=True, seed=random.randrange(2**32))

    table, stays = risk_table_of(frame(cohort)), delayed_stays_of(frame(cohort))
    pooled = risk_table_of(frame(cohort).with_columns(stratum=pl.lit("")))
    for other in (in_any_order(table), pooled):
        assert_frame_equal(effect(other, COMPARISON), effect(table, COMPARISON), check_exact=True)
        again = cumulative_incidence(other, in_any_order(stays))
        assert_frame_equal(again, cumulative_incidence(table, stays), check_exact=True)


@settings(max_examples=100, deadline=None)
@given(cohort=cohorts)
def test_intervals_enclose_the_incidence_and_stay_probabilities(
    risk_table_of: CountRiskTable, delayed_stays_of: CountRiskTable, cohort: list[Person]
) -> None:
    incidence = cumulative_incidence(risk_table_of(frame(cohort)), delayed_stays_of(frame(cohort)))
    estimate, rounding = pl.col("cumulative_incidence"), 1e-12
    for scale in ("", "_log_log", "_plain"):
        low, high = pl.col(f"conf_low{scale}"), pl.col(f"conf_high{scale}")
        encloses = (low <= estimate + rounding) & (estimate <= high + rounding)
        assert incidence.select((encloses & low.is_between(0, 1) & high.is_between(0, 1)).all()).item()
