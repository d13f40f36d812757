"""What can be done with releases: list, verify, compare, return to one, remove old ones."""

import json

import pytest
from typer.testing import CliRunner

from orchestration import ledger
from orchestration.cli.app import app
from orchestration.release import manage
from orchestration.release.read import find_release, list_releases
from orchestration.settings import Settings
from orchestration.warehouse_lock import hold
from tests.small_release import publish_deaths


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", threads=1)


@pytest.fixture
def run(settings, monkeypatch):
    """Runs a command on the warehouse; gives its status, what it printed and what it complained of."""
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*arguments):
        done = CliRunner().invoke(app, [*arguments, "--home", str(settings.home)])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    yield invoke
    ledger.set_command("")


def _spoil(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)


@pytest.mark.parametrize(
    "command",
    [
        ["verify"],
        ["verify", "--all"],
        ["diff", "current"],
        ["rollback"],
        ["prune", "--keep", "1"],
        ["tables"],
    ],
)
def test_without_a_release_every_command_says_how_to_make_one(run, settings, command):
    status, _, complaint = run(*command)
    assert (status, "cohortmart build" in complaint) == (2, True)
    assert not settings.home.exists()


def test_a_list_of_no_releases_is_no_error(run, settings):
    assert run("releases")[0] == 0
    assert json.loads(run("releases", "--format", "json")[1]) == []
    assert not settings.home.exists()


def test_releases_are_listed_in_the_order_of_publication(run, settings):
    folders = [publish_deaths(settings, deaths) for deaths in (1, 2)]
    ledger.append(settings.ledger, "lock", release_id=folders[0].name, reason="interim analysis")
    listed = json.loads(run("releases", "--format", "json")[1])
    assert [row["release_id"] for row in listed] == [folder.name for folder in folders]
    assert [row["is_current"] for row in listed] == [False, True]
    assert [row["is_locked"] for row in listed] == [True, False]
    assert [row["data_cutoff"] for row in listed] == [None, None]
    # Neither has a table of the participants.
    assert [row["participants"] for row in listed] == [None, None]
    status, printed, _ = run("releases")
    assert status == 0
    assert "locked" in printed.splitlines()[1]
    assert "small-trial" in printed.splitlines()[1]
    assert "current" in printed.splitlines()[2]


def test_a_whole_warehouse_is_verified(run, settings):
    for deaths in (1, 2):
        publish_deaths(settings, deaths)
    status, printed, _ = run("verify")
    assert status == 0
    assert "DAMAGED" not in printed
    for what in ("hash chain", "files: sha256", "in the database", "in Parquet", "kept deliveries"):
        assert what in printed
    status, of_all, _ = run("verify", "--all")
    assert status == 0
    assert len(of_all.splitlines()) > len(printed.splitlines())
    assert run("verify", "1999")[0] == 2


@pytest.mark.parametrize(
    "name",
    [
        "manifest.json",
        "cohortmart.duckdb",
        "report.html",
        "validation.json",
        "parquet/audit/quarantine.parquet",
    ],
)
@pytest.mark.parametrize("how", ["flipped", "gone"])
def test_damage_is_found_and_named_with_a_way_out(run, settings, name, how):
    publish_deaths(settings, 1)
    path = publish_deaths(settings, 2) / name
    _spoil(path) if how == "flipped" else path.unlink()
    status, printed, _ = run("verify")
    assert (status, str(path) in printed) == (1, True)
    assert "cohortmart rollback" in printed
    assert "Traceback" not in printed


def test_a_kept_delivery_that_was_altered_is_found(run, settings):
    publish_deaths(settings, 2)
    (kept,) = settings.deliveries.rglob("deaths.csv")
    _spoil(kept)
    status, printed, _ = run("verify")
    assert (status, f"{kept} is not what was delivered" in printed) == (1, True)
    assert "deliver that package again" in printed


def test_a_file_that_was_not_published_is_found(run, settings):
    folder = publish_deaths(settings, 2)
    (folder / "parquet" / "notes.xlsx").touch()
    status, printed, _ = run("verify")
    assert (status, "notes.xlsx was not published" in printed) == (1, True)


