"""A release is whole or it is none, whenever its making ended; its manifest says what it was made of."""

import hashlib
import json
import stat
import time

import duckdb
import pytest

from orchestration import ledger
from orchestration.release import publish as publishing
from orchestration.release.pointer import point
from orchestration.release.read import (
    DamagedReleaseError,
    NoReleaseError,
    connect,
    find_release,
    list_releases,
)
from orchestration.release.seeds import seeds_of
from orchestration.settings import Settings
from tests.small_release import N_DAYS, TABLES, publish_deaths


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", threads=1)


class Killed(BaseException):
    """What stands for the end of the process."""


def _killed(*_args, **_kwargs):
    raise Killed


def _names(settings):
    return sorted(path.name for path in settings.releases.iterdir())


def test_readers_find_what_was_published(settings):
    folder = publish_deaths(settings, 3)
    release = find_release(settings)
    assert release.folder == folder
    assert settings.current.resolve() == folder
    with connect(release) as con:
        assert con.sql("select count(*) from survival.curve").fetchall() == [(N_DAYS,)]
    (entry,) = [e for e in ledger.read(settings.ledger) if e["kind"] == "publication"]
    assert entry["release_id"] == folder.name


def test_nobody_writes_a_file_of_a_release_and_its_owner_can_remove_it(settings):
    folder = publish_deaths(settings, 3)
    for path in folder.rglob("*"):
        writable = path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
        assert bool(writable) == path.is_dir(), path


def test_releases_of_one_second_and_one_run_have_names_of_their_own(settings):
    folders = [publish_deaths(settings, deaths, run_id="1f0c1f0c") for deaths in (1, 2, 3)]
    assert len({folder.name for folder in folders}) == 3
    assert [release.folder for release in list_releases(settings)] == folders


def test_a_clock_that_goes_backwards_does_not_make_an_old_release_the_newest(settings, monkeypatch):
    first = publish_deaths(settings, 1)

    class Earlier(publishing.datetime):
        @classmethod
        def now(cls, zone):
            return cls(2001, 1, 1, tzinfo=zone)

    monkeypatch.setattr(publishing, "datetime", Earlier)
    second = publish_deaths(settings, 2)
    assert second.name.startswith("20010101T000000Z")
    assert [release.folder for release in list_releases(settings)] == [first, second]
    assert find_release(settings).folder == second


@pytest.mark.parametrize(
    "step", ["_copy_database", "_release_table", "_write_json", "make_read_only", "sync_tree"]
)
def test_a_build_that_ends_before_its_release_is_whole_leaves_the_old_one(settings, monkeypatch, step):
    old = publish_deaths(settings, 1)
    monkeypatch.setattr(publishing, step, _killed)
    with pytest.raises(Killed):
        publish_deaths(settings, 2)
    monkeypatch.undo()
    assert _names(settings) == [old.name]
    assert find_release(settings).folder == old


def test_a_folder_that_was_renamed_but_not_told_to_the_ledger_is_no_release(settings, monkeypatch):
    old = publish_deaths(settings, 1)
    monkeypatch.setattr(publishing.ledger, "append", _killed)
    with pytest.raises(Killed):
        publish_deaths(settings, 2)
    monkeypatch.undo()
    (untold,) = set(_names(settings)) - {old.name}
    assert [release.folder for release in list_releases(settings)] == [old]
    with pytest.raises(NoReleaseError):
        find_release(settings, untold)
    new = publish_deaths(settings, 2)
    assert _names(settings) == sorted([old.name, new.name])


def test_a_release_that_the_ledger_knows_is_one_without_the_pointer(settings, monkeypatch):
    old = publish_deaths(settings, 1)
    monkeypatch.setattr(publishing, "point", _killed)
    with pytest.raises(Killed):
        publish_deaths(settings, 2)
    monkeypatch.undo()
    assert find_release(settings).folder == old
    unpointed = list_releases(settings)[-1]
    assert find_release(settings, unpointed.release_id).manifest["tables"]["audit.quarantine"]["rows"] == 2
    new = publish_deaths(settings, 3)
    assert [r.folder for r in list_releases(settings)] == [old, unpointed.folder, new]


