"""Whatever a package holds, nothing of it is executed, and nothing outside it is read or written.

A file outside the package holds a word that must not be said; what would run writes a file that must not be.
"""

import io
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from orchestration.landing import check_package, render_check
from orchestration.landing.source_file import open_inside
from schemas.errors import StudyPackageError

CANARY = "canary-8f3a1c"
DESCRIPTOR = """\
study_id: cohort
title: A survivorship cohort
design: survivorship_cohort
index_cancer: colon
time_origin: diagnosis
data_cutoff: 2019-12-31
records:
  participants: participants.csv
  follow_up: follow_up.csv
"""
PARTICIPANTS = "participant_id,index_date,stage\nP1,2010-01-01,II\nP2,2010-02-01,III\n"
FOLLOW_UP = "participant_id,followed_on,kind\nP1,2012-01-01,alive_contact\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A sound package, beside a file that it must not lead to."""
    folder = tmp_path / "inbox" / "package"
    folder.mkdir(parents=True)
    (folder / "study.yaml").write_text(DESCRIPTOR, "utf-8")
    (folder / "participants.csv").write_text(PARTICIPANTS, "utf-8")
    (folder / "follow_up.csv").write_text(FOLLOW_UP, "utf-8")
    (tmp_path / "outside.csv").write_text(f"participant_id,index_date\n{CANARY},2010-01-01\n", "utf-8")
    return folder


@pytest.fixture
def check(package: Path, tmp_path: Path) -> Callable[[], tuple[int, str]]:
    """Checks the package: its status and all that is said; nothing outside was said, nothing was made."""
    outside = {path for path in tmp_path.rglob("*") if not path.is_relative_to(package)}

    def run() -> tuple[int, str]:
        report = check_package(package, threads=1)
        console = Console(width=1000, file=io.StringIO())
        console.print(render_check(report))
        said = console.file.getvalue()
        assert CANARY not in said
        assert not {c for c in said if not c.isprintable()} - {"\n"}
        for file in report.files:
            landing = file.landing
            assert landing.rows_read == landing.rows_accepted + landing.rows_quarantined
        assert {path for path in tmp_path.rglob("*") if not path.is_relative_to(package)} == outside
        return report.exit_status, " ".join(said.split())

    return run


def _name_participants(package: Path, name: str) -> None:
    """Name another file of participants, as YAML writes any text: in double quotes with escapes."""
    written = "".join(
        c if c.isascii() and c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in name
    )
    descriptor = DESCRIPTOR.replace("participants: participants.csv", f'participants: "{written}"')
    (package / "study.yaml").write_text(descriptor, "utf-8")


# Names that lead elsewhere, or are no names.
NAMES = {
    "an absolute path": ("/etc/passwd", "not a path inside the package"),
    "../": ("../../outside.csv", "not a path inside the package"),
    "../ in the middle": ("a/../../../outside.csv", "not a path inside the package"),
    "a home directory": ("~/outside.csv", "is not in the package"),
    "a variable of the shell": ("$HOME/outside.csv", "is not in the package"),
    "a command of the shell": ("x.csv; touch made", "is not in the package"),
    "a pipe of the shell": ("|touch made", "is not in the package"),
    "a URL": ("https://example.org/outside.csv", "is not in the package"),
    "a file URL": ("file:///etc/passwd", "is not in the package"),
    "a backslash": ("..\\..\\outside.csv", "holds a backslash"),
    "a line break in a name": ("participants.csv\n", "control or invisible character"),
    "a NUL in a name": ("participants.csv\0.png", "control or invisible character"),
    "a mark of direction in a name": ("participants\u202evsc.exe", "control or invisible character"),
    "a zero-width character in a name": ("participants\u200b.csv", "control or invisible character"),
    "a very long name": ("x" * 5000, "too long"),
    "a very deep name": ("x/" * 600 + "y", "too long"),
    "a name of nothing": (".", "not a path inside the package"),
    "the descriptor as a record": ("study.yaml", "descriptor itself"),
    "a look-alike of a name": ("p\u0430rticipants.csv", "is not in the package"),
}


@pytest.mark.parametrize("fault_name", NAMES)
def test_a_name_that_leads_elsewhere_is_refused_with_its_line(package, check, fault, fault_name):
    name, words = NAMES[fault_name]
    _name_participants(package, name)
    with fault("hostile", fault_name).trial():
        status, said = check()
        assert status == 2
        assert "study.yaml line 8: records.participants[1]" in said
        assert words in said


