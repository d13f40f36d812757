"""Whoever withdraws consent is in nothing that is kept, and comes back with no later delivery."""

import hashlib
import json
import stat
from pathlib import Path

import pytest

from orchestration import ledger
from orchestration.consent import forget as consent
from orchestration.consent.forget import (
    FrozenStudyError,
    UnknownParticipantError,
    carry_out,
    enter_withdrawal,
    holds_withdrawn,
    remove_releases,
)
from orchestration.consent.withdrawals import PSEUDONYM_KEY, Key, WithdrawalKeyError
from orchestration.deliveries.database_lock import LockedStudyError, locks
from orchestration.deliveries.deliver import deliver, deliveries_of, kept_delivery
from orchestration.privacy.pseudonyms import pseudonym
from orchestration.settings import Settings
from schemas.errors import StudyPackageError

CANARY = "CANARY-7731"
DESCRIPTOR = """\
study_id: trial-a
title: A small trial
design: survivorship_cohort
index_cancer: colon
time_origin: diagnosis
data_cutoff: 2019-12-31
timepoints: [{timepoint: pre, role: baseline}]
records: {participants: participants.csv, deaths: deaths.csv, samples: samples.csv, assay_results: assays.csv}
"""
FILES = {
    "participants.csv": f"participant_id,index_date\nP1,2010-01-01\n{CANARY},2010-02-01\nP3,2010-03-01\n",
    "deaths.csv": f"participant_id,died_on,cause\nP1,2012-01-01,other\n{CANARY},2013-01-01,unknown\n",
    "samples.csv": f"sample_id,participant_id,visit,timepoint\nS-1,P1,v1,pre\nS-{CANARY},{CANARY},v1,pre\n",
    "assays.csv": (
        "sample_id,analyte_id,replicate,result_text,unit\n"
        f"S-1,IL-6,1,1.5,pg/mL\nS-{CANARY},IL-6,1,2.5,pg/mL\nS-{CANARY},IL-6,2,2.6,pg/mL\n"
    ),
}
KEY = "k" * 32


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return write_package(tmp_path / "trial-a")


def write_package(folder: Path) -> Path:
    folder.mkdir()
    (folder / "study.yaml").write_text(DESCRIPTOR, encoding="utf-8")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def corrected(package: Path, cause: str) -> Path:
    (package / "deaths.csv").write_text(FILES["deaths.csv"].replace("other", cause), encoding="utf-8")
    return package


def release(settings: Settings, release_id: str, *deliveries, is_current: bool = True) -> None:
    """Publish a release that consists of its manifest."""
    folder = settings.releases / release_id
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"inputs": [d.as_input() for d in deliveries]}))
    digest = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    ledger.append(settings.ledger, "publication", release_id=release_id, manifest_sha256=digest)
    if is_current:
        settings.current.unlink(missing_ok=True)
        settings.current.symlink_to(Path("releases") / release_id)


def lock(settings: Settings, release_id: str, *deliveries) -> None:
    inputs = {d.study_id: d.sha256 for d in deliveries}
    ledger.append(settings.ledger, "lock", release_id=release_id, reason="final analysis", inputs=inputs)


def of_kind(settings: Settings, kind: str, step: str = "") -> list[dict]:
    entries = ledger.read(settings.ledger)
    return [e for e in entries if e["kind"] == kind and (not step or e.get("step") == step)]


def assert_nowhere(home: Path) -> None:
    for path in home.rglob("*"):
        assert CANARY not in str(path)
        assert not path.is_file() or CANARY.encode() not in path.read_bytes(), path


def forget(settings: Settings, name: str = CANARY) -> None:
    enter_withdrawal(settings, "trial-a", name)
    carry_out(settings, "trial-a")


