"""The lines a trace ends at: read from what was delivered, and no identifier shown that the release hides."""

import hashlib
import re
from pathlib import Path

import duckdb
import pytest

from orchestration.privacy.pseudonyms import pseudonym
from orchestration.trace.kept import KeptFile, KeptRow, deciding_line, find_kept, read_rows, shown_text
from orchestration.trace.set_aside import find_set_aside

DEATHS = (
    "participant_id,died_on,cause\nA-1,2020-05-01,other\nA-2,2020-06-01,index_cancer\nA-1,2020-13-01,other\n"
)
KEY = "a key of the trial, and a long one"


def kept(folder: Path, name: str, text: str) -> KeptFile:
    package = folder / "trial" / "0123abcd"
    package.mkdir(parents=True, exist_ok=True)
    (package / name).write_text(text, encoding="utf-8")
    return KeptFile(package, name, hashlib.sha256(text.encode()).hexdigest())


def outcome(line: int, participant_id: str = "A-2") -> dict:
    return {
        "participant_id": participant_id,
        "source_record": "deaths",
        "source_file": "deaths.csv",
        "source_line": line,
    }


def test_the_deciding_line_is_shown_as_it_was_delivered(tmp_path):
    shown = deciding_line(kept(tmp_path, "deaths.csv", DEATHS), outcome(3))
    assert (shown.path, shown.text) == ("trial/0123abcd/deaths.csv", "A-2,2020-06-01,index_cancer")


def test_a_value_over_several_lines_is_found_at_its_first(tmp_path):
    text = 'participant_id,started_on,therapy\nA-1,2020-01-01,"folfox,\nlate"\nA-2,2020-02-01,folfiri\n'
    rows = read_rows(kept(tmp_path, "t.csv", text), "anticancer_therapies", [2, 4])
    assert rows[2].values["therapy"] == "folfox,\nlate"
    assert rows[4].text == "A-2,2020-02-01,folfiri"


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda file: file.path.unlink(), "it cannot be shown: the file `deaths.csv` is not in the package"),
        (
            lambda file: file.path.write_text(DEATHS + "\n"),
            "it cannot be shown: .* no longer what was delivered",
        ),
    ],
)
def test_a_delivered_file_that_is_gone_or_was_changed_is_not_shown(tmp_path, spoil, problem):
    file = kept(tmp_path, "deaths.csv", DEATHS)
    spoil(file)
    shown = deciding_line(file, outcome(3))
    assert shown.text == ""
    assert re.match(problem, shown.problem)


def test_a_file_that_the_manifest_does_not_name_is_said_to_be_so(tmp_path):
    manifest = {
        "inputs": [
            {"study_id": "trial", "package_sha256": "0123abcd", "files": [{"path": "a.csv", "sha256": "f"}]}
        ]
    }
    found = find_kept(manifest, tmp_path, "trial", "a.csv")
    assert found is not None
    assert found.path == tmp_path / "trial" / "0123abcd" / "a.csv"
    assert find_kept(manifest, tmp_path, "trial", "b.csv") is None
    assert find_kept(manifest, tmp_path, "other", "a.csv") is None
    assert deciding_line(None, outcome(3)).problem == "the manifest of the release does not name the file"


def test_identifiers_are_withheld_where_the_release_holds_a_pseudonym():
    sample = KeptRow(
        "S-17,A-1,week_12,rest",
        {"sample_id": "S-17", "participant_id": "A-1", "visit": "week_12", "timepoint": "rest"},
    )
    assert shown_text(sample, "samples", "A-1", ()) == "S-17,A-1,week_12,rest"
    assert shown_text(sample, "samples", "PABC", ()) == "(withheld),PABC,week_12,rest"


def test_columns_of_a_studys_own_are_withheld_beside_a_pseudonym_or_where_the_study_says_so():
    row = KeptRow(
        "A-1,2020-01-01,Jane Doe,T3",
        {"participant_id": "A-1", "index_date": "2020-01-01", "full_name": "Jane Doe", "stage": "T3"},
    )
    assert shown_text(row, "participants", "A-1", ("full_name",)) == "A-1,2020-01-01,(withheld),T3"
    assert shown_text(row, "participants", "PABC", ()) == "PABC,2020-01-01,(withheld),(withheld)"


def test_what_would_steer_a_terminal_is_shown_by_its_code():
    row = KeptRow("A-1,2020-01-01,\x1b[2J", {"participant_id": "A-1", "therapy": "\x1b[2J"})
    assert shown_text(row, "anticancer_therapies", "A-1", ()) == r"A-1,2020-01-01,\x1b[2J"


def quarantine(*rows: tuple[str, int, str, str]) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute(
        "create schema audit; create table audit.quarantine (study_id varchar, record varchar,"
        " source_file varchar, source_line bigint, rule varchar, column_name varchar, value varchar,"
        " reason varchar, accepted varchar, row_text varchar)"
    )
    for record, line, reason, text in rows:
        con.execute(
            "insert into audit.quarantine values ('trial', ?, ?, ?, 'rule', 'column', '', ?, 'a day', ?)",
            [record, f"{record}.csv", line, reason, text],
        )
    return con


def test_rows_set_aside_are_found_by_the_column_that_names_the_participant(tmp_path):
    con = quarantine(
        ("deaths", 4, "not a day", "A-1,2020-13-01,other"),
        ("deaths", 3, "too late", "A-2,2020-06-01,A-1"),
        ("assay_results", 9, "no unit", "A-1,IL-6"),
    )
    file = kept(tmp_path, "deaths.csv", DEATHS)
    found = find_set_aside(con, "trial", ["A-1"], str, {"deaths.csv": file}.get)
    assert [(row["record"], row["source_line"], row["reasons"]) for row in found] == [
        ("deaths", 4, ["not a day"])
    ]
    assert "row_text" not in found[0]


def test_rows_of_a_file_that_is_not_kept_are_found_by_a_value_that_is_the_id():
    con = quarantine(
        ("deaths", 4, "not a day", "A-1,2020-13-01,other"), ("deaths", 5, "too late", "A-10,x,y")
    )
    found = find_set_aside(con, "trial", ["A-1"], str, {}.get)
    assert [row["source_line"] for row in found] == [4]


def test_whoever_has_the_key_finds_rows_that_were_set_aside_of_a_pseudonym(tmp_path):
    con = quarantine(("deaths", 4, "not a day", "(withheld)"), ("deaths", 3, "too late", "(withheld)"))
    file = kept(tmp_path, "deaths.csv", DEATHS)

    def released_as(delivered):
        return pseudonym(KEY, "trial", delivered)

    found = find_set_aside(con, "trial", [released_as("A-1")], released_as, {"deaths.csv": file}.get)
    assert [row["source_line"] for row in found] == [4]
    assert find_set_aside(con, "trial", [released_as("A-1")], str, {"deaths.csv": file}.get) == []
