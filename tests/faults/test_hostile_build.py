"""Packages that are formally right and odd through and through go to a release as what they are.

One whole build holds them all, beside a sound trial whose numbers they must not touch.
"""

import csv
import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from orchestration.settings import Settings
from seeds.studies import SHIPPED

# Everything that could be taken for SQL, a template, a page, a style of the terminal or a pattern.
ODD = (
    """O'Brien"; drop table raw.deaths; -- {{ 7*7 }} {% raw %} ${HOME} %s"""
    " <script>alert(1)</script> [red]x[/]"
)
MARTS = ("survival.time_to_event", "survival.curve", "survival.treatment_effect", "recurrence.effect")
LEVELS = ("a'b\"; --", "<b>{{ 7*7 }}</b>")
COLUMN = "x'); drop table raw.participants; --"
EDGES = {
    "one-participant": ("survivorship_cohort", "", ["P1,2010-01-01"], ["P1,2012-01-01,alive_contact"], []),
    "all-censored": (
        "randomised_trial",
        "arms: [{arm_id: A, label: A, role: experimental}, {arm_id: B, label: B, role: control}]\n",
        [f"P{n},2010-01-01,{'AB'[n % 2]}" for n in range(20)],
        [f"P{n},{2011 + n % 5}-01-01,disease_assessment" for n in range(20)],
        [],
    ),
    "event-on-day-0": (
        "randomised_trial",
        "arms: [{arm_id: A, label: A, role: experimental}, {arm_id: B, label: B, role: control}]\n",
        [f"P{n},2010-01-01,{'AB'[n % 2]}" for n in range(20)],
        [f"P{n},{2011 + n % 5}-01-01,disease_assessment" for n in range(8, 20)],
        [f"P{n},2010-01-01,other" for n in range(8)],
    ),
}


def _package(folder: Path, design: str, more: str, tables: dict[str, list[list[str]]]) -> Path:
    folder.mkdir(parents=True)
    descriptor = (
        f"study_id: {folder.name}\ntitle: {json.dumps(folder.name)}\ndesign: {design}\n"
        "index_cancer: colon\n"
        f"time_origin: randomisation\ndata_cutoff: 2019-12-31\n{more}"
    )
    names = "".join(f"  {record}: {json.dumps(f'{record}.csv')}\n" for record in tables)
    (folder / "study.yaml").write_text(f"{descriptor}records:\n{names}", "utf-8")
    for record, rows in tables.items():
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        (folder / f"{record}.csv").write_text(text.getvalue(), "utf-8")
    return folder


def _edge(folder: Path) -> Path:
    design, arms, participants, contacts, deaths = EDGES[folder.name]
    header = ["participant_id", "index_date", *(["arm_id"] if arms else [])]
    tables = {
        "participants": [header, *(row.split(",") for row in participants)],
        "follow_up": [["participant_id", "followed_on", "kind"], *(row.split(",") for row in contacts)],
        "deaths": [["participant_id", "died_on", "cause"], *(row.split(",") for row in deaths)],
    }
    return _package(folder, design, arms, tables)


