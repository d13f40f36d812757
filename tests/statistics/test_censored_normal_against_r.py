"""Means and differences of normal values with censored ones are those of R's survreg.

R's numbers are in data/censored_normal_r.csv, made by data/censored_normal_r.R from the samples in
data/censored_normal_samples.csv: values below limits, above limits, within classes,
up to nine in ten censored.
"""

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

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


def test_estimate_error_and_interval_are_those_of_survreg(
    r_fits: dict[str, dict[str, float]], bounds: dict[str, dict[str, FloatArray]]
) -> None:
    assert len(r_fits) == 80
    for sample, r in r_fits.items():
        ours = estimated(bounds[sample])
        found = [ours.estimate, ours.std_error, ours.conf_low, ours.conf_high]
        expected = [r["estimate"], r["std_error"], r["low"], r["high"]]
        assert found == pytest.approx(expected, rel=1e-10, abs=1e-10 * r["std_error"]), sample
        assert (ours.conf_level, ours.reason) == (0.95, ""), sample


def test_p_values_are_those_of_survreg(
    r_fits: dict[str, dict[str, float]], bounds: dict[str, dict[str, FloatArray]]
) -> None:
    for sample, r in r_fits.items():
        assert estimated(bounds[sample]).p_value == pytest.approx(r["p"], rel=1e-8, abs=1e-300), sample