def test_what_killed_builds_left_is_cleared_by_the_next(settings):
    old = publish_deaths(settings, 1)
    (settings.releases / ".20200101T000000Z-dead.partial" / "parquet").mkdir(parents=True)
    (settings.releases / ".20200101T000000Z-gone.removed").mkdir()
    (settings.current.parent / ".current.4711").symlink_to("releases/nowhere")
    new = publish_deaths(settings, 2)
    assert _names(settings) == sorted([old.name, new.name])
    assert sorted(p.name for p in settings.current.parent.iterdir()) == ["current", "releases"]


def test_no_release_is_cleared_on_the_word_of_a_damaged_ledger(settings):
    releases = [publish_deaths(settings, deaths) for deaths in (1, 2, 3)]
    lines = settings.ledger.read_text().splitlines()
    settings.ledger.write_text("\n".join([lines[0].replace("release_id", "release-id"), *lines[1:]]) + "\n")
    with pytest.raises(DamagedReleaseError, match="line 1"):
        find_release(settings)
    new = publish_deaths(settings, 4)
    assert find_release(settings).folder == new
    publish_deaths(settings, 5)
    assert all(release.exists() for release in releases)
    # The publications whose own lines are as they were written are known again.
    assert [r.folder for r in list_releases(settings)][:2] == releases[1:]


def test_no_release_is_cleared_when_the_ledger_is_gone(settings):
    old = publish_deaths(settings, 1)
    for path in settings.ledger.parent.iterdir():
        path.unlink()
    with pytest.raises(DamagedReleaseError, match="is gone"):
        find_release(settings)
    # Times are in whole seconds.
    time.sleep(1.1)
    new = publish_deaths(settings, 2)
    assert old.exists()
    assert find_release(settings).folder == new
    publish_deaths(settings, 3)
    assert old.exists()


def test_a_pointer_that_a_backup_restored_as_a_folder_is_replaced(settings):
    old = publish_deaths(settings, 1)
    settings.current.unlink()
    settings.current.mkdir()
    with pytest.raises(DamagedReleaseError, match="no pointer"):
        find_release(settings)
    point(settings.current, old)
    assert find_release(settings).folder == old
    publish_deaths(settings, 2)
    assert sorted(p.name for p in settings.current.parent.iterdir()) == ["current", "releases"]


def _without_names(manifest):
    """A manifest without what names this release, and without the hashes of two files."""
    kept = {k: v for k, v in manifest.items() if k not in ("release_id", "created_at", "run")}
    # DuckDB leaves what was in memory in the gaps of its file; the report is headed by the release's name.
    for name in ("cohortmart.duckdb", "report.html"):
        kept["files"] = {**kept["files"], name: {**kept["files"][name], "sha256": ""}}
    return kept


def test_the_same_inputs_and_code_give_the_same_manifest(settings):
    manifests = [
        json.loads((publish_deaths(settings, deaths) / "manifest.json").read_text()) for deaths in (3, 3, 4)
    ]
    first, second, other = map(_without_names, manifests)
    assert first == second
    assert manifests[0]["release_id"] != manifests[1]["release_id"]
    assert first["content_hash"] != other["content_hash"]
    tables = first["tables"]
    assert all(tables[t]["parquet_sha256"] == second["tables"][t]["parquet_sha256"] for t in tables)


