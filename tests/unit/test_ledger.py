"""The ledger remembers, and notices when somebody rewrites what it remembers."""

import pytest

from orchestration import ledger


def test_entries_are_numbered_and_chained(tmp_path):
    path = tmp_path / "ledger" / "ledger.jsonl"
    first = ledger.append(path, "delivery", study_id="a-study")
    second = ledger.append(path, "publication", release_id="a-release")
    assert (first["sequence"], second["sequence"]) == (1, 2)
    assert second["previous_sha256"] == first["sha256"]
    assert ledger.read(path) == [first, second]


@pytest.mark.parametrize("line", [0, 1])
def test_a_rewritten_entry_breaks_the_chain(tmp_path, line):
    path = tmp_path / "ledger.jsonl"
    for study in ("a-study", "b-study"):
        ledger.append(path, "delivery", study_id=study)
    lines = path.read_text().splitlines()
    lines[line] = lines[line].replace("-study", "-stidy")
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ValueError, match=f"line {line + 1}"):
        ledger.read(path)


def test_an_entry_cut_off_by_a_crash_is_dropped_and_the_chain_goes_on(tmp_path):
    path = tmp_path / "ledger.jsonl"
    first = ledger.append(path, "delivery", study_id="a")
    ledger.append(path, "delivery", study_id="b")
    path.write_bytes(path.read_bytes()[:-40])
    third = ledger.append(path, "delivery", study_id="c")
    assert ledger.read(path) == [first, third]


def test_a_removed_entry_breaks_the_chain(tmp_path):
    path = tmp_path / "ledger.jsonl"
    for study in ("a", "b", "c"):
        ledger.append(path, "delivery", study_id=study)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[2]]) + "\n")
    with pytest.raises(ValueError, match="line 2"):
        ledger.read(path)
