"""The benchmark runs, compares what it should, and never flatters us where a library was cut short."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.cells import OWN, Cell, R
from tests.benchmarks.family import claims, sum_of_best, sum_of_rows
from tests.benchmarks.report import rewrite_block, size_table
from tests.benchmarks.rows import CURVE, FAMILY, INCIDENCE, ROWS, largest_difference
from tests.benchmarks.survival import Results

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def output() -> str:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.benchmarks",
            "survival",
            "--sizes",
            "300",
            "--peers",
            "",
            "--repeats",
            "1",
        ],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=REPOSITORY,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("row", [*ROWS, FAMILY])
def test_every_row_of_ours_is_timed_from_parquet(output: str, row: str) -> None:
    assert re.search(rf"300  {re.escape(row)} +{OWN} +[\d.]+ s, [\d,]+ MB", output)


def _results(**seconds: float | str) -> Results:
    results = Results((1_000_000,), (OWN, "greenwood", R), repeats=1)
    results.cells[1_000_000, FAMILY, OWN] = Cell((0.1,), 300.0, {"survival": [0.5]})
    for row in ROWS:
        results.cells[1_000_000, row, OWN] = Cell((0.1,), 300.0, {"survival": [0.5]})
        for library in ("greenwood", R):
            results.cells[1_000_000, row, library] = Cell((2.0,), 300.0, {"survival": [0.5]})
    for library, value in seconds.items():
        cell = Cell(failure=value) if isinstance(value, str) else Cell((value,))
        results.cells[1_000_000, INCIDENCE, library] = cell
    return results


def test_a_library_s_family_is_the_sum_of_its_rows() -> None:
    total = sum_of_rows(_results(), 1_000_000, R)
    assert total is not None
    assert (total.seconds, total.is_at_least, total.missing) == (10.0, False, 0)
    assert "holds: R's survival at 1,000,000, times ours: 100 (>= 100)" in claims(_results())


def test_a_row_stopped_at_the_limit_counts_with_the_limit_and_is_said_to() -> None:
    total = sum_of_rows(_results(R="> 600 s"), 1_000_000, R)
    assert total is not None
    assert total.seconds == 608.0
    assert total.ratio_to(0.1) == "> 6,080"


def test_a_row_that_ran_out_of_memory_counts_nothing_and_no_claim_is_made_of_the_rest() -> None:
    results = _results(R="out of memory (12 GB)")
    total = sum_of_rows(results, 1_000_000, R)
    assert total is not None
    assert total.ratio_to(0.1) == "80 (4 of 5 rows)"
    assert not [line for line in claims(results) if "R's survival" in line]
    assert "out of memory (12 GB)" in size_table(results, 1_000_000)


def test_the_best_library_of_a_row_is_the_fastest() -> None:
    total = sum_of_best(_results(greenwood=0.5), 1_000_000)
    assert total is not None
    assert total.seconds == 8.5


def test_a_number_that_only_one_side_has_is_an_infinite_difference() -> None:
    nan = float("nan")
    assert largest_difference({CURVE: [1.0, nan]}, {CURVE: [1.0, nan]}) == 0.0
    assert largest_difference({CURVE: [1.0, 2.0]}, {CURVE: [1.0, nan]}) == float("inf")
    assert largest_difference({"another": [1.0]}, {CURVE: [1.0]}) is None


def test_only_the_marked_block_of_a_file_is_rewritten(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before <!-- bench -->old<!-- /bench --> after")
    rewrite_block(page, "bench", "new")
    assert page.read_text() == "before <!-- bench -->\nnew\n<!-- /bench --> after"
    with pytest.raises(ValueError, match="no block <!-- other -->"):
        rewrite_block(page, "other", "new")
