"""Cumulative incidence, its error and its intervals on three scales are those of R's survfit."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from transforms.estimators.competing_tables import cumulative_incidence

DATA = Path(__file__).parent / "data"
COHORTS = ("c01", "c05", "c09", "c13", "c23", "c25", "c29", "c35")
DELAYED_ENTRY = tuple(f"delayed{number}" for number in range(1, 10))
OUTCOMES = ("event", "competing")
SCALES = {
    "log": ("conf_low", "conf_high"),
    "log-log": ("conf_low_log_log", "conf_high_log_log"),
    "plain": ("conf_low_plain", "conf_high_plain"),
}

CountRiskTable = Callable[[pl.DataFrame], pl.DataFrame]


@pytest.fixture(scope="module")
def own_and_r(risk_table_of: CountRiskTable, delayed_stays_of: CountRiskTable) -> pl.DataFrame:
    """Our row and R's of each cohort, outcome and day; R's columns end in `_r`."""
    rows = pl.read_csv(DATA / "competing_risks_cohorts.csv").filter(arm="A")
    one_each = rows.select(pl.all().repeat_by("n").explode()).drop("n")
    people = one_each.rename({"cohort": "endpoint_id", "arm": "arm_id"}).with_columns(stratum=pl.lit(""))
    theirs = pl.read_csv(DATA / "competing_risks_incidence_r.csv").rename({"cohort": "endpoint_id"})
    people = people.filter(pl.col("endpoint_id").is_in(theirs["endpoint_id"].unique().to_list()))
    own = cumulative_incidence(risk_table_of(people), delayed_stays_of(people))
    return theirs.join(own, on=["endpoint_id", "outcome", "time_days"], how="left", suffix="_own").rename(
        {name: f"{name}_r" for name in theirs.columns[3:]}
    )


def both(own_and_r: pl.DataFrame, cohort: str, outcome: str, column: str) -> tuple[np.ndarray, np.ndarray]:
    rows = own_and_r.filter(endpoint_id=cohort, outcome=outcome)
    return rows[f"{column}_own"].to_numpy(), rows[f"{column}_r"].to_numpy()


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("cohort", COHORTS + DELAYED_ENTRY)
def test_incidence_and_its_infinitesimal_jackknife_error(
    own_and_r: pl.DataFrame, cohort: str, outcome: str
) -> None:
    for column in ("cumulative_incidence", "std_error"):
        own, theirs = both(own_and_r, cohort, outcome, column)
        assert own == pytest.approx(theirs, rel=1e-10, abs=1e-14)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("cohort", COHORTS + DELAYED_ENTRY)
def test_intervals_on_each_scale(own_and_r: pl.DataFrame, cohort: str, outcome: str, scale: str) -> None:
    for column in SCALES[scale]:
        own, theirs = both(own_and_r, cohort, outcome, column)
        incidence, _ = both(own_and_r, cohort, outcome, "cumulative_incidence")
        happened = incidence > 0
        assert own[happened] == pytest.approx(theirs[happened], rel=1e-9, nan_ok=True)
        if scale == "log":  # R has no interval before the first outcome; ours is [0, 0]
            assert not own[~happened].any()
        else:
            assert own[~happened] == pytest.approx(theirs[~happened], nan_ok=True)
