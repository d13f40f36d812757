"""Where greenwood's competing-risks methods agree with cmprsk, the counts give the same number.

Its Gray's test does on every cohort. Its subdistribution hazard ratio does when nobody is censored on the
day of an event; its robust error is not crr's, so that is compared with R alone.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from transforms.estimators.fine_gray import fine_gray
from transforms.estimators.gray_test import gray_test
from transforms.estimators.risk_set import RiskSet, no_participants, risk_sets

CountRiskTable = Callable[[pl.DataFrame], pl.DataFrame]
Person = tuple[str, int, int]
"""Arm, day of exit, code: 0 censored, 1 event, 2 competing event."""

AS_NEAR_THE_MAXIMUM_AS_CRR = 1e-3  # standard errors

arms, codes = st.sampled_from("AB"), st.sampled_from([0, 1, 2])
cohorts = st.lists(st.tuples(arms, st.integers(1, 12), codes), min_size=8, max_size=60)
seeds = st.integers(0, 2**32 - 1)


def frame(people: list[Person]) -> pl.DataFrame:
    columns = ["arm_id", "time_days", "code"]
    return pl.DataFrame(people, schema=columns, orient="row").with_columns(
        endpoint_id=pl.lit("TTR"), stratum=pl.lit(""), entry_days=0
    )


def pair(people: pl.DataFrame, count: CountRiskTable) -> tuple[RiskSet, RiskSet]:
    groups = {key[0]: group for key, group in risk_sets(count(people), ["arm_id"])}
    return groups.get("A", no_participants()), groups.get("B", no_participants())


def response(people: pl.DataFrame) -> Any:
    import greenwood  # noqa: PLC0415

    names = {0: "censored", 1: "event", 2: "competing"}
    state = people["code"].replace_strict(names, return_dtype=pl.Enum(list(names.values())))
    return greenwood.Surv(people["time_days"].cast(pl.Float64).to_numpy(), state)


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning:greenwood")
@settings(max_examples=150, deadline=None)
@given(people=cohorts)
@example(people=[("A", 1, 1), ("A", 2, 2), ("B", 1, 1), ("B", 3, 0)])
def test_grays_test(risk_table_of: CountRiskTable, people: list[Person]) -> None:
    import greenwood  # noqa: PLC0415

    rows = frame(people)
    assume({1, 2} <= set(rows["code"]) and rows["arm_id"].n_unique() == 2)
    own = gray_test(*pair(rows, risk_table_of))
    assume(own.chisq is not None)
    theirs = greenwood.grays_test(response(rows), rows["arm_id"].to_list(), cause="event")
    assume(np.isfinite(theirs.statistic))
    assert own.chisq == pytest.approx(theirs.statistic, rel=1e-8, abs=1e-10)
    assert own.p_value == pytest.approx(theirs.p_value, rel=1e-8, abs=1e-10)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, size=st.integers(30, 120))
def test_fine_gray_without_ties_between_censoring_and_events(
    risk_table_of: CountRiskTable, seed: int, size: int
) -> None:
    import greenwood  # noqa: PLC0415

    random = np.random.default_rng(seed)
    code = random.choice([0, 1, 2], size, p=[0.3, 0.4, 0.3])
    day = 2 * random.integers(1, 20, size) + (code == 0)
    rows = frame(list(zip(random.choice(["A", "B"], size), day, code, strict=True)))
    own = fine_gray(*pair(rows, risk_table_of))
    assume(own.std_error is not None)
    x = (rows["arm_id"] == "B").cast(pl.Float64).to_numpy()[:, None]
    theirs = greenwood.FineGray("event").fit(response(rows), x, tol=1e-12)
    near = AS_NEAR_THE_MAXIMUM_AS_CRR * theirs.std_error_[0]
    assert own.log_hazard_ratio == pytest.approx(theirs.coef_[0], abs=near)
