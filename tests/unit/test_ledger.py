"""The ledger remembers, and notices when somebody rewrites what it remembers."""

import json
import multiprocessing
import threading

import pytest

from orchestration import ledger


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger" / "ledger.jsonl"


def _deliver(path, *studies):
    return [ledger.append(path, "delivery", study_id=study) for study in studies]


def _rewrite(path, line, old, new):
    lines = path.read_text().splitlines()
    assert old in lines[line]
    lines[line] = lines[line].replace(old, new)
    path.write_text("\n".join(lines) + "\n")


def test_a_ledger_that_is_not_there_is_empty(path):
    assert ledger.read(path) == []
    assert not path.parent.exists()


def test_entries_are_numbered_and_chained(path):
    first = ledger.append(path, "delivery", study_id="a-study")
    second = ledger.append(path, "publication", release_id="a-release")
    assert (first["sequence"], second["sequence"]) == (1, 2)
    assert second["previous_sha256"] == first["sha256"]
    assert ledger.read(path) == [first, second]


def test_every_entry_names_the_command_that_wrote_it(path):
    try:
        ledger.set_command("cohortmart build --study trial-a")
        (entry,) = _deliver(path, "trial-a")
    finally:
        ledger.set_command("")
    assert entry["command"] == "cohortmart build --study trial-a"


@pytest.mark.parametrize("line", [0, 1])
def test_a_rewritten_entry_breaks_the_chain(path, line):
    _deliver(path, "a-study", "b-study")
    _rewrite(path, line, "-study", "-stidy")
    with pytest.raises(ValueError, match=f"line {line + 1}"):
        ledger.read(path)


def test_every_flipped_bit_is_noticed(path):
    _deliver(path, "a", "b")
    for file in (path, path.with_name("head.json")):
        whole = file.read_bytes()
        for position in range(len(whole)):
            file.write_bytes(
                whole[:position] + bytes([whole[position] ^ 1 << position % 8]) + whole[position + 1 :]
            )
            if position == len(whole) - 1 and file != path:
                continue  # the end of the line after the head says nothing
            with pytest.raises(ValueError, match=r"ledger\.jsonl"):
                ledger.read(path)
        file.write_bytes(whole)
    assert len(ledger.read(path)) == 2


def test_an_entry_that_was_being_written_when_the_power_went_was_never_said(path):
    first, second = _deliver(path, "a", "b")
    with path.open("ab") as file:
        file.write(b'{"at":"2026-01-01T00:00:00+00:00","command":"","ki')
    assert ledger.read(path) == [first, second]
    (third,) = _deliver(path, "c")
    assert ledger.read(path) == [first, second, third]


def test_a_first_entry_cut_off_by_a_crash_leaves_an_empty_ledger(path):
    path.parent.mkdir()
    path.write_bytes(b'{"at":"2026-')
    assert ledger.read(path) == []
    assert _deliver(path, "a")[0]["sequence"] == 1


def test_a_crash_between_an_entry_and_the_head_keeps_the_entry(path):
    head = path.with_name("head.json")
    _deliver(path, "a")
    head.unlink()
    assert len(ledger.read(path)) == 1
    _deliver(path, "b")
    before = head.read_bytes()
    _deliver(path, "c")
    head.write_bytes(before)
    assert [entry["study_id"] for entry in ledger.read(path)] == ["a", "b", "c"]
    assert _deliver(path, "d")[0]["sequence"] == 4


@pytest.mark.parametrize("lost", [1, 2])
def test_entries_cut_off_the_end_are_missed(path, lost):
    _deliver(path, "a", "b", "c")
    path.write_text("".join(line + "\n" for line in path.read_text().splitlines()[:-lost]))
    with pytest.raises(ValueError, match=f"{lost} of its lines are gone"):
        ledger.read(path)


@pytest.mark.parametrize("gone", ["ledger.jsonl", "head.json"])
def test_a_file_of_the_ledger_that_is_gone_is_missed(path, gone):
    _deliver(path, "a", "b")
    path.with_name(gone).unlink()
    with pytest.raises(ValueError, match="gone"):
        ledger.read(path)


def test_a_ledger_rewritten_from_the_start_is_not_the_one_of_the_head(path, tmp_path):
    other = tmp_path / "other.jsonl"
    _deliver(path, "a", "b")
    _deliver(other, "a", "x")
    path.write_bytes(other.read_bytes())
    with pytest.raises(ValueError, match="another one than its head file says"):
        ledger.read(path)


def test_a_removed_entry_breaks_the_chain(path):
    _deliver(path, "a", "b", "c")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[2]]) + "\n")
    with pytest.raises(ValueError, match="line 2"):
        ledger.read(path)


