"""Responses of single participants carry the logarithm of their ratio where there is one."""

import math
from typing import Any

import polars as pl
import pytest

from transforms.estimators.biomarker_responses import acute_response, resting_change
from transforms.estimators.mart_columns import Columns
from transforms.estimators.myokine_columns import (
    ACUTE_RESPONSE,
    ACUTE_RESPONSE_KEY,
    RESTING_CHANGE,
    RESTING_CHANGE_KEY,
)


def rows_without_log(columns: Columns, *rows: dict[str, Any]) -> pl.DataFrame:
    """Rows of the SQL part of a table; columns that are not given are null, texts empty."""
    types = {name: dtype for name, dtype in columns.items() if name != "log_ratio"}
    blank = {name: "" if dtype == pl.String else None for name, dtype in types.items()}
    return pl.DataFrame([blank | row for row in rows], schema=types)


def test_a_doubled_concentration_has_the_logarithm_of_two() -> None:
    rows = rows_without_log(
        ACUTE_RESPONSE, {"timepoint": "post", "ratio": 2.0}, {"timepoint": "later", "ratio": 0.5}
    )
    responses = acute_response(rows)
    assert responses.schema == pl.Schema(ACUTE_RESPONSE)
    assert responses["timepoint"].to_list() == ["later", "post"]
    assert responses["log_ratio"].to_list() == pytest.approx([-math.log(2), math.log(2)], rel=1e-15)


@pytest.mark.parametrize("ratio", [None, 0.0, -1.0])
def test_a_ratio_that_is_missing_or_not_above_zero_has_no_logarithm(ratio: float | None) -> None:
    rows = rows_without_log(RESTING_CHANGE, {"to_visit": "month_6", "ratio": ratio})
    assert resting_change(rows)["log_ratio"].to_list() == [None]


def test_changes_come_in_the_order_of_their_key() -> None:
    rows = rows_without_log(
        RESTING_CHANGE,
        {"participant_id": "P2", "to_visit": "month_6", "ratio": 1.5},
        {"participant_id": "P1", "to_visit": "month_6", "ratio": 1.0},
        {"participant_id": "P1", "to_visit": "month_12", "ratio": 3.0},
    )
    changes = resting_change(rows)
    assert changes.schema == pl.Schema(RESTING_CHANGE)
    assert changes["ratio"].to_list() == [3.0, 1.0, 1.5]
    assert changes["log_ratio"][1] == 0.0
    assert changes.equals(resting_change(rows.reverse()))


def test_keys_are_those_of_the_marts() -> None:
    assert ACUTE_RESPONSE_KEY[-1] == "is_plasma_volume_corrected"
    assert RESTING_CHANGE_KEY[-1] == "imputation"


def test_no_responses_are_an_empty_table() -> None:
    assert acute_response(rows_without_log(ACUTE_RESPONSE)).schema == pl.Schema(ACUTE_RESPONSE)
