"""Building again: an unchanged study is read back, a corrected one replaces its rows, a cutoff is kept."""

import csv
import json
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration import ledger

PACKAGES = Path(__file__).parent / "data" / "expectations"
CUTOFF = "2010-12-31"
# A row stands in another line of a file that was cut.
PROVENANCE = ("study_id", "source_file", "source_line")
# The day of a row, as somebody would tell it who cuts the files by hand.
DAYS = {
    "participants": "index_date",
    "follow_up": "followed_on",
    "disease_events": "event_on",
    "deaths": "died_on",
    "exercise_bouts": "started_at",
    "samples": "collected_at",
    "assay_results": "assayed_on",
    "exercise_sessions": "session_on",
}


@pytest.fixture(scope="module")
def packages(tmp_path_factory) -> dict[str, Path]:
    """A trial with bouts of exercise, the same as somebody cut it by hand, and a cohort of survivors."""
    root = tmp_path_factory.mktemp("packages")
    trial = _that_went_on(PACKAGES / "bout-trial", root / "bout-trial")
    return {
        "trial": trial,
        "by-hand": _cut_by_hand(trial, root / "by-hand"),
        "cohort": Path(shutil.copytree(PACKAGES / "survivor-cohort", root / "survivor-cohort")),
    }


def _that_went_on(package: Path, copy: Path) -> Path:
    """Add to a trial what came after the cutoff and would decide otherwise, could it have been known.

    Two participants are said to have been seen after their deaths of 2010, so that as of its own cutoff the
    trial's deaths would be set aside. Somebody exercises into the new year, and a sample drawn in time is
    assayed too late.
    """
    shutil.copytree(package, copy)
    later = [("B-28", "2011-03-01", "alive_contact", "")]
    later += [("B-19", "2011-05-05", "disease_assessment", "no_evidence_of_disease")]
    _write(copy, "follow_up", _rows(copy, "follow_up"), later)
    bout = ("B01-X2", "B-01", "week_12", "hiit", "2010-12-31 23:30", "2011-01-01 00:15", "")
    _write(copy, "exercise_bouts", _rows(copy, "exercise_bouts"), [bout])
    samples = [
        ("B01-P2", "B-01", "week_12", "B01-X2", "pre", "", "2010-12-31 23:25", "serum", "14.2", "41.7"),
        ("B01-E2", "B-01", "week_12", "B01-X2", "post_0min", "", "2011-01-01 00:17", "serum", "14.8", "43.5"),
    ]
    _write(copy, "samples", _rows(copy, "samples"), samples)
    results = _rows(copy, "assay_results")
    for row in results:
        row["assayed_on"] = "2011-02-01" if row["sample_id"] == "B01-E30" else ""
    results += [
        row | {"sample_id": sample}
        for sample in ("B01-P2", "B01-E2")
        for row in results
        if row["sample_id"] == "B01-P"
    ]
    _write(copy, "assay_results", results)
    return copy


def _cut_by_hand(package: Path, copy: Path) -> Path:
    """Make the package as it was at the cutoff: what is dated later is in none of its files."""
    shutil.copytree(package, copy)
    descriptor = (copy / "study.yaml").read_text("utf-8")
    assert "data_cutoff: 2018-12-31" in descriptor
    descriptor = descriptor.replace("study_id: bout-trial", "study_id: bout-by-hand")
    (copy / "study.yaml").write_text(descriptor.replace("2018-12-31", CUTOFF), "utf-8")
    gone: dict[str, set[str]] = {"participant_id": set(), "bout_id": set(), "sample_id": set()}
    for record, key in (
        ("participants", "participant_id"),
        ("exercise_bouts", "bout_id"),
        ("samples", "sample_id"),
    ):
        gone[key] |= {row[key] for row in _rows(copy, record) if _is_later(row, record, gone)}
        assert gone[key]
    assert {file.stem for file in copy.glob("*.csv")} == set(DAYS)
    for record in DAYS:
        rows = _rows(copy, record)
        stay = [row for row in rows if not _is_later(row, record, gone)]
        assert len(stay) < len(rows)
        _write(copy, record, [_without_later_end(row) for row in stay])
    died = {row["participant_id"] for row in _rows(copy, "deaths")}
    assert {"B-19", "B-28"} <= died
    return copy


def _is_later(row: dict[str, str], record: str, gone: dict[str, set[str]]) -> bool:
    """Whether a row, or what it belongs to, is of a day after the cutoff."""
    return row[DAYS[record]][:10] > CUTOFF or any(row.get(key) in ids for key, ids in gone.items())


def _without_later_end(row: dict[str, str]) -> dict[str, str]:
    return row | {"ended_at": ""} if row.get("ended_at", "")[:10] > CUTOFF else row


def _write(
    package: Path, record: str, rows: list[dict[str, str]], more: Iterable[tuple[str, ...]] = ()
) -> None:
    """Write a file of a package: its rows, and more of them by position."""
    with (package / f"{record}.csv").open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(rows[0])
        writer.writerows(row.values() for row in rows)
        writer.writerows(more)