def _link_to_file(package: Path) -> None:
    (package / "participants.csv").symlink_to("../../outside.csv")


def _link_of_links(package: Path) -> None:
    (package / "a").symlink_to("participants.csv")
    (package / "participants.csv").symlink_to("a")


def _socket(package: Path) -> None:
    # The path of a socket is limited to 107 bytes; a relative one is short.
    before = Path.cwd()
    os.chdir(package)
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("participants.csv")
    finally:
        os.chdir(before)


THINGS = {
    "a link out of the package": (_link_to_file, "is a link"),
    "a link to a device that never ends": (
        lambda package: (package / "participants.csv").symlink_to("/dev/zero"), "is a link"),
    "a link to a secret of the process": (
        lambda package: (package / "participants.csv").symlink_to("/proc/self/environ"), "is a link"),
    "links in a circle": (_link_of_links, "is a link"),
    "a dangling link": (lambda package: (package / "participants.csv").symlink_to("nothing"), "is a link"),
    "a pipe nobody writes to": (lambda package: os.mkfifo(package / "participants.csv"), "is a pipe"),
    "a socket": (_socket, "is a socket"),
    "a folder named x.csv": (lambda package: (package / "participants.csv").mkdir(), "is a folder"),
    "a device": (
        lambda package: os.mknod(package / "participants.csv", 0o20666, os.makedev(1, 5)), "is a device"),
}  # fmt: skip


@pytest.mark.parametrize("name", THINGS)
def test_what_is_no_regular_file_is_refused_before_it_is_opened(package, check, fault, name):
    make, words = THINGS[name]
    (package / "participants.csv").unlink()
    try:
        make(package)
    except PermissionError:
        pytest.skip("this user may not make a device")
    with fault("hostile", name).trial():
        status, said = check()
        assert status == 2
        assert f"participants.csv {words}" in said


def test_a_link_at_any_part_of_a_path_is_refused(package, check, fault, tmp_path):
    (package / "data").mkdir()
    (package / "data" / "deeper").symlink_to(tmp_path)
    _name_participants(package, "data/deeper/outside.csv")
    with fault("hostile", "a link at a part of a path").trial():
        status, said = check()
        assert status == 2
        assert "`deeper` is a link" in said


def test_a_descriptor_that_is_a_link_is_refused(package, check, fault, tmp_path):
    (tmp_path / "outside.csv").write_text(DESCRIPTOR.replace("A surv", f"{CANARY} A surv"), "utf-8")
    (package / "study.yaml").unlink()
    (package / "study.yaml").symlink_to(tmp_path / "outside.csv")
    with fault("hostile", "a descriptor that is a link").trial():
        status, said = check()
        assert status == 2
        assert "study.yaml is a link" in said


def test_a_package_may_be_reached_by_a_link_and_hold_hard_links(package, tmp_path, fault):
    link = tmp_path / "link"
    link.symlink_to(package)
    os.link(package / "participants.csv", package / "same.csv")
    _name_participants(package, "same.csv")
    with fault("hostile", "a package behind a link").trial():
        report = check_package(link, threads=1)
        assert (report.exit_status, report.problems) == (0, ())


def test_a_file_that_becomes_a_link_after_it_was_looked_at_is_not_followed(package, fault, monkeypatch):
    """Whoever writes into the inbox meanwhile wins the race, and finds the door shut."""
    looked = os.stat

    def swap(*arguments, **options):
        status = looked(*arguments, **options)
        path = package / "participants.csv"
        if arguments[0] == "participants.csv" and not path.is_symlink():
            path.unlink()
            path.symlink_to("../../outside.csv")
        return status

    monkeypatch.setattr(os, "stat", swap)
    with fault("hostile", "a file swapped for a link").trial():
        with pytest.raises(StudyPackageError) as error:
            open_inside(package, "participants.csv")
        assert error.value.problems[0].startswith("participants.csv cannot be read")


@pytest.mark.parametrize(
    "name", ["[a]*.csv", "?.csv", "a'b\";.csv", "naïve – ½.csv", "{{ 7*7 }}.csv", "[red].csv"]
)
def test_a_file_may_be_called_anything_that_can_be_read(package, check, fault, name):
    """A pattern is a name: what else it would match is not read."""
    (package / "participants.csv").rename(package / name)
    (package / "ab.csv").write_text(f"participant_id,index_date\n{CANARY},x\n", "utf-8")
    _name_participants(package, name)
    with fault("hostile", f"a file called {name}").trial():
        status, said = check()
        assert status == 0
        assert name in said


