"""What was delivered is kept as it came, once, and the ledger remembers it."""

import pytest

from orchestration import ledger
from orchestration.deliveries import deliver, read_deliveries, save_deliveries
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
    assert entry["files"] == {file.path: file.sha256 for file in first.files}


def test_a_corrected_file_is_another_delivery_and_the_first_stays(moertel, settings):
    first = deliver(moertel, settings)
    deaths = moertel / "deaths.csv"
    deaths.write_text(deaths.read_text("utf-8").replace("unknown", "other"), "utf-8")
    corrected = deliver(moertel, settings)
    assert corrected.sha256 != first.sha256
    assert "unknown" in (first.folder / "deaths.csv").read_text("utf-8")
    assert len(ledger.read(settings.ledger)) == 2


def test_a_kept_delivery_that_was_altered_is_refused(moertel, settings):
    kept = deliver(moertel, settings).folder / "deaths.csv"
    kept.write_text(kept.read_text("utf-8").replace("unknown", "other", 1), "utf-8")
    with pytest.raises(StudyPackageError, match=r"deaths\.csv was damaged after it was delivered"):
        deliver(moertel, settings)


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