def test_a_damaged_ledger_is_found_and_that_it_once_was(run, settings):
    for deaths in (1, 2):
        publish_deaths(settings, deaths)
    whole = settings.ledger.read_text()
    settings.ledger.write_text(whole.replace('"sequence":1', '"sequence":7'))
    status, printed, _ = run("verify")
    assert (status, "line 1: the hash chain is broken" in printed) == (1, True)
    # The release itself is verified all the same.
    assert "content hash in Parquet: ok" in printed
    publish_deaths(settings, 3)
    status, printed, _ = run("verify")
    assert (status, "damaged before" in printed) == (0, True)


def test_a_table_that_says_else_than_its_manifest_is_found(run, settings, monkeypatch):
    from orchestration.release import publish as publishing  # noqa: PLC0415

    monkeypatch.setattr(publishing, "content_hash", lambda _con, _table: (0, "0" * 64))
    publish_deaths(settings, 2)
    status, printed, _ = run("verify")
    assert status == 1
    assert "survival.curve holds 2,000 rows that are not the 0 of the manifest" in printed


def test_a_pointer_to_nowhere_is_found_and_mended_by_a_rollback(run, settings):
    first, second = (publish_deaths(settings, deaths) for deaths in (1, 2))
    settings.current.unlink()
    for command in (("sql", "select 1"), ("tables",), ("diff", first.name)):
        status, _, complaint = run(*command)
        assert (status, "cohortmart rollback" in complaint) == (2, True), command
    assert run("verify")[0] == 1
    settings.current.symlink_to("releases/20200101T000000Z-nowhere")
    status, _, complaint = run("sql", "select 1")
    assert (status, "nowhere" in complaint) == (2, True)
    assert run("releases")[0] == 2
    assert run("prune", "--keep", "1")[0] == 2
    assert run("rollback")[0] == 0
    assert find_release(settings).folder == second


def test_a_comparison_names_rows_by_key_with_what_changed(run, settings):
    before, after = (publish_deaths(settings, deaths) for deaths in (2, 3))
    status, printed, _ = run("diff", before.name, after.name, "--limit", "2")
    assert status == 1
    assert "rows by study_id, participant_id\n  ~ small-trial P2: is_event False -> True" in printed
    # Where a row stood in its file is not what it says: ten participants moved by a line, one changed.
    assert "1 row changed" in printed
    assert "source_line" not in printed.partition("audit.quarantine")[0]
    assert "deaths.csv" in printed


def test_of_a_curve_only_the_numbers_of_rows_are_shown_unless_it_is_asked_for(run, settings):
    before, after = (publish_deaths(settings, deaths) for deaths in (2, 3))
    _, printed, _ = run("diff", before.name, after.name)
    of_curve = printed.partition("\nsurvival.curve\n")[2].partition("\n\n")[0]
    assert of_curve == "  2,000 rows changed\n  changed: n_event (2,000), survival (1,999)"
    _, printed, _ = run("diff", before.name, after.name, "--table", "survival.curve", "--limit", "2")
    assert "~ small-trial EXERCISE 1: n_event 2 -> 3, survival 0.999998 -> 0.999997" in printed
    assert "and 1,998 more" in printed


def test_a_comparison_as_json_is_exact(run, settings):
    before, after = (publish_deaths(settings, deaths) for deaths in (2, 3))
    found = json.loads(run("diff", before.name, after.name, "--format", "json", "--limit", "3000")[1])
    # No step of a curve is an estimate of its own.
    assert (found["n_moves"], found["n_gained_or_lost"]) == (0, 0)
    tables = {table["table"]: table for table in found["tables"]}
    assert set(tables) == {"audit.quarantine", "survival.curve", "survival.time_to_event"}
    assert tables["audit.quarantine"]["n_added"] == 1
    changed = tables["survival.time_to_event"]["changed"]
    assert changed[0]["columns"] == {"is_event": {"before": False, "after": True}}
    (last,) = (row for row in tables["survival.curve"]["changed"] if row["key"]["time_days"] == 1999)
    assert last["columns"]["survival"] == {"before": 1 - 2 * 1999 / 1e6, "after": 1 - 3 * 1999 / 1e6}