def _odd(folder: Path) -> Path:
    """A trial whose words, columns, levels, ids and files are all of the kind that breaks programs."""
    text = json.dumps(ODD)
    more = (
        f"arms: [{{arm_id: A, label: {text}, role: experimental}},"
        " {arm_id: B, label: '[/]', role: control}]\n"
        f"source: {{citation: {text}, licence: {text}}}\n"
        f"stratification: [{json.dumps(COLUMN)}]\nsubgroups: [{json.dumps(COLUMN)}]\n"
    )
    participants = [
        [f"P'{n}; --", "2010-01-01", "AB"[n % 2], LEVELS[n // 2 % 2], f"[red]{n}<i>"] for n in range(40)
    ]
    tables = {
        "participants": [["participant_id", "index_date", "arm_id", COLUMN, "[bold]{{ x }}"], *participants],
        "follow_up": [
            ["participant_id", "followed_on", "kind"],
            *([f"P'{n}; --", f"{2012 + n % 5}-01-01", "disease_assessment"] for n in range(40)),
        ],
        "deaths": [
            ["participant_id", "died_on", "cause"],
            *([f"P'{n}; --", f"{2012 + n % 5}-06-{1 + n % 25:02}", "index_cancer"] for n in range(0, 40, 3)),
        ],
    }
    package = _package(folder, "randomised_trial", more, tables)
    (package / "deaths.csv").rename(package / "[d]*; ' $(touch made).csv")
    descriptor = package / "study.yaml"
    text = descriptor.read_text("utf-8").replace('"deaths.csv"', json.dumps("[d]*; ' $(touch made).csv"))
    descriptor.write_text(text.replace('title: "odd"', f"title: {json.dumps(ODD)}"), "utf-8")
    return package


@pytest.fixture(scope="module")
def odd_home(
    tmp_path_factory: pytest.TempPathFactory, cohortmart: Callable[..., subprocess.CompletedProcess[str]]
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The warehouse of the odd trial, the three edges and the Moertel trial, and what its build printed."""
    root = tmp_path_factory.mktemp("odd")
    packages = [_odd(root / "odd"), *(_edge(root / name) for name in EDGES)]
    packages.append(SHIPPED["moertel-colon"](root / "moertel-colon"))
    home = root / "home"
    done = cohortmart("build", *(a for p in packages for a in ("--study", p)), home=home, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return home, done


@pytest.fixture
def con(odd_home):
    """The current release of the odd warehouse."""
    path = Settings(home=odd_home[0]).current / "cohortmart.duckdb"
    with duckdb.connect(path.resolve(), read_only=True) as con:
        yield con


@pytest.mark.parametrize("study", EDGES)
def test_studies_at_the_edge_of_what_can_be_estimated_are_released(con, fault, study):
    """Nobody else, nobody with an event, an event on the first day."""
    with fault("input", study.replace("-", " ")).trial():
        n = len(EDGES[study][2])
        rows = con.execute(
            "select count(distinct participant_id), min(time_days), bool_or(is_event)"
            " from survival.time_to_event"
            " where study_id = ? and endpoint_id = 'OS' and policy_id = 'primary'",
            [study],
        ).fetchall()
        assert rows == [(n, 0 if study == "event-on-day-0" else rows[0][1], study == "event-on-day-0")]
        bad = con.execute(
            "select count(*) from survival.curve where study_id = ? and not isfinite(survival)", [study]
        ).fetchall()
        assert bad == [(0,)]


def test_words_that_could_be_taken_for_a_program_come_out_as_they_went_in(odd_home, con, cohortmart, fault):
    home, done = odd_home
    tried = fault("hostile", "SQL, templates, pages and styles in titles, labels, levels and names")
    said = " ".join((done.stdout + done.stderr).split())
    page = (Settings(home=home).current / "report.html").read_text("utf-8")
    with tried.trial("the terminal"):
        assert " ".join(ODD.split()) in said
        assert "Traceback" not in said
    with tried.trial("the report"):
        assert "<script" not in page.lower()
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert "{{ 7*7 }}" in page
    with tried.trial("the database"):
        assert con.sql(
            "select distinct level from survival.treatment_effect where study_id = 'odd'"
            " and model = 'subgroup' order by all"
        ).fetchall() == [(x,) for x in sorted(LEVELS)]
        assert con.sql("select title from reference.study where study_id = 'odd'").fetchall() == [(ODD,)]
        ((n,),) = con.sql(
            "select count(distinct participant_id) from survival.time_to_event"
            " where study_id = 'odd' and participant_id like 'P''%; --'"
        ).fetchall()
        assert n == 40
    with tried.trial("Parquet"):
        parquet = Settings(home=home).current.resolve() / "parquet" / "survival" / "treatment_effect.parquet"
        levels = duckdb.execute(
            "select distinct level from read_parquet(?)"
            " where study_id = 'odd' and model = 'subgroup' order by 1",
            [str(parquet)],
        ).fetchall()
        assert levels == [(x,) for x in sorted(LEVELS)]
    for output_format in ("json", "csv", "table"):
        with tried.trial(f"sql as {output_format}"):
            query = "select title from reference.study where study_id = 'odd'"
            answer = cohortmart("sql", query, "-f", output_format, home=home)
            written = {
                "json": json.dumps(ODD, ensure_ascii=False),
                "csv": ODD.replace('"', '""'),
                "table": ODD,
            }
            assert answer.returncode == 0
            assert written[output_format] in answer.stdout.replace("\\/", "/")
    with tried.trial("nothing was executed"):
        assert not list(home.parent.rglob("made*"))
        assert not Path("made").exists()


def test_a_sound_trial_has_the_same_numbers_beside_them(con, warehouse, fault):
    path = Settings(home=warehouse).current / "cohortmart.duckdb"
    with duckdb.connect(path.resolve(), read_only=True) as alone:
        for table in (
            "survival.time_to_event",
            "survival.curve",
            "survival.treatment_effect",
            "recurrence.effect",
        ):
            query = f"select * from {table} where study_id = 'moertel-colon' order by all"
            with fault("hostile", f"{table} of a sound trial beside odd ones").trial():
                assert con.sql(query).fetchall() == alone.sql(query).fetchall()
