"""A trace through the real command, and every released outcome derived again from its evidence."""

import json
from pathlib import Path

import duckdb
import pytest

from orchestration.cli.trace import run_trace
from orchestration.release.read import find_release
from orchestration.settings import Settings
from orchestration.trace.derivation import Selection, derive, disagreements

TRIAL = "moertel-colon"


@pytest.fixture(scope="module")
def release(warehouse: Path):
    with duckdb.connect(
        find_release(Settings(home=warehouse)).folder / "cohortmart.duckdb", read_only=True
    ) as con:
        yield con


def test_every_released_outcome_is_the_one_that_its_evidence_gives(release):
    ((n_released,),) = release.sql("select count(*) from survival.time_to_event").fetchall()
    assert len(derive(release)) == n_released > 60_000
    assert list(disagreements(release)) == []


def test_every_reason_of_censoring_was_derived_again_but_delayed_entry(release):
    """The shipped studies have no delayed entry; the histories of test_endpoint_rules have."""
    reasons = {row["censor_reason"] for row in derive(release)}
    ((known,),) = release.sql("select list(censor_reason) from reference.censor_reasons").fetchall()
    assert set(known) - reasons <= {"not_at_risk"}


# What has no day in a shipped study: neither the bouts nor the samples of its publication have times.
UNDATED = {("landers-ramos-50km", "exercise_bouts"), ("landers-ramos-50km", "samples")}


def test_the_evidence_of_a_release_holds_every_dated_row_that_was_accepted(release):
    """Every file that has accepted rows is asked for, so that one without any evidence is missed."""
    accepted = {
        (study_id, record, file): rows
        for study_id, record, file, rows in release.sql(
            "select study_id, record, source_file, rows_accepted from audit.landing"
            " where rows_accepted > 0 and record <> 'assay_results'"
        ).fetchall()
        if (study_id, record) not in UNDATED
    }
    shown = {
        (study_id, record, file): rows
        for study_id, record, file, rows in release.sql(
            "select study_id, source_record, source_file, count(*) from audit.evidence"
            " where evidence <> 'delayed_entry' group by all"
        ).fetchall()
    }
    assert {record for _, record, _ in accepted} >= {"participants", "follow_up", "deaths", "samples"}
    assert shown == accepted


@pytest.fixture(scope="module")
def death(release) -> tuple[str, int, int]:
    """A participant of the trial who died: id, line in deaths.csv, day."""
    return release.sql(
        "select participant_id, source_line, time_days from survival.time_to_event"
        f" where study_id = '{TRIAL}' and endpoint_id = 'OS' and policy_id = 'primary' and is_event"
        " order by participant_id limit 1"
    ).fetchone()


def test_the_command_prints_the_decision_and_the_line_it_was_made_by(cohortmart, warehouse, death):
    participant, line, day = death
    done = cohortmart("trace", TRIAL, participant, "OS", home=warehouse)
    assert (done.returncode, done.stderr) == (0, "")
    deciding = [text for text in done.stdout.splitlines() if text.startswith(">")]
    assert len(deciding) == 1
    assert f"{day:,}" in deciding[0]
    assert f"deaths.csv:{line}" in deciding[0]
    assert "counts as the event: first that counts, decides" in deciding[0]
    delivered = next((warehouse / "deliveries" / TRIAL).glob("[0-9a-f]*/deaths.csv"))
    assert str(delivered) in done.stdout
    assert delivered.read_text(encoding="utf-8").splitlines()[line - 1] in done.stdout
    assert "Overall survival, version 2025.1" in done.stdout
    assert "Derived again from these records: the same outcome." in done.stdout


def test_json_holds_every_record_in_order(cohortmart, warehouse, release):
    participant, n_records = release.sql(
        "select participant_id, count(*) from audit.evidence where study_id = 'challenge-sim' group by all"
        " order by 2 desc, 1 limit 1"
    ).fetchone()
    arguments = ("challenge-sim", participant, "DFS_CHALLENGE", "--policy", "last_contact")
    done = cohortmart("trace", *arguments, "--format", "json", home=warehouse)
    told = json.loads(done.stdout)
    assert done.returncode == 0
    assert [record["evidence_order"] for record in told["records"]] == [*range(1, n_records + 1)]
    assert sum(record["decides"] for record in told["records"]) == 1
    assert told["agrees"] is True
    assert told["outcome"]["policy_id"] == "last_contact"
    folded, every = (
        cohortmart("trace", *arguments, *more, home=warehouse).stdout for more in ((), ("--all",))
    )
    assert "none decides (--all shows each)" in folded
    assert every.count("follow_up.csv:") > folded.count("follow_up.csv:")


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (("moertel-colo", "CANARY-17", "OS"), "no such study (did you mean `moertel-colon`?)"),
        ((TRIAL, "CANARY-17", "OS"), "no participant of that id in this release"),
        ((TRIAL, "CANARY-17", "DFS_CHALENGE"), "such an endpoint (did you mean `DFS_CHALLENGE`?)"),
        ((TRIAL, "CANARY-17", "OS", "--policy", "first"), "its policies: primary, last_contact"),
    ],
)
def test_what_there_is_not_is_answered_in_a_sentence(warehouse, capsys, arguments, answer):
    study_id, participant_id, endpoint_id = arguments[:3]
    wanted = Selection(study_id, participant_id, endpoint_id, arguments[4] if arguments[4:] else "primary")
    assert run_trace(Settings(home=warehouse), wanted, "current", "table", fold=True) == 2
    printed = capsys.readouterr()
    assert answer in printed.err
    assert "CANARY" not in printed.out + printed.err


def test_without_a_release_there_is_nothing_to_trace(tmp_path, capsys):
    wanted = Selection(TRIAL, "MC-0001", "OS", "primary")
    assert run_trace(Settings(home=tmp_path), wanted, "current", "table", fold=True) == 2
    assert "run `cohortmart build` first" in capsys.readouterr().err


@pytest.mark.parametrize("width", [80, 100, 200])
def test_a_trace_can_be_read_at_any_width(warehouse, death, monkeypatch, capsys, width):
    from rich.console import Console  # noqa: PLC0415

    monkeypatch.setattr(
        "orchestration.cli.trace.terminal", lambda: Console(width=width, force_terminal=True, no_color=True)
    )
    wanted = Selection(TRIAL, death[0], "OS", "primary")
    assert run_trace(Settings(home=warehouse), wanted, "current", "table", fold=True) == 0
    printed = capsys.readouterr().out
    assert f"deaths.csv:{death[1]}" in printed
    assert "first that counts, decides" in printed


def test_an_outcome_that_its_records_do_not_give_is_status_1(warehouse, death, monkeypatch, capsys):
    """The released file cannot be changed unnoticed, so its outcome is changed as it is read."""
    from orchestration.trace import decision  # noqa: PLC0415

    def changed(_con, _selection):
        yield {}, "time_days", death[2] + 1, death[2]

    monkeypatch.setattr(decision, "disagreements", changed)
    wanted = Selection(TRIAL, death[0], "OS", "primary")
    assert run_trace(Settings(home=warehouse), wanted, "current", "table", fold=True) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert (
        "These records do not give the released outcome: time_days is"
        f" {death[2] + 1} in the release and {death[2]} by the evidence. Do not use it" in said
    )
