"""Means and differences of normal values with censored ones are those of R's survreg, corrected.

survreg's standard error is that of a variance that divides by all n values. It is multiplied by
sqrt(n / (n - k)) for k means, and the normal point and test are replaced by Student's with n - k degrees of
freedom, by scipy. R's numbers are in data/censored_normal_r.csv, made by data/censored_normal_r.R from the
samples in data/censored_normal_samples.csv: values below limits, above limits, within classes, up to nine in
ten censored.
"""

import csv
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from transforms.estimators.censored_normal import censored_difference, censored_mean
from transforms.estimators.elementary import FloatArray
from transforms.estimators.point_estimate import PointEstimate

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="module")
def r_fits() -> dict[str, dict[str, float]]:
    """R's numbers of each sample."""
    fits: defaultdict[str, dict[str, float]] = defaultdict(dict)
    with (DATA / "censored_normal_r.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            fits[row["sample"]][row["quantity"]] = float(row["value"])
    return dict(fits)


@pytest.fixture(scope="module")
def bounds() -> dict[str, dict[str, FloatArray]]:
    """Lower and upper bounds, two rows, of each sample and arm."""
    found: defaultdict[str, defaultdict[str, list[list[float]]]] = defaultdict(lambda: defaultdict(list))
    with (DATA / "censored_normal_samples.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found[row["sample"]][row["arm"]].append([float(row["low"]), float(row["high"])])
    return {sample: {arm: np.array(rows).T for arm, rows in arms.items()} for sample, arms in found.items()}


def estimated(arms: dict[str, FloatArray]) -> PointEstimate:
    return censored_difference(*arms["x"], *arms["y"]) if "y" in arms else censored_mean(*arms["x"])


def sizes(arms: dict[str, FloatArray]) -> tuple[int, int]:
    """Number of values and of means: every value has a bound."""
    return sum(bounds.shape[1] for bounds in arms.values()), len(arms)


def test_estimate_error_and_interval_are_those_of_survreg(
    r_fits: dict[str, dict[str, float]], bounds: dict[str, dict[str, FloatArray]]
) -> None:
    assert len(r_fits) == 80
    for sample, r in r_fits.items():
        ours = estimated(bounds[sample])
        n, k = sizes(bounds[sample])
        error = r["std_error"] * math.sqrt(n / (n - k))
        margin = stats.t.ppf(0.975, n - k) * error
        found = [ours.estimate, ours.std_error, ours.conf_low, ours.conf_high]
        expected = [r["estimate"], error, r["estimate"] - margin, r["estimate"] + margin]
        assert found == pytest.approx(expected, rel=1e-10, abs=1e-10 * error), sample
        assert (ours.conf_level, ours.reason) == (0.95, ""), sample


def test_p_values_are_students_of_survregs_statistic(
    r_fits: dict[str, dict[str, float]], bounds: dict[str, dict[str, FloatArray]]
) -> None:
    for sample, r in r_fits.items():
        n, k = sizes(bounds[sample])
        expected = 2 * stats.t.sf(abs(r["estimate"] / r["std_error"]) * math.sqrt((n - k) / n), n - k)
        assert estimated(bounds[sample]).p_value == pytest.approx(expected, rel=1e-8, abs=1e-300), sample


def test_with_nothing_censored_survregs_corrected_interval_is_that_of_the_t_test(
    r_fits: dict[str, dict[str, float]], bounds: dict[str, dict[str, FloatArray]]
) -> None:
    measured = [sample for sample in r_fits if sample.startswith("measured")]
    assert len(measured) == 10
    for sample in measured:
        arms = [bounds[sample][arm][0] for arm in ("x", "y") if arm in bounds[sample]]
        test = stats.ttest_ind(*arms) if len(arms) == 2 else stats.ttest_1samp(*arms, popmean=0.0)
        ours, interval = estimated(bounds[sample]), test.confidence_interval()
        size = interval.high - interval.low
        found = [ours.conf_low, ours.conf_high]
        assert found == pytest.approx([interval.low, interval.high], rel=1e-12, abs=1e-12 * size), sample
        assert ours.p_value == pytest.approx(test.pvalue, rel=1e-9, abs=1e-300), sample