def test_they_are_in_no_kept_package_and_not_in_the_ledger(package, settings):
    first = deliver(package, settings)
    second = deliver(corrected(package, "cardiovascular"), settings)
    (settings.landed / "trial-a").mkdir(parents=True)
    (settings.landed / "trial-a" / "deaths.csv").write_text(CANARY)
    forget(settings)
    assert_nowhere(settings.home)
    redacted = {
        e["package_sha256"]: e["redacted_sha256"] for e in of_kind(settings, "withdrawal", "redacted")
    }
    assert redacted.keys() == {first.sha256, second.sha256}
    for sha256 in redacted.values():
        kept = kept_delivery(settings, ledger.read(settings.ledger), "trial-a", sha256)
        assert kept.n_withdrawn == kept.as_input()["n_withdrawn"] == 1
        text = (kept.folder / "participants.csv").read_text()
        assert text == "participant_id,index_date\nP1,2010-01-01\n\nP3,2010-03-01\n"
        assert all(path.stat().st_mode & 0o222 == 0 for path in kept.folder.iterdir())


def test_a_later_delivery_that_still_holds_them_is_kept_without_them(package, settings):
    deliver(package, settings)
    forget(settings)
    late = deliver(corrected(package, "cardiovascular"), settings)
    assert "5 rows of who has withdrawn consent" in late.notices[0]
    assert_nowhere(settings.home)
    entry = of_kind(settings, "delivery")[-1]
    assert (entry["package_sha256"], entry["n_withdrawn_rows"], entry["n_withdrawn"]) == (late.sha256, 5, 1)
    assert entry["changes"]["changed"] == ["deaths.csv"]
    again = deliver(package, settings)
    assert again == late
    assert len(of_kind(settings, "delivery")) == 2


def test_results_of_their_samples_are_recognised_when_they_come_alone(package, settings):
    deliver(package, settings)
    forget(settings)
    for name in ("participants.csv", "deaths.csv", "samples.csv"):
        lines = (package / name).read_text().splitlines(keepends=True)
        (package / name).write_text("".join(line for line in lines if CANARY not in line))
    deliver(package, settings)
    assert_nowhere(settings.home)


def test_whoever_is_unknown_is_not_repeated(package, settings):
    deliver(package, settings)
    for study_id in ("trial-a", "trial-b"):
        with pytest.raises(UnknownParticipantError) as error:
            enter_withdrawal(settings, study_id, "NOBODY-9")
        assert "NOBODY" not in str(error.value)
    assert of_kind(settings, "withdrawal") == []


def test_forgetting_twice_is_fine(package, settings):
    deliver(package, settings)
    assert enter_withdrawal(settings, "trial-a", CANARY)
    carry_out(settings, "trial-a")
    assert not enter_withdrawal(settings, "trial-a", CANARY)
    assert carry_out(settings, "trial-a")["trial-a"].n_rows == 0
    assert len(of_kind(settings, "withdrawal", "asked")) == 1


def test_two_who_withdraw_one_after_the_other_are_both_out(package, settings):
    built = deliver(package, settings)
    release(settings, "r1", built)
    forget(settings)
    forget(settings, "P3")
    (kept,) = deliveries_of(settings, "current")
    assert (kept.folder / "participants.csv").read_text().split("\n")[1:] == ["P1,2010-01-01", "", "", ""]
    assert kept.n_withdrawn == 2


def test_the_salt_is_for_its_owner_only_and_no_delivery_is_kept_without_it(package, settings):
    deliver(package, settings)
    forget(settings)
    salt = settings.ledger.with_name("withdrawal.salt")
    assert stat.S_IMODE(salt.stat().st_mode) == 0o600
    salt.unlink()
    with pytest.raises(WithdrawalKeyError, match="restore it from a backup"):
        deliver(corrected(package, "cardiovascular"), settings)
    assert_nowhere(settings.home)


