"""What was delivered is kept as it came, once, and the ledger remembers it."""

import pytest

from orchestration import ledger
from orchestration.deliveries.deliver import deliver, read_deliveries, save_deliveries
from orchestration.deliveries.package_hashes import files_of
from orchestration.settings import Settings
from schemas.errors import StudyPackageError


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home")


def test_a_delivery_is_kept_by_its_content_and_entered_once(moertel, settings):
    first, again = deliver(moertel, settings), deliver(moertel, settings)
    assert first == again
    for file in first.files:
        assert (first.folder / file.path).read_bytes() == (moertel / file.path).read_bytes()
    (entry,) = ledger.read(settings.ledger)
    assert (entry["kind"], entry["study_id"]) == ("delivery", "moertel-colon")
    assert entry["package_sha256"] == first.sha256
    assert entry["file_digests"].keys() == {file.path for file in first.files}
    assert files_of(settings, entry) == {file.path: file.sha256 for file in first.files}
    assert not any(file.sha256 in settings.ledger.read_text("utf-8") for file in first.files)


def test_a_corrected_file_is_another_delivery_and_the_first_stays(moertel, settings):
    first = deliver(moertel, settings)
    deaths = moertel / "deaths.csv"
    deaths.write_text(deaths.read_text("utf-8").replace("unknown", "other"), "utf-8")
    corrected = deliver(moertel, settings)
    assert corrected.sha256 != first.sha256
    assert "unknown" in (first.folder / "deaths.csv").read_text("utf-8")
    assert len(ledger.read(settings.ledger)) == 2


def test_a_kept_delivery_that_was_altered_gives_way_to_the_same_delivered_again(moertel, settings):
    first = deliver(moertel, settings)
    kept = first.folder / "deaths.csv"
    kept.chmod(0o644)
    kept.write_text(kept.read_text("utf-8").replace("unknown", "other", 1), "utf-8")
    again = deliver(moertel, settings)
    assert again == first
    assert kept.read_bytes() == (moertel / "deaths.csv").read_bytes()
    assert "was damaged after it was delivered; this delivery took its place" in again.notices[0]
    assert ledger.read(settings.ledger)[-1]["replaces_damaged"]
    assert [path.name for path in first.folder.parent.glob("[!.]*")] == [first.sha256]


def test_the_ledger_says_what_a_delivery_changed(moertel, settings):
    first = deliver(moertel, settings)
    deaths, extra = moertel / "deaths.csv", moertel / "more_deaths.csv"
    deaths.write_text(deaths.read_text("utf-8").replace("unknown", "other"), "utf-8")
    extra.write_text("participant_id,died_on,cause\n", "utf-8")
    study = moertel / "study.yaml"
    study.write_text(study.read_text("utf-8").replace("deaths.csv", "[deaths.csv, more_deaths.csv]"), "utf-8")
    deliver(moertel, settings)
    entered = ledger.read(settings.ledger)
    assert entered[0]["changes"]["added"] == sorted(file.path for file in first.files)
    assert entered[1]["follows"] == first.sha256
    assert entered[1]["changes"] == {
        "added": ["more_deaths.csv"],
        "removed": [],
        "changed": ["deaths.csv", "study.yaml"],
        "unchanged": sorted({file.path for file in first.files} - {"deaths.csv", "study.yaml"}),
    }


def test_kept_files_are_read_only(moertel, settings):
    for path in deliver(moertel, settings).folder.iterdir():
        assert path.stat().st_mode & 0o222 == 0


def test_what_the_package_does_not_name_is_not_kept(moertel, settings):
    (moertel / "names_and_addresses.xlsx").write_bytes(b"secret")
    kept = {path.name for path in deliver(moertel, settings).folder.rglob("*")}
    assert "names_and_addresses.xlsx" not in kept
    assert "participants.csv" in kept


def test_a_package_that_cannot_be_read_leaves_nothing(moertel, settings):
    (moertel / "deaths.csv").unlink()
    with pytest.raises(StudyPackageError, match=r"deaths\.csv"):
        deliver(moertel, settings)
    assert not settings.home.exists()


def test_a_run_remembers_which_deliveries_it_reads(moertel, settings, tmp_path):
    delivered = [deliver(moertel, settings)]
    save_deliveries(tmp_path, delivered)
    assert read_deliveries(tmp_path) == delivered