def test_releases_of_the_same_inputs_do_not_differ(run, settings):
    before, after = (publish_deaths(settings, 2) for _ in range(2))
    status, printed, _ = run("diff", before.name, after.name)
    assert (status, "Every table says the same" in printed) == (0, True)


def test_one_table_can_be_compared_and_one_that_is_not_there_is_refused(run, settings):
    before, after = (publish_deaths(settings, deaths) for deaths in (2, 3))
    found = json.loads(
        run("diff", before.name, after.name, "--table", "survival.curve", "--format", "json")[1]
    )
    assert [table["table"] for table in found["tables"]] == ["survival.curve"]
    status, _, complaint = run("diff", before.name, after.name, "--table", "survival.kurve")
    assert (status, "survival.kurve" in complaint) == (2, True)


def test_a_comparison_of_a_damaged_release_is_refused(run, settings):
    before, after = (publish_deaths(settings, deaths) for deaths in (2, 3))
    _spoil(before / "cohortmart.duckdb")
    status, printed, complaint = run("diff", before.name, after.name)
    assert (status, printed) == (2, "")
    assert "cohortmart.duckdb" in complaint


def test_a_rollback_returns_to_the_release_before_and_the_ledger_remembers(run, settings):
    first, second, third = (publish_deaths(settings, deaths) for deaths in (1, 2, 3))
    status, printed, _ = run("rollback")
    assert (status, find_release(settings).folder) == (0, second)
    assert f"Readers now see {second.name}" in printed
    entry = ledger.read(settings.ledger)[-1]
    assert (entry["kind"], entry["release_id"], entry["from_release_id"]) == (
        "rollback",
        second.name,
        third.name,
    )
    assert entry["command"] == "cohortmart rollback"
    run("rollback")
    assert find_release(settings).folder == first
    status, _, complaint = run("rollback")
    assert (status, "no release before" in complaint) == (2, True)
    assert run("rollback", third.name)[0] == 0
    assert find_release(settings).folder == third


def test_a_rollback_does_not_return_to_what_was_rolled_back_before(run, settings):
    good, _bad = (publish_deaths(settings, deaths) for deaths in (1, 2))
    run("rollback")
    publish_deaths(settings, 3)
    run("rollback")
    assert find_release(settings).folder == good


def test_a_rollback_does_not_return_to_who_has_withdrawn(run, settings):
    first, second = (publish_deaths(settings, deaths) for deaths in (1, 2))
    package = find_release(settings, first.name).manifest["inputs"][0]["package_sha256"]
    ledger.append(
        settings.ledger,
        "withdrawal",
        step="redacted",
        study_id="small-trial",
        package_sha256=package,
        redacted_sha256="",
        files={},
    )
    status, _, complaint = run("rollback")
    assert (status, "has withdrawn" in complaint) == (1, True)
    assert find_release(settings).folder == second
    # What is left of the package is what the withdrawal left of it.
    (settings.deliveries / "small-trial" / package / "deaths.csv").unlink()
    assert run("verify", "--all")[0] == 0


def test_a_rollback_to_a_damaged_release_leaves_readers_where_they_are(run, settings):
    first, second = (publish_deaths(settings, deaths) for deaths in (1, 2))
    _spoil(first / "parquet" / "survival" / "curve.parquet")
    status, _, complaint = run("rollback")
    assert (status, "curve.parquet" in complaint) == (2, True)
    assert find_release(settings).folder == second


def test_a_rollback_mends_a_damaged_ledger(run, settings):
    first, _ = (publish_deaths(settings, deaths) for deaths in (1, 2))
    ledger.append(settings.ledger, "build", run_id="x")
    text = settings.ledger.read_text()
    settings.ledger.write_text(text.replace('"run_id":"x"', '"run_id":"y"'))
    assert run("sql", "select 1")[0] == 2
    assert run("rollback")[0] == 0
    assert find_release(settings).folder == first