def test_with_a_key_of_pseudonyms_they_can_be_named_by_theirs(package, settings):
    keyed = Settings(home=settings.home, pseudonym_key=KEY)
    deliver(package, keyed)
    theirs = pseudonym(KEY, "trial-a", CANARY)
    assert enter_withdrawal(keyed, "trial-a", theirs)
    carry_out(keyed, "trial-a")
    assert_nowhere(settings.home)
    assert theirs not in settings.ledger.read_text()
    assert KEY not in settings.ledger.read_text()
    for name in (theirs, CANARY):
        assert not enter_withdrawal(keyed, "trial-a", name)


@pytest.mark.parametrize("other", [None, "another key, as long as the first"])
def test_a_key_of_pseudonyms_that_leaked_can_be_changed(package, settings, other):
    keyed = Settings(home=settings.home, pseudonym_key=KEY)
    deliver(package, keyed)
    forget(keyed)
    rekeyed = Settings(home=settings.home, pseudonym_key=other)
    assert deliver(corrected(package, "cardiovascular"), rekeyed).n_withdrawn == 1
    assert not enter_withdrawal(rekeyed, "trial-a", CANARY)
    assert_nowhere(settings.home)


def test_a_withdrawal_of_an_earlier_version_takes_the_key_it_was_entered_with(package, settings):
    key = Key(PSEUDONYM_KEY, KEY.encode())
    ledger.append(
        settings.ledger,
        "withdrawal",
        step="asked",
        study_id="trial-a",
        keyed_by=key.kind,
        key_check=key.check,
        participant_digest=key.digest("trial-a", "participant", CANARY),
        other_digests=[],
        sample_digests=[key.digest("trial-a", "sample", f"S-{CANARY}")],
    )
    for other in (None, "another key, as long as the first"):
        with pytest.raises(WithdrawalKeyError, match="COHORTMART_PSEUDONYM_KEY"):
            deliver(package, Settings(home=settings.home, pseudonym_key=other))
    # As earlier versions compared them: whatever is invisible in an identifier does not count.
    for name, text in FILES.items():
        (package / name).write_text(text.replace(CANARY, CANARY.replace("-", "-\u200b")), encoding="utf-8")
    keyed = Settings(home=settings.home, pseudonym_key=KEY)
    assert deliver(package, keyed).n_withdrawn == 1
    forget(keyed, "P3")
    assert {e["keyed_by"] for e in of_kind(settings, "withdrawal", "asked")} == {"pseudonym_key", "salt"}
    assert deliver(package, keyed).n_withdrawn == 2