def test_the_manifest_says_what_the_release_was_made_of(settings):
    keyed = Settings(home=settings.home, threads=1, pseudonym_key="canary-key", data_cutoff="2020-01-05")
    text = (publish_deaths(keyed, 3) / "manifest.json").read_text()
    manifest = json.loads(text)
    assert manifest["settings"] == {"threads": 1, "data_cutoff": "2020-01-05", "is_pseudonymised": True}
    assert "canary-key" not in text
    assert {"python", "duckdb", "polars"} <= set(manifest["package_versions"])
    assert manifest["inputs"][0]["study_id"] == "small-trial"
    curve = manifest["tables"]["survival.curve"]
    assert curve["key"] == ["study_id", "arm_id", "time_days"]
    assert curve["columns"][0] == {
        "name": "study_id",
        "type": "VARCHAR",
        "privacy": "neither",
        "is_provenance": False,
    }
    people = manifest["tables"]["survival.time_to_event"]["columns"]
    assert {c["name"]: c["privacy"] for c in people}["participant_id"] == "direct_identifier"
    assert set(manifest["tables"]) == set(TABLES)
    assert "endpoint_definitions.csv" in manifest["seeds"]["reference"]
    assert set(manifest["files"]) == {"cohortmart.duckdb", "report.html", "validation.json"}


def test_the_manifest_tells_how_validation_went_and_shows_no_values(settings):
    text = (publish_deaths(settings, 3) / "manifest.json").read_text()
    outcomes = json.loads(text)["validation"]["tables"]["survival.curve"]
    assert outcomes == [{"expectation": "survival_is_a_share", "severity": "critical", "success": True}]
    assert "P7" not in text


def test_the_seed_of_a_simulated_study_is_named_if_it_gives_the_package(tmp_path):
    from seeds.studies.myokine_sim.package import SHIPPED_SEED, write_package  # noqa: PLC0415

    files = [
        {"path": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in write_package(tmp_path / "myokine").iterdir()
    ]
    study = {"study_id": "myokine-sim", "files": files}
    assert seeds_of([study])["simulations"] == {"myokine-sim": SHIPPED_SEED}
    altered = {"study_id": "myokine-sim", "files": [{**files[0], "sha256": "0" * 64}, *files[1:]]}
    assert seeds_of([altered])["simulations"] == {}


@pytest.mark.parametrize(
    "name", ["cohortmart.duckdb", "report.html", "validation.json", "parquet/survival/curve.parquet"]
)
def test_a_flipped_byte_is_found_in_every_file(settings, name):
    from orchestration.release.read import verify_file  # noqa: PLC0415

    folder = publish_deaths(settings, 3)
    path = folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    with pytest.raises(DamagedReleaseError, match=path.name):
        verify_file(find_release(settings), name)
    if name == "cohortmart.duckdb":
        with pytest.raises(DamagedReleaseError):
            connect(find_release(settings))


def test_a_manifest_that_was_altered_is_not_believed(settings):
    manifest = publish_deaths(settings, 3) / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text(manifest.read_text().replace("small-trial", "other-trial"))
    with pytest.raises(DamagedReleaseError, match=r"manifest\.json"):
        find_release(settings)
    assert "manifest.json" in list_releases(settings)[0].damage


def test_a_release_is_found_by_the_beginning_of_its_name(settings):
    first = publish_deaths(settings, 1, run_id="aaaa")
    second = publish_deaths(settings, 2, run_id="bbbb")
    assert find_release(settings, first.name).folder == first
    assert find_release(settings, second.name[:-1]).folder == second
    with pytest.raises(NoReleaseError, match="2 releases"):
        find_release(settings, "20")
    with pytest.raises(NoReleaseError, match="cohortmart releases"):
        find_release(settings, "1999")


def test_a_query_that_fails_on_a_damaged_database_is_the_damages_fault(settings):
    from orchestration.release.read import reading  # noqa: PLC0415

    folder = publish_deaths(settings, 3)
    database = folder / "cohortmart.duckdb"
    database.chmod(0o644)
    database.write_bytes(b"not a database")
    with pytest.raises(DamagedReleaseError, match=r"cohortmart\.duckdb"), reading(find_release(settings)):
        pass
    with pytest.raises(duckdb.Error):
        duckdb.connect(database, read_only=True)