def test_old_releases_are_removed_but_never_the_current_nor_a_locked_one(run, settings):
    folders = [publish_deaths(settings, deaths) for deaths in (1, 2, 3, 4, 5)]
    ledger.append(settings.ledger, "lock", release_id=folders[0].name, reason="database lock")
    run("rollback", folders[1].name)
    status, printed, _ = run("prune", "--keep", "2")
    assert status == 0
    assert sorted(settings.releases.iterdir()) == sorted([folders[0], folders[1], *folders[3:]])
    assert f"removed {folders[2].name}" in printed
    assert f"{folders[0].name}: locked" in printed
    assert f"{folders[1].name}: current" in printed
    assert "MB of space" in printed
    assert [r.folder for r in list_releases(settings)] == [folders[0], folders[1], *folders[3:]]
    assert "0 removed" in run("prune", "--keep", "2")[1]


def test_newest_is_by_the_ledger_and_not_by_the_clock(run, settings, monkeypatch):
    from orchestration.release import publish as publishing  # noqa: PLC0415

    publish_deaths(settings, 1)

    class Earlier(publishing.datetime):
        @classmethod
        def now(cls, zone):
            return cls(2001, 1, 1, tzinfo=zone)

    monkeypatch.setattr(publishing, "datetime", Earlier)
    newest = publish_deaths(settings, 2)
    run("prune", "--keep", "1")
    assert list(settings.releases.iterdir()) == [newest]


@pytest.mark.parametrize("keep", ["0", "-1"])
def test_a_prune_that_would_keep_nothing_is_refused(run, settings, keep):
    publish_deaths(settings, 1)
    status, _, complaint = run("prune", "--keep", keep)
    assert (status, "1 or more" in complaint) == (2, True)
    assert len(list(settings.releases.iterdir())) == 1


class Killed(BaseException):
    """What stands for the end of the process."""


@pytest.mark.parametrize("step", ["sync_folder", "shutil.rmtree"])
def test_a_prune_that_is_killed_leaves_no_half_release(settings, monkeypatch, step):
    for deaths in (1, 2, 3):
        publish_deaths(settings, deaths)

    def killed(*_):
        raise Killed

    target = manage.shutil if step == "shutil.rmtree" else manage
    monkeypatch.setattr(target, step.rpartition(".")[2], killed)
    with pytest.raises(Killed):
        manage.prune(settings, 1)
    monkeypatch.undo()
    (release,) = list_releases(settings)
    assert release.folder == settings.current.resolve()
    publish_deaths(settings, 4)
    assert len(list(settings.releases.iterdir())) == 2


@pytest.mark.parametrize("command", [["rollback"], ["prune", "--keep", "1"]])
def test_what_changes_a_warehouse_says_who_holds_it(run, settings, command):
    for deaths in (1, 2):
        publish_deaths(settings, deaths)
    with hold(settings, "build, run 1f0c"):
        status, _, complaint = run(*command)
    assert status == 1
    assert "build, run 1f0c" in complaint
    assert len(list_releases(settings)) == 2


@pytest.mark.parametrize("name", ["cohortmart.duckdb", "manifest.json"])
def test_a_damaged_release_gives_no_number(run, settings, tmp_path, name):
    publish_deaths(settings, 1)
    path = publish_deaths(settings, 2) / name
    _spoil(path)
    output = tmp_path / "answer.csv"
    for command in (["sql", "select 1 as a"], ["sql", "select 1 as a", "-o", str(output)], ["tables"]):
        status, printed, complaint = run(*command)
        assert (status, printed) == (2, ""), command
        assert str(path) in complaint
        for way_out in ("cohortmart verify", "cohortmart rollback", "cohortmart build"):
            assert way_out in complaint
    assert not output.exists()
    assert run("rollback")[0] == 0
    assert run("sql", "select 1 as a", "-f", "csv")[1] == "a\n1\n"


def test_a_database_damaged_anywhere_gives_no_number(run, settings):
    database = publish_deaths(settings, 2) / "cohortmart.duckdb"
    whole = database.read_bytes()
    database.chmod(0o644)
    for position in range(0, len(whole), len(whole) // 40):
        database.write_bytes(whole[:position] + bytes([whole[position] ^ 64]) + whole[position + 1 :])
        status, printed, complaint = run("sql", "select count(*) from survival.curve")
        assert (status, printed) == (2, ""), position
        assert "cohortmart.duckdb" in complaint