@pytest.mark.parametrize("step", ["_clear_package", "put_in_place", "set_aside", "_enter_redaction"])
def test_what_interrupts_a_withdrawal_the_next_build_completes(package, settings, monkeypatch, step):
    release(settings, "r1", deliver(package, settings))
    enter_withdrawal(settings, "trial-a", CANARY)

    def killed(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(consent, step, killed)
        with pytest.raises(KeyboardInterrupt):
            carry_out(settings)
    said: list[str] = []
    consent.complete_withdrawals(settings, said.append)
    assert "interrupted withdrawal was completed" in said[0]
    assert carry_out(settings) == {}
    (kept,) = deliveries_of(settings, "current")
    assert CANARY not in (kept.folder / "participants.csv").read_text()
    assert_nowhere(settings.home)


def test_releases_that_hold_them_are_removed_once_readers_have_another(package, settings):
    first = deliver(package, settings)
    release(settings, "r1", first)
    release(settings, "r2", first)
    forget(settings)
    assert holds_withdrawn(settings, "r2")
    assert remove_releases(settings) == ["r1"]
    assert settings.current.readlink().name == "r2"
    release(settings, "r3", *deliveries_of(settings, "r2"))
    assert remove_releases(settings) == ["r2"]
    assert [path.name for path in settings.releases.iterdir()] == ["r3"]
    assert remove_releases(settings) == []
    assert [entry["releases"] for entry in of_kind(settings, "prune")] == [["r1"], ["r2"]]


def test_a_release_of_other_studies_stays(package, settings, tmp_path):
    other = tmp_path / "trial-b"
    package.rename(other)
    study = other / "study.yaml"
    study.write_text(DESCRIPTOR.replace("trial-a", "trial-b"))
    theirs = deliver(other, settings)
    release(settings, "r1", theirs)
    study.write_text(DESCRIPTOR)
    release(settings, "r2", deliver(other, settings), is_current=False)
    forget(settings)
    assert remove_releases(settings) == ["r2"]
    assert CANARY in (theirs.folder / "participants.csv").read_text()


def test_a_kept_package_that_nobody_can_read_is_removed_if_they_may_be_in_it(package, settings):
    deliver(package, settings)
    for name, content in (("deaths.csv", b"a,b\nc\xff\n"), ("deaths.csv", f"x\n{CANARY}\n".encode())):
        (package / name).write_bytes(content)
        deliver(package, settings)
    (package / "deaths.csv").write_text("no,such,columns\nP1,2,3\n")
    text = (package / "participants.csv").read_text().replace(CANARY, "P2")
    (package / "participants.csv").write_text(text)
    (package / "samples.csv").write_text("sample_id,participant_id,visit,timepoint\n")
    (package / "assays.csv").write_text("sample_id,analyte_id,replicate,result_text,unit\n")
    harmless = deliver(package, settings)
    enter_withdrawal(settings, "trial-a", CANARY)
    cleared = carry_out(settings)["trial-a"]
    assert (cleared.n_packages, len(cleared.removed)) == (1, 2)
    assert harmless.folder.exists()
    assert_nowhere(settings.home)


def test_a_locked_release_is_removed_only_with_a_reason(package, settings):
    built = deliver(package, settings)
    release(settings, "r1", built)
    lock(settings, "r1", built)
    with pytest.raises(FrozenStudyError, match=r"locked release \(r1\).*--despite-lock"):
        enter_withdrawal(settings, "trial-a", CANARY)
    assert of_kind(settings, "withdrawal") == []
    despite = Settings(home=settings.home, despite_lock="consent goes before the lock")
    forget(despite)
    release(settings, "r2", *deliveries_of(settings, "current"))
    assert remove_releases(settings) == ["r1"]
    assert locks(settings) == {}
    (asked,) = of_kind(settings, "withdrawal", "asked")
    assert asked["despite_lock"] == {"releases": ["r1"], "reason": "consent goes before the lock"}


def test_a_locked_study_takes_no_other_package_without_a_reason(package, settings):
    built = deliver(package, settings)
    release(settings, "r1", built)
    lock(settings, "r1", built)
    assert deliver(package, settings) == built
    with pytest.raises(LockedStudyError, match=r"locked since .* by release r1 \(final analysis\)") as error:
        deliver(corrected(package, "cardiovascular"), settings)
    assert isinstance(error.value, StudyPackageError)
    assert [path.name for path in built.folder.parent.glob("[!.]*")] == [built.sha256]
    assert len(of_kind(settings, "delivery")) == 1
    despite = Settings(home=settings.home, despite_lock="site 3\nreported\x1b[31m late")
    changed = deliver(package, despite)
    assert "despite the lock of release r1" in changed.notices[0]
    assert of_kind(settings, "delivery")[-1]["despite_lock"] == {
        "release_id": "r1",
        "reason": "site 3 reported [31m late",
    }
    ledger.append(settings.ledger, "unlock", release_id="r1", reason="over")
    assert deliver(corrected(package, "other"), settings).sha256 == built.sha256


def test_a_damaged_ledger_forgets_neither_withdrawals_nor_locks(package, settings):
    deliver(package, settings)
    forget(settings)
    lines = settings.ledger.read_bytes().split(b"\n")
    lines[0] = lines[0].replace(b"trial-a", b"trial-x")
    settings.ledger.write_bytes(b"\n".join(lines))
    deliver(corrected(package, "cardiovascular"), settings)
    assert_nowhere(settings.home)
