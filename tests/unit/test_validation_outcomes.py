"""A release needs every suite to have run and no critical expectation to have failed."""

import json
import re

import dagster as dg
import pytest

from orchestration.assets.validation import _severity
from orchestration.catalogue import is_direct_identifier
from orchestration.validation import (
    SUITES,
    Outcome,
    _shown,
    collect_outcomes,
    keep_rows,
    save_outcomes,
    suites,
    unmet,
)


def _outcome(severity, success):
    return Outcome("a-rule", "What the rule says.", severity, success, "3", ("row",))


@pytest.fixture
def folder(tmp_path):
    for table in suites():
        save_outcomes(tmp_path, table, [_outcome("critical", success=True)])
    return tmp_path


def test_all_suites_met_allow_a_release(folder):
    assert unmet(collect_outcomes(folder)) == []


def test_a_suite_that_did_not_run_forbids_it(folder):
    (folder / "survival.curve.json").unlink()
    assert unmet(collect_outcomes(folder)) == ["the suite of survival.curve did not run"]


def test_a_failed_critical_expectation_forbids_it_and_a_warning_does_not(folder):
    save_outcomes(folder, "survival.curve", [_outcome("warning", success=False)])
    assert unmet(collect_outcomes(folder)) == []
    save_outcomes(folder, "survival.curve", [_outcome("critical", success=False)])
    assert unmet(collect_outcomes(folder)) == ["survival.curve: What the rule says."]


@pytest.mark.parametrize(
    ("severities", "shown"),
    [
        (["warning"], dg.AssetCheckSeverity.WARN),
        (["critical"], dg.AssetCheckSeverity.ERROR),
        (["warning", "critical"], dg.AssetCheckSeverity.ERROR),
    ],
)
def test_one_critical_failure_makes_the_check_an_error(severities, shown):
    assert _severity([_outcome(severity, success=False) for severity in severities]) == shown


ROW = {"study_id": "a", "participant_id": "Ada", "baseline_sample_id": "S1", "time_days": -3, "organ": None}


def test_a_row_is_shown_without_who_it_is():
    assert _shown(ROW, "") == "study_id a, time_days -3"
    assert _shown("Ada", "participant_id") == "(not shown)"
    assert _shown("Ada", "arm_id") == "Ada"


def test_whose_rows_failed_is_in_a_private_file_that_the_complaint_names(tmp_path):
    outcome = Outcome("a-rule", "Says.", "critical", False, "1", (_shown(ROW, ""),), rows=(ROW,))
    (told,) = keep_rows(tmp_path / "failing_rows", "survival.curve", [outcome])
    path = tmp_path / "failing_rows" / "survival.curve.jsonl"
    assert json.loads(path.read_text("utf-8")) == {"expectation": "a-rule", **ROW}
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0
    assert told.complaint.endswith(f"such as\n  study_id a, time_days -3\n  Whose rows they are: {path}")
    assert "Ada" not in told.complaint + repr(told)


def test_rows_that_name_nobody_and_rules_that_are_met_leave_no_private_file(tmp_path):
    met = Outcome("a-rule", "Says.", "critical", True, "0", ())
    nobody = Outcome("another", "Says.", "critical", False, "1", ("n 3",))
    assert keep_rows(tmp_path / "failing_rows", "survival.curve", [met, nobody]) == [met, nobody]
    assert not (tmp_path / "failing_rows").exists()


def test_what_a_release_keeps_of_the_outcomes_says_of_nobody_who_it_is(tmp_path):
    outcome = Outcome("a-rule", "Says.", "warning", False, "1", (_shown(ROW, ""),), rows=(ROW,))
    save_outcomes(tmp_path, "survival.curve", keep_rows(tmp_path / "rows", "survival.curve", [outcome]))
    saved = (tmp_path / "survival.curve.json").read_text("utf-8")
    assert "Ada" not in saved
    assert str(tmp_path) not in saved
    assert collect_outcomes(tmp_path)["tables"]["survival.curve"][0]["unexpected"] == [_shown(ROW, "")]


@pytest.mark.parametrize("table", suites())
def test_no_rule_shows_an_identifier_under_another_name(table):
    """Rows are shown without the columns that are named as identifiers are: another name would be shown."""
    queries = (SUITES / f"{table}.json").read_text("utf-8")
    named = re.findall(r"(?:participant|sample|bout|session)_id\)* as (\w+)", queries)
    hashes = {"half_key"}
    assert not [name for name in named if name not in hashes and not is_direct_identifier(name)]