def _rows(package: Path, record: str) -> list[dict[str, str]]:
    with (package / f"{record}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Home:
    """A warehouse: what its builds printed, and what they released."""

    def __init__(self, path: Path, run: Any) -> None:
        self.path, self._run = path, run

    def build(self, *arguments: str | Path) -> str:
        done = self._run("build", *arguments, "--data-cutoff", CUTOFF, home=self.path)
        assert done.returncode == 0, done.stdout + done.stderr
        return str(done.stdout)

    @property
    def release(self) -> Path:
        return (self.path / "warehouse" / "current").resolve()

    def tables(self) -> dict[str, str]:
        """The content hash of every table of the current release."""
        manifest = json.loads((self.release / "manifest.json").read_text("utf-8"))
        return {name: table["content_hash"] for name, table in manifest["tables"].items()}


@pytest.fixture(scope="module")
def home(cohortmart, packages, tmp_path_factory) -> Iterator[Home]:
    """A warehouse of the three, as of the cutoff."""
    made = Home(tmp_path_factory.mktemp("rebuilding") / "home", cohortmart)
    said = made.build(*(argument for package in packages.values() for argument in ("--study", package)))
    who = f"bout-trial: data cutoff {CUTOFF}; 16 participants enrolled later are left out; "
    assert re.search(re.escape(who) + r"\d+ other rows dated after it are left out\.", said)
    assert "bout-by-hand: data cutoff" not in said
    assert (
        f"32 participants, 2 arms, data cutoff {CUTOFF} (16 participants enrolled later are left out)" in said
    )
    assert "landed before" not in said
    return made


def _differences(release: Path, table: str, studies: tuple[str, str]) -> int:
    """Count the rows of one study that the other does not have, both ways."""
    with duckdb.connect(release / "cohortmart.duckdb", read_only=True) as con:
        columns = [c for c, *_ in con.sql(f"describe {table}").fetchall() if c not in PROVENANCE]
        names = ", ".join(f'"{column}"' for column in columns)
        one, other = (f"select {names} from {table} where study_id = '{study}'" for study in studies)
        count = f"select count(*) from (({one}) except all ({other}))"
        back = f"select count(*) from (({other}) except all ({one}))"
        return int(con.sql(count).fetchall()[0][0]) + int(con.sql(back).fetchall()[0][0])


def test_an_earlier_analysis_is_that_of_a_package_cut_by_hand_on_that_day(home):
    """Every mart of the trial, as of the cutoff, says what it says of the trial that ended there."""
    # What was delivered, and how many rows of it were left out, differs by design.
    tables = [name for name in home.tables() if name != "audit.landing"]
    with duckdb.connect(home.release / "cohortmart.duckdb", read_only=True) as con:
        with_study = [t for t in tables if "study_id" in {c for c, *_ in con.sql(f"describe {t}").fetchall()}]
        seen = con.sql("select count(*) from audit.evidence where study_id = 'bout-trial'").fetchall()
    assert {"survival.time_to_event", "myokine.result", "reference.study", "audit.evidence"} <= set(
        with_study
    )
    assert seen[0][0] > 0
    differing = {
        t: n for t in with_study if (n := _differences(home.release, t, ("bout-trial", "bout-by-hand")))
    }
    assert differing == {}


def test_building_a_release_again_lands_nothing_and_gives_the_same_hashes_and_a_correction_changes_its_study(
    home, packages, tmp_path
):
    before = home.tables()
    said = home.build("--inputs-of", "current")
    # The two that the cutoff concerns are cut again from what was delivered; the third ended by then.
    assert "1 study unchanged, landed before; 2 landed." in said
    assert home.tables() == before

    corrected = Path(shutil.copytree(packages["cohort"], tmp_path / "corrected"))
    deaths = (corrected / "deaths.csv").read_text("utf-8").splitlines(keepends=True)
    (corrected / "deaths.csv").write_text("".join(deaths[:-1]), "utf-8")
    was = home.release
    said = home.build("--inputs-of", "current", "--study", corrected)
    assert "1 study unchanged, landed before; 2 landed." in said
    changed = "(deaths.csv changed): accepted rows of deaths 1 removed."
    assert f"survivor-cohort: corrected since release {was.name} {changed}" in said
    assert _changed_studies(was, home.release) == {"survivor-cohort"}
    entry = next(
        e for e in reversed(ledger.read(home.path / "ledger" / "ledger.jsonl")) if e["kind"] == "landing"
    )
    assert (
        entry["command"] == f"cohortmart build --study corrected --inputs-of current --data-cutoff {CUTOFF}"
    )
    assert (entry["study_id"], entry["release_id"]) == ("survivor-cohort", was.name)
    assert entry["files"] == {"changed": ["deaths.csv"]}
    assert entry["rows"] == {"deaths": {"added": 0, "removed": 1, "changed": 0}}


def _changed_studies(before: Path, after: Path) -> set[str]:
    """The studies of which any row of any table differs between two releases."""
    changed: set[str] = set()
    with duckdb.connect() as con:
        for name, release in (("was", before), ("is_now", after)):
            con.execute(f"attach '{release / 'cohortmart.duckdb'}' as {name} (read_only)")
        tables = con.sql(
            "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'was'"
        )
        for (table,) in tables.fetchall():
            columns = [c for c, *_ in con.sql(f"describe was.{table}").fetchall()]
            was, is_now = f"from was.{table}", f"from is_now.{table}"
            rows = f"({was} except all {is_now}) union all ({is_now} except all {was})"
            study = "study_id" if "study_id" in columns else "'no study'"
            changed |= {s for (s,) in con.sql(f"select distinct {study} from ({rows})").fetchall()}
    return changed


@pytest.mark.parametrize("date", ["31.12.2010", "20101231", "2010-02-30", "yesterday"])
def test_a_data_cutoff_that_is_no_day_is_refused_with_what_is_accepted(cohortmart, tmp_path, date):
    done = cohortmart("build", "--data-cutoff", date, home=tmp_path / "home")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"--data-cutoff: `{date}` is ")
    assert "accepted: year-month-day, such as 2012-12-31" in done.stderr
    assert not (tmp_path / "home" / "ledger").exists()
