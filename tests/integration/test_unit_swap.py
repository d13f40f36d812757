"""Numbers in pg/mL that a file says to be in ng/mL, or the reverse, stop the build before they are averaged.

One build holds the made-up trial of blood around a bout of exercise and at rest under several names, each
with another of its units exchanged in the file of results.
"""

import csv
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from orchestration.validation import read_suite

PACKAGE = Path(__file__).with_name("data") / "expectations" / "bout-trial"
Well = dict[str, str]

PLATE_NEAR_USUAL = ("myokine.result", "baselines-of-a-plate-near-the-usual-range")
NEAR_OTHERS = ("myokine.result", "baselines-near-the-others-of-the-study")
NEAR_BASELINE = ("myokine.result", "responses-near-the-baseline-of-the-bout")
PLATES_APART = ("myokine.plate_quality", "plates-within-sight-of-each-other")
ONE_UNIT = ("myokine.plate_quality", "one-unit-on-a-plate")


@dataclass(frozen=True)
class Swap:
    """What is wrong with a package: the wells in question, and the unit and plate that they are given."""

    is_wrong: Callable[[Well], bool]
    unit: str
    plate_id: str | None = None


SWAPS = {
    "il6-plate": Swap(lambda well: (well["analyte_id"], well["plate_id"]) == ("IL-6", "P2"), "ng/mL"),
    "sparc-plate": Swap(lambda well: (well["analyte_id"], well["plate_id"]) == ("SPARC", "P1"), "pg/mL"),
    "molar-plate": Swap(lambda well: (well["analyte_id"], well["plate_id"]) == ("SPARC", "P1"), "nmol/L"),
    "sample": Swap(lambda well: (well["analyte_id"], well["sample_id"]) == ("IL-6", "B01-E0"), "ng/mL"),
    "sample-without-plate": Swap(
        lambda well: (well["analyte_id"], well["sample_id"]) == ("SPARC", "B03-E0"), "pg/mL", plate_id=""
    ),
    "resting-sample-without-plate": Swap(
        lambda well: (well["analyte_id"], well["sample_id"]) == ("SPARC", "B40-R0"), "ng/mL", plate_id=""
    ),
    "replicate": Swap(
        lambda well: (well["analyte_id"], well["sample_id"], well["replicate"]) == ("IL-6", "B01-E0", "2"),
        "ng/mL",
        plate_id="",
    ),
}

pytestmark = pytest.mark.xdist_group("unit-swap")


def _write(folder: Path, name: str, swap: Swap) -> Path:
    package = Path(shutil.copytree(PACKAGE, folder / name))
    descriptor = package / "study.yaml"
    text = descriptor.read_text("utf-8").replace("study_id: bout-trial", f"study_id: {name}")
    descriptor.write_text(text, "utf-8")
    path = package / "assay_results.csv"
    with path.open(newline="", encoding="utf-8") as file:
        wells = list(csv.DictReader(file))
    wrong = [well for well in wells if swap.is_wrong(well)]
    assert 0 < len(wrong) < len(wells)
    for well in wrong:
        well["unit"] = swap.unit
        if swap.plate_id is not None:
            well["plate_id"] = swap.plate_id
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(wells[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(wells)
    return package


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("unit-swap") / "home"


@pytest.fixture(scope="module")
def build(cohortmart, home, tmp_path_factory) -> subprocess.CompletedProcess[str]:
    """The build of the original package and of all that have a unit exchanged."""
    folder = tmp_path_factory.mktemp("packages")
    packages = [PACKAGE, *(_write(folder, name, swap) for name, swap in SWAPS.items())]
    return cohortmart("build", *(a for package in packages for a in ("--study", package)), home=home)


@pytest.fixture(scope="module")
def warehouse_of_the_build(build, home):
    with duckdb.connect(home / "build" / "build.duckdb", read_only=True) as con:
        yield con


def _expectation(table: str, name: str) -> dict:
    (found,) = (e for e in read_suite(table)["expectations"] if e["meta"]["id"] == name)
    return found


@pytest.fixture
def studies_against(warehouse_of_the_build):
    """Names the studies whose rows break an expectation."""

    def ask(expectation: tuple[str, str]) -> set[str]:
        table, name = expectation
        query = _expectation(table, name)["kwargs"]["unexpected_rows_query"].format(batch=table)
        rows = warehouse_of_the_build.sql(f"select distinct study_id from ({query})").fetchall()
        return {study for (study,) in rows}

    return ask


def test_the_build_is_refused_and_says_what_was_found(build, home):
    output = " ".join((build.stdout + build.stderr).split())
    assert build.returncode == 1, output
    assert "No release was made" in output
    assert not (home / "warehouse" / "current").exists()
    for table, name in (PLATE_NEAR_USUAL, NEAR_OTHERS, NEAR_BASELINE, ONE_UNIT, PLATES_APART):
        assert _expectation(table, name)["meta"]["says"] in output
    assert re.search(r"such as study_id [a-z0-9-]+, plate_id P[12], analyte_id (IL6|SPARC)", output)


def test_a_plate_whose_baselines_are_a_thousand_times_the_usual_is_found(studies_against):
    """IL-6 of one plate in pg/mL, said to be ng/mL: nobody at rest has micrograms of it in a litre."""
    assert studies_against(PLATE_NEAR_USUAL) == {"il6-plate"}


def test_a_plate_apart_from_the_others_is_found_where_no_usual_range_is_known(studies_against):
    """SPARC of one plate in ng/mL, said to be pg/mL, and a single sample at rest the other way round."""
    assert studies_against(NEAR_OTHERS) == {"il6-plate", "sparc-plate", "resting-sample-without-plate"}


def test_a_plate_that_differs_in_the_samples_it_shares_with_others_is_found(studies_against):
    """SPARC in ng/mL, said to be nmol/L, is 33 times too much: too little to see but in bridging samples."""
    assert studies_against(PLATES_APART) == {"il6-plate", "sparc-plate", "molar-plate"}


def test_a_response_that_only_a_wrong_unit_explains_is_found_without_plates_too(studies_against):
    assert studies_against(NEAR_BASELINE) == {"sample", "sample-without-plate"}


def test_a_sample_in_another_unit_than_its_plate_is_found(studies_against):
    assert studies_against(ONE_UNIT) == {"sample"}


def test_a_replicate_in_another_unit_is_not_averaged_and_not_reportable(warehouse_of_the_build):
    """Of two wells one is a thousand times the other: their mean is nobody's concentration."""
    results = warehouse_of_the_build.sql(
        "select value_as_reported, imputed_value, is_reportable, reason from myokine.result"
        " where study_id = 'replicate' and sample_id = 'B01-E0' and analyte_id = 'IL6'"
    ).fetchall()
    assert results == [
        (None, None, False, "replicates are more than 10-fold apart and are not averaged"),
    ]
