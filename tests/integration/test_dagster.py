"""What the data engineer sees in Dagster: everything, described, owned, checked and scheduled."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from orchestration.definitions import JOB, build_defs
from orchestration.settings import Settings
from orchestration.validation import suites
from schemas.records import RECORDS


@pytest.fixture(scope="module")
def definitions(warehouse) -> dg.Definitions:
    return build_defs(Settings(home=warehouse))


@pytest.fixture(scope="module")
def graph(definitions):
    return definitions.resolve_asset_graph()


def test_the_code_location_loads_and_validates(definitions):
    dg.Definitions.validate_loadable(definitions)


def test_every_step_of_the_flow_is_an_asset(graph):
    keys = {key.to_user_string() for key in graph.executable_asset_keys}
    assert {f"raw/{record}" for record in RECORDS} <= keys
    assert {
        "deliveries",
        "audit/landing",
        "audit/quarantine",
        "staging/stg_participants",
        "reference/endpoint_definitions",
        "survival/time_to_event",
        "survival/risk_table",
        "survival/curve",
        "survival/landmark",
        "survival/summary",
        "survival/treatment_effect",
        "recurrence/event",
        "recurrence/first_event",
        "recurrence/cumulative_incidence",
        "benchmark/published_result",
        "release",
    } <= keys


def test_every_asset_has_a_group_a_kind_an_owner_and_a_description(graph):
    for key in graph.executable_asset_keys:
        node = graph.get(key)
        assert node.group_name not in (None, "default"), key
        assert node.kinds, key
        assert node.owners, key
        assert node.description, key


def test_every_suite_is_a_blocking_check_of_its_table(graph):
    checks = {
        key.asset_key.to_user_string().replace("/", "."): graph.get_check_spec(key)
        for key in graph.asset_check_keys
        if key.name == "expectations"
    }
    assert sorted(checks) == suites()
    assert all(check.blocking for check in checks.values())


def test_the_release_waits_for_every_table_it_holds(graph):
    upstream = graph.get(dg.AssetKey("release")).parent_keys
    assert {dg.AssetKey(table.split(".")) for table in suites()} <= upstream


def test_the_nightly_schedule_has_a_time_zone(warehouse):
    settings = Settings(home=warehouse, nightly_cron="30 1 * * *", time_zone="Australia/Perth")
    schedule = build_defs(settings).resolve_schedule_def("nightly")
    assert schedule.job_name == JOB
    assert schedule.cron_schedule == "30 1 * * *"
    assert schedule.execution_timezone == "Australia/Perth"


def test_runs_of_the_command_show_their_row_counts_and_checks_in_dagster(warehouse):
    with dg.DagsterInstance.from_config(str(warehouse / "dagster")) as instance:
        (run,) = instance.get_runs()
        assert run.status == dg.DagsterRunStatus.SUCCESS
        for key in ("raw/participants", "survival/time_to_event", "survival/curve"):
            event = instance.get_latest_materialization_event(dg.AssetKey.from_user_string(key))
            assert event is not None
            metadata = event.asset_materialization.metadata
            assert metadata["dagster/row_count"].value > 0, key
        evaluations = [
            record.asset_check_evaluation
            for record in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
            if record.asset_check_evaluation
        ]
        assert {e.check_name for e in evaluations} >= {"expectations", "quarantine_within_tolerance"}
        warned = {e.asset_key.to_user_string(): e.severity for e in evaluations if not e.passed}
        assert set(warned.values()) == {dg.AssetCheckSeverity.WARN}
        # The data set of the Moertel trial has no causes of death, so its DSS has no event.
        assert "survival/time_to_event" in warned


def test_materializing_everything_in_a_run_process_does_what_the_command_does(
    cohortmart, warehouse, shipped_packages, tmp_path
):
    """The UI starts runs through `dagster job execute`'s machinery: a process that loads the location."""
    environment = {
        **os.environ,
        "COHORTMART_HOME": str(tmp_path),
        "COHORTMART_STUDIES": str(shipped_packages["moertel-colon"]),
        "DAGSTER_HOME": str(tmp_path / "dagster"),
    }
    (tmp_path / "dagster").mkdir()
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("dagster")),
            *("job", "execute", "-m", "orchestration.definitions", "-j", JOB),
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    query = (
        "select endpoint_id, experimental, control, hazard_ratio from survival.treatment_effect "
        "where study_id = 'moertel-colon' order by all"
    )
    here, there = (cohortmart("sql", query, "-f", "csv", home=home) for home in (tmp_path, warehouse))
    assert here.returncode == 0, here.stderr
    assert here.stdout == there.stdout
