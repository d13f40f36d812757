"""A value is accepted only if it prints back as it was written; what cannot be read is never missing."""

import datetime as dt

import polars as pl
import pytest

from orchestration.landing.convert import convert
from schemas.records import RECORDS

WHOLE = ("adverse_events", "grade")
NUMBER = ("measurements", "value")
DAY = ("deaths", "died_on")
PARTIAL = ("adverse_events", "started_on")
MOMENT = ("exercise_bouts", "started_at")
TRUTH = ("adverse_events", "serious")
TEXT = ("participants", "participant_id")
# What has not the form of its column may be an identifier that stands in the wrong one.
NOT_SHOWN = ("007", "007.5", "0x1A", "９", "99999999999999999999", "three", "20200201", "43862", "14")


def _convert(column: tuple[str, str], text: str | None):
    record, name = column
    converted = convert(pl.DataFrame({name: [text]}, schema={name: pl.String}), RECORDS[record], [])
    return converted.frame[name][0], converted.faults.to_dicts()


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        (WHOLE, "3", 3),
        (WHOLE, "-12", -12),
        (WHOLE, "0", 0),
        (NUMBER, "12", 12.0),
        (NUMBER, "12.30", 12.3),
        (NUMBER, "-0.25", -0.25),
        (NUMBER, "1e-3", 0.001),
        (NUMBER, "1.5E+02", 150.0),
        (NUMBER, "0.30000000000000004", 0.30000000000000004),
        (DAY, "2020-02-29", dt.date(2020, 2, 29)),
        (PARTIAL, "2014", "2014"),
        (PARTIAL, "2014-03", "2014-03"),
        (PARTIAL, "2014-03-10", "2014-03-10"),
        (MOMENT, "2014-03-10 09:05", dt.datetime.fromisoformat("2014-03-10T09:05:00")),
        (MOMENT, "2014-03-10T09:05:59", dt.datetime.fromisoformat("2014-03-10T09:05:59")),
        (TRUTH, "true", True),
        (TRUTH, "false", False),
        (TEXT, "007", "007"),
        (TEXT, "Zürich 3", "Zürich 3"),
        (TEXT, "NA", "NA"),
    ],
)
def test_a_value_written_plainly_is_read(column, text, value):
    assert _convert(column, text) == (value, [])


def test_minus_zero_is_zero():
    value, faults = _convert(NUMBER, "-0.0")
    assert str(value) == "0.0"
    assert faults == []


@pytest.mark.parametrize(
    ("column", "text", "cause"),
    [
        (WHOLE, "12.7", "has decimals"),
        (WHOLE, "1.0", "has decimals"),
        (WHOLE, "007", "has leading zeros"),
        (WHOLE, "+3", "has a plus sign"),
        (WHOLE, "1_000", "has an underscore"),
        (WHOLE, "1,000", "has a comma: decimals follow a point, thousands are not separated"),
        (WHOLE, "0x1A", "could not be read as a whole number"),
        (WHOLE, "1e2", "could not be read as a whole number"),
        (WHOLE, "-0", "could not be read as a whole number"),
        (WHOLE, "９", "could not be read as a whole number"),
        (WHOLE, "99999999999999999999", "cannot be kept: it is too large or too small"),
        (WHOLE, "three", "could not be read as a whole number"),
        (NUMBER, "007.5", "has leading zeros"),
        (NUMBER, "12,5", "has a comma: decimals follow a point, thousands are not separated"),
        (NUMBER, "1_000", "has an underscore"),
        (NUMBER, "1e400", "cannot be kept: it is too large or too small"),
        (NUMBER, "1e-400", "cannot be kept: it is too large or too small"),
        (NUMBER, "NaN", "stands for a missing value, which is left empty"),
        (NUMBER, "inf", "is not finite"),
        (NUMBER, "-Infinity", "is not finite"),
        (NUMBER, "NA", "stands for a missing value, which is left empty"),
        (NUMBER, ".", "stands for a missing value, which is left empty"),
        (NUMBER, ".5", "could not be read as a number"),
        (NUMBER, "5.", "could not be read as a number"),
        (NUMBER, "5 %", "could not be read as a number"),
        (NUMBER, " 5", "has a blank before or after it"),
        (NUMBER, "5\u00a0", "has a blank before or after it"),
        (DAY, "2020-02-60", "is not a day of the calendar"),
        (DAY, "2019-02-29", "is not a day of the calendar"),
        (DAY, "2020-2-1", "could not be read as a date"),
        (DAY, "01/02/2020", "does not begin with the year"),
        (DAY, "20200201", "could not be read as a date"),
        (DAY, "2020-02-01 10:00", "has a time of day"),
        (DAY, "2020-02-01T00:00:00", "has a time of day"),
        (DAY, "43862", "could not be read as a date"),
        (PARTIAL, "2014-13", "could not be read as a date"),
        (PARTIAL, "2014-3", "could not be read as a date"),
        (PARTIAL, "14", "could not be read as a date"),
        (PARTIAL, "2014-", "could not be read as a date"),
        (MOMENT, "2014-03-10", "has no time of day"),
        (MOMENT, "2014-03-10 24:00", "could not be read as a date and time"),
        (MOMENT, "2014-03-10 23:59:60", "could not be read as a date and time"),
        (MOMENT, "2014-03-10 09:05:00.5", "has parts of a second"),
        (MOMENT, "2014-03-10T09:05:00Z", "has a time zone; local time is meant"),
        (MOMENT, "2014-03-10T09:05:00+02:00", "has a time zone; local time is meant"),
        (TRUTH, "True", "could not be read as true or false"),
        (TRUTH, "1", "could not be read as true or false"),
        (TRUTH, "yes", "could not be read as true or false"),
        (TEXT, "P1 ", "has a blank before or after it"),
        (TEXT, "\tP1", "holds a control or invisible character"),
        (TEXT, "P1\u200b", "holds a control or invisible character"),
        (TEXT, "P1\nP2", "holds a line break"),
        (TEXT, "Jos\ufffd", "holds the sign of a damaged character"),
        (TEXT, " ", "has a blank before or after it"),
    ],
)
def test_any_other_writing_is_a_fault_with_its_cause(column, text, cause):
    value, (fault,) = _convert(column, text)
    assert value is None
    assert fault["rule"] == "unreadable"
    assert fault["column_name"] == column[1]
    assert fault["value"] == text
    said = "(not shown)" if column == TEXT or text in NOT_SHOWN else f"`{text}`"
    assert fault["reason"] == f"{column[1]} {said} {cause}"
    assert fault["accepted"] == RECORDS[column[0]].accepted[column[1]]


@pytest.mark.parametrize("column", [WHOLE, NUMBER, DAY, PARTIAL, MOMENT, TRUTH, TEXT])
def test_an_empty_value_is_missing_and_no_fault(column):
    assert _convert(column, None) == (None, [])


def test_a_contract_column_that_is_absent_is_missing_throughout():
    converted = convert(pl.DataFrame({"participant_id": ["P1", "P2"]}), RECORDS["deaths"], [])
    assert converted.frame["died_on"].to_list() == [None, None]
    assert converted.frame.columns == ["row", *RECORDS["deaths"].columns]


def test_a_long_value_is_cut_in_the_message_only():
    _, (fault,) = _convert(NUMBER, "x" * 10_000)
    assert fault["value"] == "x" * 200
