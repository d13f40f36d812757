"""A release needs every suite to have run and no critical expectation to have failed."""

import dagster as dg
import pytest

from orchestration.assets.validation import _severity
from orchestration.validation import Outcome, collect_outcomes, save_outcomes, suites, unmet


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
