"""What is left of somebody who has withdrawn consent: nothing that tells who they are, or what they had."""

import hashlib
import json
import stat
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration import ledger
from orchestration.cli.forget import run_forget
from orchestration.consent import forget as consent
from orchestration.consent.forget import UnknownParticipantError, carry_out, enter_withdrawal
from orchestration.consent.mentions import find_mentions
from orchestration.consent.withdrawals import bare
from orchestration.deliveries.deliver import deliver, deliveries_of, kept_delivery
from orchestration.deliveries.package_copy import describe
from orchestration.deliveries.package_hashes import files_of
from orchestration.release.read import publications
from orchestration.release.verify import verify_deliveries
from orchestration.settings import Settings
from schemas.errors import StudyPackageError
from tests.unit.test_consent import (
    CANARY,
    DESCRIPTOR,
    FILES,
    assert_nowhere,
    corrected,
    forget,
    of_kind,
    release,
    write_package,
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return write_package(tmp_path / "trial-a")


def hashes_of(files: Mapping[str, bytes]) -> set[str]:
    return {hashlib.sha256(content).hexdigest() for content in files.values()}


def bytes_of(home: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_nothing_in_the_home_tells_a_right_guess_of_a_row_that_was_taken_out(package, settings):
    came = {name: (package / name).read_bytes() for name in FILES}
    first = deliver(package, settings)
    secret = first.folder.with_name(f".{first.sha256}.secret")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    forget(settings)
    assert not secret.exists()
    (kept,) = (path.name for path in first.folder.parent.glob("[!.]*"))
    assert [path.name for path in first.folder.parent.glob(".*")] == [f".{kept}.secret"]
    deliver(package, settings)
    again = {name: (package / name).read_bytes() for name in FILES}
    corrected(package, "cardiovascular")
    late = {name: (package / name).read_bytes() for name in FILES}
    whole = describe(package, ["study.yaml", *sorted(FILES)]).sha256
    deliver(package, settings)
    # Whoever guesses the row writes the file as it was, and looks for its hash.
    told = bytes_of(settings.home).decode()
    assert not [digest for digest in hashes_of(came) | hashes_of(again) | hashes_of(late) if digest in told]
    assert whole not in told
    # Of who withdraws next, nothing is left either.
    left = [files_of(settings, entry) for entry in of_kind(settings, "withdrawal", "redacted")]
    forget(settings, "P1")
    told = bytes_of(settings.home).decode()
    assert not [hashes["deaths.csv"] for hashes in left if hashes["deaths.csv"] in told]


def test_what_a_withdrawal_left_of_a_package_can_be_verified(package, settings):
    release(settings, "r1", deliver(package, settings))
    forget(settings)
    entries = ledger.read(settings.ledger)
    (publication,) = publications(settings, entries)
    (kept,) = deliveries_of(settings, "current")
    checks = list(verify_deliveries(publication, settings, entries))
    assert (len(checks), [check.damage for check in checks if check.damage]) == (5, [])
    (kept.folder / "deaths.csv").chmod(0o644)
    (kept.folder / "deaths.csv").write_text(FILES["deaths.csv"].replace(CANARY, "P9"))
    (damage,) = [c.damage for c in verify_deliveries(publication, settings, entries) if c.damage]
    assert damage.startswith(f"{kept.folder / 'deaths.csv'} is not what was delivered")


def test_what_tells_a_guess_goes_before_the_package_does_and_no_rest_of_it_stays(
    package, settings, monkeypatch
):
    first = deliver(package, settings)
    secret = first.folder.with_name(f".{first.sha256}.secret")
    enter_withdrawal(settings, "trial-a", CANARY)

    def killed(_folder):
        assert not secret.exists()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(consent, "set_aside", killed)
        with pytest.raises(KeyboardInterrupt):
            carry_out(settings)
    orphan = secret.with_name(f".{'0' * 64}.secret")
    orphan.write_text("{}")
    carry_out(settings)
    assert not orphan.exists()
    assert_nowhere(settings.home)


@pytest.mark.parametrize("is_told", ["by the ledger of an earlier version", "by nothing but the package"])
def test_a_home_without_secrets_works_as_before(package, settings, is_told):
    first = deliver(package, settings)
    first.folder.with_name(f".{first.sha256}.secret").unlink()
    if is_told == "by the ledger of an earlier version":
        settings.ledger.with_name("head.json").unlink()
        settings.ledger.unlink()
        files = {file.path: file.sha256 for file in first.files}
        ledger.append(
            settings.ledger, "delivery", study_id="trial-a", package_sha256=first.sha256, files=files
        )
    entries = ledger.read(settings.ledger)
    assert kept_delivery(settings, entries, "trial-a", first.sha256) == first
    release(settings, "r1", first)
    deliver(corrected(package, "cardiovascular"), settings)
    entry = of_kind(settings, "delivery")[-1]
    assert (entry["follows"], entry["changes"]["changed"]) == (first.sha256, ["deaths.csv"])
    forget(settings)
    (kept,) = deliveries_of(settings, "current")
    assert CANARY not in (kept.folder / "participants.csv").read_text()
    assert_nowhere(settings.home)


def test_hashes_that_were_altered_beside_a_package_are_not_believed(package, settings):
    first = deliver(package, settings)
    secret = first.folder.with_name(f".{first.sha256}.secret")
    known = json.loads(secret.read_text())
    known["files"]["deaths.csv"] = "0" * 64
    secret.write_text(json.dumps(known))
    (entry,) = of_kind(settings, "delivery")
    assert files_of(settings, entry) == {file.path: file.sha256 for file in first.files}
    for torn in ("", "[]", '{"secret": "zz"}', '{"secret": 1, "files": {}}'):
        secret.write_text(torn)
        deliver(corrected(package, "cardiovascular"), settings)
        deliver(corrected(package, "other"), settings)
        assert of_kind(settings, "delivery")[-1]["changes"]["changed"] == ["deaths.csv"]
    (first.folder / "deaths.csv").chmod(0o644)
    (first.folder / "deaths.csv").write_text("participant_id,died_on,cause\n")
    entries = ledger.read(settings.ledger)
    with pytest.raises(StudyPackageError, match=r"deaths\.csv was damaged after it was delivered"):
        kept_delivery(settings, entries, "trial-a", first.sha256)


@pytest.mark.parametrize(
    "header", [None, "participant_id,participant_id", "participant_id,index_date,index_date"]
)
def test_they_are_found_in_a_package_that_cannot_be_read(package, settings, header):
    path = package / "participants.csv"
    lines = path.read_text().splitlines(keepends=True)[1:]
    path.write_text("".join([*([f"{header}\n"] if header else []), *lines]))
    deliver(package, settings)
    with pytest.raises(UnknownParticipantError):
        enter_withdrawal(settings, "trial-a", "NOBODY-9")
    entered = enter_withdrawal(settings, "trial-a", CANARY)
    assert (entered.is_new, entered.names) == (True, {CANARY})
    assert len(carry_out(settings)["trial-a"].removed) == 1
    assert_nowhere(settings.home)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_they_are_found_in_a_file_that_is_not_utf_8(package, settings, encoding):
    (package / "deaths.csv").write_text("participant_id,died_on,cause\nP-7,2013-01-01,ä\n", encoding=encoding)
    deliver(package, settings)
    with pytest.raises(UnknownParticipantError, match="Not looked through, as they cannot be read: packages"):
        enter_withdrawal(settings, "trial-a", "NOBODY-9")
    assert enter_withdrawal(settings, "trial-a", "P-7").names == {"P-7"}


@pytest.mark.parametrize(
    ("written", "is_theirs"),
    [
        (f" {CANARY}\u00a0", True),
        (f"\ufeff{CANARY}\u200b", True),
        (CANARY.replace("77", "77\u00a0"), False),
        (CANARY.replace("77", "7\n7"), False),
    ],
)
def test_what_is_invisible_counts_inside_an_identifier_and_not_around_it(written, is_theirs):
    assert (bare(written) == CANARY) is is_theirs


def test_another_identifier_that_looks_like_theirs_stays(package, settings):
    other = "CANARY-77\u00a031"
    path = package / "participants.csv"
    path.write_text(path.read_text("utf-8") + f"{other},2010-04-01\n", "utf-8")
    deliver(package, settings)
    forget(settings)
    (kept,) = (settings.deliveries / "trial-a").glob("[!.]*")
    assert (kept / "participants.csv").read_text("utf-8").endswith(f"P3,2010-03-01\n{other},2010-04-01\n")


def test_two_forms_of_the_same_letters_are_one_identifier(package, settings):
    (package / "deaths.csv").write_text(
        "participant_id,died_on,cause\nMu\u0308-1,2013-01-01,other\n", "utf-8"
    )
    deliver(package, settings)
    forget(settings, "M\u00fc-1")
    (kept,) = (settings.deliveries / "trial-a").glob("[!.]*")
    assert (kept / "deaths.csv").read_text("utf-8") == "participant_id,died_on,cause\n\n"


def test_where_their_identifier_still_stands_is_said_without_repeating_it(package, settings, capsys):
    study = package / "study.yaml"
    study.write_text(DESCRIPTOR.replace("A small trial", f"A small trial; {CANARY.lower()} was the first"))
    people = package / "participants.csv"
    people.write_text(
        "participant_id,index_date,note\nP1,2010-01-01,sister of canary-7731\n"
        f"P3,2010-03-01,{CANARY}5\n{CANARY},2010-02-01,\n"
    )
    deliver(package, settings)
    assert run_forget(settings, "trial-a", CANARY, 0) == 1
    (kept,) = (settings.deliveries / "trial-a").glob("[!.]*")
    said = " ".join("".join(capsys.readouterr()).split())
    assert f"participants.csv of package {kept.name[:12]}, line 2; study.yaml of package" in said
    assert "more" not in said.partition("identifier still stands")[2].partition("If it is them")[0]
    assert CANARY.lower() not in said.lower()
    assert "study.yaml of package" in said
    assert ", line 2. If it is them" in said


def test_nothing_left_is_said_only_when_nothing_is_left(package, settings, capsys):
    deliver(package, settings)
    assert run_forget(settings, "trial-a", CANARY, 0) == 0
    said = " ".join("".join(capsys.readouterr()).split())
    assert f"No package and no release in {settings.home} holds them any more." in said
    assert "a hash over all its files together" in said
    assert "earlier version" not in said


def test_a_ledger_that_tells_a_guess_of_one_row_is_said_to(package, settings, capsys):
    first = deliver(package, settings)
    settings.ledger.with_name("head.json").unlink()
    settings.ledger.unlink()
    files = {file.path: file.sha256 for file in first.files}
    ledger.append(settings.ledger, "delivery", study_id="trial-a", package_sha256=first.sha256, files=files)
    assert run_forget(settings, "trial-a", CANARY, 0) == 0
    assert "Entries of an earlier version" in " ".join("".join(capsys.readouterr()).split())


@pytest.mark.parametrize(
    ("name", "text", "n"),
    [
        ("P1", "P10, P1-2, xP1, 'p1' and P1_2", 1),
        ("P1", "P10, xP1", 0),
        ("12", "2010-12-01, 0.12, 12.5, 112", 0),
        ("12", "see 12.", 1),
    ],
)
def test_a_mention_is_a_word(package, settings, name, text, n):
    folder = settings.deliveries / "trial-a" / "0"
    folder.mkdir(parents=True)
    (folder / "notes.csv").write_text(text)
    assert find_mentions(settings, "trial-a", [name]).n == n


def test_a_mention_in_a_parquet_file_is_found_by_its_row(package, settings):
    table = pa.table({"participant_id": ["P1", "P3"], "note": ["", f"sister of {CANARY}"]})
    pq.write_table(table, package / "participants.csv", compression="zstd")
    kept = deliver(package, settings)
    found = find_mentions(settings, "trial-a", [CANARY])
    assert f"participants.csv of package {kept.sha256[:12]}, row 2" in found.first