def test_a_damaged_ledger_is_kept_and_stops_nobody(path):
    first, *_ = _deliver(path, "a", "b", "c")
    _rewrite(path, 1, '"b"', '"x"')
    damaged = path.read_bytes()
    last = ledger.append(path, "delivery", study_id="d")
    entries = ledger.read(path)
    assert [entry["kind"] for entry in entries] == ["delivery", "recovery", "delivery"]
    assert (entries[0], entries[2]) == (first, last)
    assert (entries[1]["n_verified"], entries[1]["n_unverified"]) == (1, 2)
    (kept,) = ledger.damaged_ledgers(path)
    assert kept.read_bytes() == damaged
    assert entries[1]["damaged_file"] == kept.name


def test_what_protects_people_outlives_damage_of_its_own_line(path):
    _deliver(path, "a")
    ledger.append(path, "lock", release_id="r1", reason="interim analysis")
    ledger.append(path, "withdrawal", study_id="a", participant_sha256="f00d")
    ledger.append(path, "publication", release_id="r2", manifest_sha256="0")
    ledger.append(path, "publication", release_id="r3", manifest_sha256="0")
    _rewrite(path, 1, "interim", "Interim")
    _rewrite(path, 3, "r2", "rX")
    _deliver(path, "b")
    carried = {e["kind"]: e for e in ledger.read(path) if "recovered_from" in e}
    assert set(carried) == {"lock", "withdrawal", "publication"}
    assert carried["lock"]["recovered_from"]["sequence"] == 2
    assert carried["withdrawal"]["participant_sha256"] == "f00d"
    # A publication counts as it was written only: nobody may be served what an altered line vouches for.
    assert carried["publication"]["release_id"] == "r3"


def test_what_can_be_read_of_a_damaged_ledger_is_read_without_mending_it(path):
    _deliver(path, "a", "b", "c")
    _rewrite(path, 1, '"b"', '"x"')
    before = path.read_bytes()
    entries, damage = ledger.read_intact(path)
    assert [entry["study_id"] for entry in entries] == ["a", "c"]
    assert "line 2" in damage
    assert path.read_bytes() == before


def test_a_recovery_that_is_killed_is_done_again(path, monkeypatch):
    _deliver(path, "a", "b")
    ledger.append(path, "lock", release_id="r1")
    _rewrite(path, 1, '"b"', '"x"')

    def killed(*_):
        raise KeyboardInterrupt

    real = ledger.replace_file
    for stop_at in ("ledger.damaged-1.jsonl", "head.json", "ledger.jsonl"):
        monkeypatch.setattr(
            ledger, "replace_file", lambda p, c, at=stop_at: killed() if p.name == at else real(p, c)
        )
        with pytest.raises(KeyboardInterrupt):
            _deliver(path, "c")
    monkeypatch.setattr(ledger, "replace_file", real)
    _deliver(path, "c")
    kinds = [entry["kind"] for entry in ledger.read(path)]
    assert (kinds[0], kinds[-1], kinds.count("lock")) == ("delivery", "delivery", 1)
    assert ledger.read(path)[-1]["study_id"] == "c"


def test_a_clock_that_goes_backwards_does_not_turn_the_order(path, monkeypatch):
    from datetime import UTC, datetime  # noqa: PLC0415

    times = iter([datetime(2026, 3, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)])

    class Clock:
        @staticmethod
        def now(_zone):
            return next(times)

    monkeypatch.setattr(ledger, "datetime", Clock)
    first, second = _deliver(path, "a", "b")
    assert second["at"] == first["at"] == "2026-03-01T00:00:00+00:00"
    assert second["clock_at"] == "2025-01-01T00:00:00+00:00"
    assert "clock_at" not in first
    assert ledger.read(path) == [first, second]


def _append_many(path, study):
    for _ in range(20):
        ledger.append(path, "delivery", study_id=study)


def test_several_processes_append_at_once_while_others_read(path):
    writers = [multiprocessing.Process(target=_append_many, args=(path, study)) for study in "abc"]
    for writer in writers:
        writer.start()
    reads = 0
    while any(writer.is_alive() for writer in writers):
        ledger.read(path)
        reads += 1
    for writer in writers:
        writer.join()
    assert len(ledger.read(path)) == 60
    assert reads


def test_threads_append_at_once(path):
    threads = [threading.Thread(target=_append_many, args=(path, study)) for study in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [entry["sequence"] for entry in ledger.read(path)] == list(range(1, 41))


def test_a_ledger_of_an_earlier_version_goes_on(path):
    path.parent.mkdir()
    previous = "0" * 64
    for number, study in enumerate(("a", "b"), start=1):
        entry = {"sequence": number, "at": "2025-01-01T00:00:00+00:00", "kind": "delivery", "study_id": study}
        entry["previous_sha256"] = previous
        previous = entry["sha256"] = ledger._digest(ledger._canonical(entry))
        with path.open("a") as file:
            file.write(json.dumps(entry) + "\n")
    assert [entry["study_id"] for entry in ledger.read(path)] == ["a", "b"]
    _deliver(path, "c")
    assert [entry["sequence"] for entry in ledger.read(path)] == [1, 2, 3]