def test_names_that_some_systems_take_for_one_file_are_refused(package, check, fault):
    for name in ("\u00e9.csv", "e\u0301.csv"):
        (package / name).write_text(PARTICIPANTS, "utf-8")
    tried = fault("hostile", "two names that are one")
    for first, second in (("\\u00e9.csv", "e\\u0301.csv"), ("a.csv", "A.csv"), ("a.csv", "./a.csv")):
        for name in ("a.csv", "A.csv"):
            (package / name).write_text(PARTICIPANTS, "utf-8")
        (package / "study.yaml").write_text(
            DESCRIPTOR.replace("participants: participants.csv", f'participants: ["{first}", "{second}"]'),
            "utf-8",
        )
        with tried.trial(second):
            status, said = check()
            assert status == 2
            assert "but for case or the form of its characters" in said or "more than once" in said


# What a descriptor asks for: lines to add or put in place of others, and what is said.
YAML = {
    "a YAML tag that calls a function": (
        "title: !!python/object/apply:os.system ['touch made']", "tag:yaml.org,2002:python/object/apply"),
    "a YAML tag that makes an object": ("title: !!python/name:os.system x", "the tag"),
    "a YAML tag of its own": ("title: !secret x", "the tag `!secret`"),
    "a billion laughs": (
        "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)),
        "more than 100,000 values"),
    "an anchor in itself": ("stratification: &a [*a]", "refers to itself"),
    "two documents": ("title: A\n---\ntitle: B", "is not YAML"),
    "a key twice": ("title: A\ntitle: B", "already given on line 2"),
    "a million brackets": ("title: " + "[" * 500_000, "nested too deeply"),
    "a list of fifty thousand": (
        f"stratification: [{', '.join(['x'] * 50_000)}]", "50,000 items in one list"),
    "a title of 900 kB": (f"title: {'x' * 900_000}", "title is `xxx"),
    "a descriptor of 2 MB": (f"# {'x' * 2_000_000}\ntitle: A", "is larger than 1,048,576 bytes"),
    "a merge key": ("<<: {title: A}", "`<<` is no known key"),
    "a descriptor with a NUL": ("title: a\0b", "is not YAML"),
    "an escape sequence in a title": ('title: "\\e[31mred"', "invisible character"),
    "a mark of direction in a title": ('title: "a\\u202eb"', "invisible character"),
    "a formula as a title": ("title: =HYPERLINK(1)", "is a formula"),
    "a line break in a visit": ('visits: ["a\\nb"]', "a line break"),
    "SQL as a study_id": ("study_id: \"x'; drop table raw.deaths; --\"", "study_id is `x'; drop"),
    "../ as a study_id": ("study_id: ../../outside", "study_id is `../../outside`"),
    "a look-alike as a study_id": ("study_id: tri\u0430l", "study_id is `tri"),
    "jinja as an arm": ("arms: [{arm_id: '{{ 7*7 }}', label: A, role: control}]", "arm_id is `{{ 7*7 }}`"),
    "../ as a timepoint": ("timepoints: [{timepoint: ../x, role: baseline}]", "timepoint is `../x`"),
}  # fmt: skip


@pytest.mark.parametrize("name", YAML)
def test_a_descriptor_that_asks_for_more_than_values_is_refused(package, check, fault, name):
    text, words = YAML[name]
    key = text.split(":")[0]
    kept = [line for line in DESCRIPTOR.splitlines() if not line.startswith(f"{key}:")]
    at = 1 if len(kept) < len(DESCRIPTOR.splitlines()) else 6
    (package / "study.yaml").write_text("\n".join([*kept[:at], text, *kept[at:]]) + "\n", "utf-8")
    with fault("hostile", name).trial():
        status, said = check()
        assert status == 2
        assert words in said, said[:500]
        assert "study.yaml" in said
        assert len(said) < 20_000
        assert not list(package.glob("made*"))


