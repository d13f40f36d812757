"""Rank tests, their estimates and intervals are those of R on 393 samples with ties, zeros and few pairs.

R's numbers are in data/ranks_r.csv, made by data/ranks_r.R from the samples in data/ranks_samples.csv:
wilcox.test, binom.test, qbinom.
"""

import csv
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from transforms.estimators.point_estimate import PointEstimate
from transforms.estimators.ranks import median, rank_sum, signed_rank

DATA = Path(__file__).parent / "data"


@dataclass
class Sample:
    """Changes of one arm or two, and R's numbers for them: None where R has none."""

    x: list[float] = field(default_factory=list)
    y: list[float] = field(default_factory=list)
    r: dict[str, float | None] = field(default_factory=dict)

    @property
    def is_one_arm(self) -> bool:
        return not self.y

    def estimated(self) -> PointEstimate:
        return (
            signed_rank(np.array(self.x)) if self.is_one_arm else rank_sum(np.array(self.x), np.array(self.y))
        )

    def number(self, quantity: str) -> float:
        value = self.r[quantity]
        assert value is not None
        return value


@pytest.fixture(scope="module")
def samples() -> dict[str, Sample]:
    found: defaultdict[str, Sample] = defaultdict(Sample)
    with (DATA / "ranks_samples.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            getattr(found[row["sample"]], row["arm"]).append(float(row["value"]))
    with (DATA / "ranks_r.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            value = None if row["value"] == "NA" else float(row["value"])
            found[row["sample"]].r[row["quantity"]] = value
    return dict(found)


def near(value: float | None, rel: float) -> object:
    return None if value is None else pytest.approx(value, rel=rel)


def test_the_samples_have_exact_and_approximate_tests_of_one_arm_and_two(samples: dict[str, Sample]) -> None:
    kinds = [(sample.is_one_arm, sample.r["exact"]) for sample in samples.values()]
    assert {kind: kinds.count(kind) >= 35 for kind in kinds} == {
        (one_arm, exact): True for one_arm in (True, False) for exact in (0.0, 1.0)
    }


def test_p_values_are_those_of_wilcox_test(samples: dict[str, Sample]) -> None:
    ours = {name: sample.estimated().p_value for name, sample in samples.items()}
    without = {name for name, p_value in ours.items() if p_value is None}
    assert without == {name for name, sample in samples.items() if sample.r["p"] is None}
    for name, p_value in ours.items():
        assert p_value == near(samples[name].r["p"], 1e-13), name


def test_estimates_are_the_middle_of_what_wilcox_test_may_give(samples: dict[str, Sample]) -> None:
    for name, sample in samples.items():
        estimate = sample.estimated().estimate
        if estimate is None:
            assert all(x == 0.0 for x in sample.x), name
            assert sample.r["estimate"] is None, name
            continue
        middle = sample.number("middle_low"), sample.number("middle_high")
        assert estimate == pytest.approx(sum(middle) / 2, rel=1e-15, abs=1e-16), name
        if sample.r["estimate"] is not None:
            tolerance = 1e-15 if sample.r["exact"] else 1e-10
            assert middle[0] - tolerance <= sample.number("estimate") <= middle[1] + tolerance, name


def test_intervals_are_those_of_wilcox_test_where_it_reaches_95_percent(samples: dict[str, Sample]) -> None:
    with_interval = 0
    for name, sample in samples.items():
        ours = sample.estimated()
        if sample.number("level") < 0.95:
            assert (ours.conf_low, ours.conf_high, ours.conf_level) == (None, None, None), name
            assert ours.reason, name
            continue
        with_interval += 1
        assert ours.reason == "", name
        found = (ours.conf_low, ours.conf_high)
        expected = (sample.number("low"), sample.number("high"))
        assert found == (expected if sample.r["exact"] else pytest.approx(expected, abs=1e-11)), name
        assert ours.conf_level == pytest.approx(sample.r["level"], rel=1e-14), name
    assert with_interval > 250


def test_intervals_are_within_the_tolerance_of_wilcox_tests_default(samples: dict[str, Sample]) -> None:
    for name, sample in samples.items():
        ours = sample.estimated()
        if ours.conf_low is not None:
            by_default = sample.number("default_low"), sample.number("default_high")
            assert (ours.conf_low, ours.conf_high) == pytest.approx(by_default, abs=1.01e-4), name


def test_medians_and_sign_tests_are_those_of_qbinom_and_binom_test(samples: dict[str, Sample]) -> None:
    for name, sample in samples.items():
        if sample.is_one_arm:
            ours = median(np.array(sample.x))
            assert ours.estimate == pytest.approx(sample.r["median"], rel=1e-15), name
            assert (ours.conf_low, ours.conf_high) == (sample.r["median_low"], sample.r["median_high"]), name
            of_r = [sample.r["median_level"], sample.r["sign_p"]]
            assert [ours.conf_level, ours.p_value] == [near(value, 1e-12) for value in of_r], name
            assert (ours.reason == "") is (None not in of_r), name
