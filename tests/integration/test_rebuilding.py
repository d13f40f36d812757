"""Building again: an unchanged study is read back, a corrected one replaces its rows, a cutoff is kept."""

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration import ledger

PACKAGES = Path(__file__).parent / "data" / "expectations"
CUTOFF = "2010-12-31"
# What a row stands in is another line of another file; what was delivered and left out differs by design.
PROVENANCE = ("study_id", "source_file", "source_line")


@pytest.fixture(scope="module")
def packages(tmp_path_factory) -> dict[str, Path]:
    """A trial with bouts of exercise, the same as somebody cut it by hand, and a cohort of survivors."""
    root = tmp_path_factory.mktemp("packages")
    trial = Path(shutil.copytree(PACKAGES / "bout-trial", root / "bout-trial"))
    return {
        "trial": trial,
        "by-hand": _cut_by_hand(trial, root / "by-hand"),
        "cohort": Path(shutil.copytree(PACKAGES / "survivor-cohort", root / "survivor-cohort")),
    }


def _cut_by_hand(package: Path, copy: Path) -> Path:
    """Make the package as it was at the cutoff: who was randomised later is in none of its files."""
    shutil.copytree(package, copy)
    descriptor = (copy / "study.yaml").read_text("utf-8")
    assert "data_cutoff: 2018-12-31" in descriptor
    descriptor = descriptor.replace("study_id: bout-trial", "study_id: bout-by-hand")
    (copy / "study.yaml").write_text(descriptor.replace("2018-12-31", CUTOFF), "utf-8")
    later = {row["participant_id"] for row in _rows(copy, "participants") if row["index_date"] > CUTOFF}
    samples = {row["sample_id"] for row in _rows(copy, "samples") if row["participant_id"] in later}
    assert later
    assert samples
    for file in copy.glob("*.csv"):
        rows = _rows(copy, file.stem)
        with file.open("w", newline="", encoding="utf-8") as out:
            writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(
                row
                for row in rows
                if row.get("participant_id") not in later and row.get("sample_id") not in samples
            )
    return copy


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
    assert f"bout-trial: data cutoff {CUTOFF}; 16 participants enrolled later are left out." in said
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
    tables = [name for name in home.tables() if not name.startswith("audit.")]
    with duckdb.connect(home.release / "cohortmart.duckdb", read_only=True) as con:
        with_study = [t for t in tables if "study_id" in {c for c, *_ in con.sql(f"describe {t}").fetchall()}]
    assert {"survival.time_to_event", "myokine.result", "reference.study"} <= set(with_study)
    differing = {
        t: n for t in with_study if (n := _differences(home.release, t, ("bout-trial", "bout-by-hand")))
    }
    # What was delivered, and what of it was left out, differs by design.
    assert set(differing) <= {"study.flow"}


def test_building_a_release_again_lands_nothing_and_gives_the_same_hashes_and_a_correction_changes_its_study(
    home, packages, tmp_path
):
    before = home.tables()
    said = home.build("--inputs-of", "current")
    assert "3 studies unchanged, landed before; 0 landed." in said
    assert home.tables() == before

    corrected = Path(shutil.copytree(packages["cohort"], tmp_path / "corrected"))
    deaths = (corrected / "deaths.csv").read_text("utf-8").splitlines(keepends=True)
    (corrected / "deaths.csv").write_text("".join(deaths[:-1]), "utf-8")
    was = home.release
    said = home.build("--inputs-of", "current", "--study", corrected)
    assert "2 studies unchanged, landed before; 1 landed." in said
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
    assert not (tmp_path / "home").exists()
