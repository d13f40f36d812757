"""Rank and censored estimates have the same bits whatever the processor offers.

numpy and the C library pick their code by processor; here they are told to do without vector and
fused instructions, as an older machine would.
"""

import csv
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from transforms.estimators.censored_normal import censored_difference, censored_mean
from transforms.estimators.elementary import FloatArray
from transforms.estimators.ranks import median, rank_sum, signed_rank

DATA = Path(__file__).parent / "data"


def arms_of(name: str, *columns: str) -> list[dict[str, FloatArray]]:
    """The columns, a row each, of each sample's arms."""
    found: defaultdict[str, defaultdict[str, list[list[float]]]] = defaultdict(lambda: defaultdict(list))
    with (DATA / name).open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found[row["sample"]][row["arm"]].append([float(row[column]) for column in columns])
    return [{arm: np.array(rows).T for arm, rows in arms.items()} for arms in found.values()]


def estimates() -> list[str]:
    lines = []
    for arms in arms_of("ranks_samples.csv", "value"):
        x = arms["x"][0]
        lines += [repr(signed_rank(x)), repr(median(x))]
        if "y" in arms:
            lines.append(repr(rank_sum(x, arms["y"][0])))
    for arms in arms_of("censored_normal_samples.csv", "low", "high"):
        lines.append(repr(censored_mean(*arms["x"])))
        if "y" in arms:
            lines.append(repr(censored_difference(*arms["x"], *arms["y"])))
    return lines


def test_estimates_on_a_machine_without_vector_instructions() -> None:
    vector_code = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    done = subprocess.run(
        [sys.executable, __file__],
        env={
            **os.environ,
            "NPY_DISABLE_CPU_FEATURES": " ".join(vector_code),
            "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX2_Usable,-FMA_Usable",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == estimates()


if __name__ == "__main__":
    print(*estimates(), sep="\n")
