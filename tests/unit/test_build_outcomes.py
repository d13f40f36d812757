"""The ledger says how every build ended, and never what somebody's record says."""

import dagster as dg
import pytest

from orchestration import ledger
from orchestration.assets.failures import REFUSED, UNREADABLE, for_each_package
from orchestration.build_outcome import RunRecord, enter, without_values
from orchestration.deliveries.database_lock import LockedStudyError
from orchestration.settings import Settings
from schemas.errors import StudyPackageError


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home")


def _run(settings, step, check_passes=True):
    """Run a job of one step, of an asset that has a blocking check, and return what the ledger says of it."""

    @dg.multi_asset(
        specs=[dg.AssetSpec("landing")],
        check_specs=[dg.AssetCheckSpec("tolerance", asset="landing", blocking=True)],
    )
    def landing(run_record: RunRecord):
        step(run_record)
        yield dg.MaterializeResult(asset_key="landing")
        yield dg.AssetCheckResult(
            asset_key="landing",
            check_name="tolerance",
            passed=check_passes,
            description="line 8: died_on `2020-02-60` is no day",
            metadata={"reasons": dg.MetadataValue.json(["trial: 1 of 9 rows are quarantined"])},
        )

    job = dg.define_asset_job("job", dg.AssetSelection.all())
    defs = dg.Definitions(
        assets=[landing], jobs=[job], resources={"run_record": RunRecord(home=str(settings.home))}
    )
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def("job").execute_in_process(
            instance=instance, raise_on_error=False, run_config=quiet
        )
    return result.run_id, ledger.read(settings.ledger)


def test_a_build_that_a_check_refuses_is_entered_with_counts_only(settings):
    run_id, (entry,) = _run(settings, lambda _: None, check_passes=False)
    assert (entry["kind"], entry["run_id"], entry["outcome"]) == ("build", run_id, "refused")
    assert entry["reasons"] == ["landing: trial: 1 of 9 rows are quarantined"]


def test_a_package_that_cannot_be_read_is_entered_without_what_it_holds(settings):
    def unreadable(_):
        def work(_):
            raise StudyPackageError(
                ["trial: deaths.csv: column `MC-0001, 2001-02-03` is not in the contract; accepted: died_on"]
            )

        for_each_package([1], work)

    _, (entry,) = _run(settings, unreadable)
    assert entry["outcome"] == "unreadable"
    assert entry["reasons"] == ["trial: deaths.csv: column ..."]


def test_an_error_of_the_program_is_entered_by_its_name_only(settings):
    def fail(_):
        raise RuntimeError("MC-0001 died on 2001-02-03")

    _, (entry,) = _run(settings, fail)
    assert (entry["outcome"], entry["reasons"]) == ("failed", ["step landing: RuntimeError"])


def test_a_build_that_ends_well_is_left_to_the_release(settings):
    _, entries = _run(settings, lambda _: None)
    assert entries == []


def test_a_run_that_was_killed_is_entered_by_the_next(settings):
    settings.build.mkdir(parents=True)
    (settings.build / "run_id").write_text("killed", "utf-8")
    ledger.append(settings.ledger, "publication", run_id="killed", release_id="20260101T000000Z-killed")

    def begin(record):
        before = record.last_run()
        record.note_died(before)
        record.note_died(before)

    _, (_, entry) = _run(settings, begin)
    assert (entry["run_id"], entry["outcome"]) == ("killed", "died")
    assert entry["release_id"] == "20260101T000000Z-killed"
    assert entry["reasons"] == [
        "the process ended without a word after it had published 20260101T000000Z-killed"
    ]


def test_a_run_that_said_how_it_ended_is_not_entered_again(settings):
    settings.build.mkdir(parents=True)
    (settings.build / "run_id").write_text("refused", "utf-8")
    enter(settings, "refused", "refused", ["a reason"])
    _, entries = _run(settings, lambda record: record.note_died(record.last_run()))
    assert [entry["outcome"] for entry in entries] == ["refused"]


def test_a_locked_study_is_refused_not_unreadable():
    def locked(_):
        raise LockedStudyError(["trial is locked"])

    with pytest.raises(dg.Failure) as refused:
        for_each_package([1], locked)
    assert REFUSED in refused.value.metadata
    assert UNREADABLE not in refused.value.metadata


@pytest.mark.parametrize(
    ("sentence", "kept"),
    [
        ("nobody is named", "nobody is named"),
        ("id `MC-1` is `x`; accepted: one", "id ..."),
        ("a `tick in `the` value` here", "a ..."),
        ("cut off `MC-1", "cut off ..."),
        ("it is missing; accepted: MC-1, 2001-02-03, female", "it is missing ..."),
        ("it is missing, accepted: MC-1", "it is missing, ..."),
        ("it is missing (did you mean MC-1?)", "it is missing ..."),
        ("two\nlines", "two lines"),
    ],
)
def test_what_a_sentence_quotes_stays_out_of_the_ledger(sentence, kept):
    assert without_values(sentence) == kept


def test_of_many_reasons_the_ledger_counts_the_rest(settings):
    enter(settings, "run", "refused", [f"reason {n}" for n in range(60)])
    (entry,) = ledger.read(settings.ledger)
    assert len(entry["reasons"]) == 51
    assert entry["reasons"][-1] == "and 10 more"