COLUMNS = {
    "a Cyrillic letter in a column of the contract": (
        "p\u0430rticipant_id,index_date", "which looks like a Latin letter"),
    "a Cyrillic letter in an optional column": (
        "participant_id,index_date,\u0430ge_years", "cyrillic small letter a"),
    "a column wholly of look-alikes": ("participant_id,index_date,\u0455\u0435\u0445", "cyrillic"),
    "full-width letters": ("participant_id,index_date,\uff53\uff45\uff58", "`sex`"),
    "a zero-width character in a column": ("participant_id,index_date,st\u200bage", "invisible"),
    "a mark of direction in a column": ("participant_id,index_date,st\u202eage", "invisible"),
    "columns that differ in case": ("participant_id,index_date,stage,Stage", "but for case"),
    "columns that differ in form": ("participant_id,index_date,\u00e9,e\u0301", "but for case or the form"),
    "a formula as a column": ("participant_id,index_date,=cmd|' /C calc'!A0", "is a formula"),
    "a name of 10,000 characters": (
        "participant_id,index_date," + "x" * 10_000, "has a name of 10,000 bytes"),
    "10,000 columns": (
        ",".join(["participant_id", "index_date", *(f"c{n}" for n in range(9998))]), "10,000 columns"),
    "10,000 unknown columns": (",".join(f"c{n}" for n in range(10_000)), "10,000 columns"),
}  # fmt: skip


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_that_is_taken_for_another_is_refused(package, check, fault, name):
    header, words = COLUMNS[name]
    (package / "participants.csv").write_text(f"{header}\n", "utf-8")
    with fault("hostile", name).trial():
        status, said = check()
        assert status == 2
        assert words in said, said[:500]


def test_columns_in_letters_of_their_own_are_covariates(package, check, fault):
    names = "il6_\u03bcg,\u03b2_blocker,\u0432\u043e\u0437\u0440\u0430\u0441\u0442,\u5e74\u9f62"
    header = f"participant_id,index_date,{names}"
    (package / "participants.csv").write_text(f"{header}\nP1,2010-01-01,1,2,3,4\n", "utf-8")
    with fault("hostile", "columns in other scripts").trial():
        assert check()[0] == 0


@pytest.mark.parametrize(
    "name",
    [
        "x'); drop table raw.participants; --",
        'a"b',
        "a;b",
        "{{ 7*7 }}",
        "$$",
        "%s",
        "<script>",
        "[red]a[/red]",
    ],
)
def test_sql_and_markup_in_a_column_are_its_name(package, check, fault, name):
    quoted = name.replace('"', '""')
    (package / "participants.csv").write_text(
        f'participant_id,index_date,"{quoted}"\nP1,2010-01-01,"{quoted}"\nP2,2010-13-01,x\n', "utf-8"
    )
    with fault("hostile", f"a column called {name}").trial():
        status, said = check()
        assert status == 1
        assert "participants.csv participants 2 1 1" in said


CELLS = {
    "=cmd|' /C calc'!A0": True, "=1": True, "@SUM(A1)": True, "+1(2)": True, "-2|x": True, "+SUM(A1)!x": True,
    "+": False, "-": False, "+ve": False, "-5": False, "=": False, "@": False, "a=b": False, "-ve": False,
    "x'; drop table raw.participants; --": False, "{{ 7*7 }}": False, "[red]x": False, "<b>x</b>": False,
    "\x1b[31mx": True, "a\u202eb": True, "x" * 4001: True, "x" * 4000: False, "a\tb": True, "\rx": True,
}  # fmt: skip


def test_cells_that_a_spreadsheet_would_execute_are_set_aside_and_others_are_not(package, check, fault):
    rows = "".join(f'P{n},2010-01-01,"{cell}"\n' for n, cell in enumerate(CELLS))
    (package / "participants.csv").write_text(f"participant_id,index_date,stage\n{rows}", "utf-8", newline="")
    (package / "study.yaml").write_text(DESCRIPTOR + "quarantine_tolerance: 1\n", "utf-8")
    tried = fault("hostile", "formulas, controls and SQL in cells")
    with pytest.MonkeyPatch.context() as every_row:
        every_row.setattr("orchestration.landing.tolerance._EXAMPLES", 1000)
        report = check_package(package, threads=1)
    lines = {e.line for file in report.files for reason in file.reasons for e in reason.examples}
    for line, (cell, is_hostile) in enumerate(CELLS.items(), start=2):
        with tried.trial(ascii(cell)[:40]):
            assert (line in lines) == is_hostile
    with tried.trial("the terminal"):
        status, said = check()
        assert status == 1
        assert "like a formula, which a spreadsheet would execute" in said
