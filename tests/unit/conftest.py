"""Risk tables of a few people, and what becomes of the rows of a package."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from orchestration.landing.check import check_package

Person = tuple[str, int, int, int]
"""Arm, day of entry, day of exit, code: 0 censored, 1 event, 2 competing event."""


@pytest.fixture
def risk_table() -> Callable[..., pl.DataFrame]:
    """Counts people into a risk table, by way of one row per person and day, which the estimators add up."""

    def count(*people: Person, study_id: str = "trial") -> pl.DataFrame:
        rows = []
        for arm, entry, leave, code in people:
            key = (study_id, "OS", "primary", arm, "")
            rows.append((*key, entry, 0, 0, 0, 1))
            rows.append((*key, leave, int(code == 1), int(code == 2), int(code == 0), 0))
        columns = ["study_id", "endpoint_id", "policy_id", "arm_id", "stratum", "time_days"]
        counts = ["n_event", "n_competing", "n_censored", "n_entered"]
        types = dict.fromkeys(("time_days", *counts), pl.Int64)
        table = pl.DataFrame(rows, schema=[*columns, *counts], schema_overrides=types, orient="row")
        return table.with_columns(is_stratum_known=pl.lit(True))

    return count


@pytest.fixture(scope="session")
def accepted_and_quarantined() -> Callable[[Path], dict[str, tuple[int, int]]]:
    """Checks a package that can be read, and counts its rows by record type."""

    def count(package: Path) -> dict[str, tuple[int, int]]:
        report = check_package(package)
        assert report.problems == ()
        return {
            file.landing.record: (file.landing.rows_accepted, file.landing.rows_quarantined)
            for file in report.files
        }

    return count
