"""The runners of the 50 km race as a study package: the published files, and the figures in them."""

from pathlib import Path

import polars as pl
import pytest

from seeds.studies.landers_ramos_50km import write_package

ORIGINAL = Path(__file__).parents[3] / "shared" / "data" / "studies" / "landers-ramos-50km"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_package(tmp_path_factory.mktemp("landers-ramos-50km"))


@pytest.fixture(scope="module")
def interleukin_6(package: Path) -> pl.DataFrame:
    """Mean of the duplicates by runner, one column per timepoint, as extrapolated below the limit."""
    samples = pl.read_csv(package / "samples.csv")
    wells = pl.read_csv(package / "assay_results.csv", schema_overrides={"result_text": pl.String})
    means = (
        wells.filter(analyte_id="IL6")
        .group_by("sample_id")
        .agg(pl.col("result_text").cast(pl.Float64, strict=False).mean().alias("value"))
    )
    return samples.join(means, on="sample_id").pivot(on="timepoint", index="participant_id", values="value")


@pytest.mark.skipif(not ORIGINAL.is_dir(), reason="the original package is not beside the repository")
def test_the_files_are_those_of_the_original_byte_for_byte(package):
    original = {file.name: file.read_bytes() for file in ORIGINAL.iterdir()}
    assert {file.name: file.read_bytes() for file in package.iterdir()} == original


def test_every_row_meets_the_input_contract(package, accepted_and_quarantined):
    assert accepted_and_quarantined(package) == {
        "participants": (11, 0),
        "exercise_bouts": (11, 0),
        "samples": (36, 0),
        "assay_results": (288, 0),
    }


def test_the_rise_after_ten_kilometres_was_published_as_a_change_of_unpaired_means(interleukin_6):
    """302 % (doi:10.1371/journal.pone.0273510): all 11 before, the 8 who gave blood at ten kilometres."""
    before, after = (interleukin_6[time].drop_nulls() for time in ("pre", "lap_10km"))
    assert (len(before), len(after)) == (11, 8)
    assert 100 * (after.mean() / before.mean() - 1) == pytest.approx(302, abs=1)


def test_the_rise_at_the_finish_was_published_as_a_change_of_paired_means(interleukin_6):
    """2598 % (doi:10.1371/journal.pone.0273510): the runners who gave blood both times."""
    pairs = interleukin_6.drop_nulls(["pre", "finish"])
    assert pairs.height == 7
    assert 100 * (pairs["finish"].mean() / pairs["pre"].mean() - 1) == pytest.approx(2598, abs=1)


def test_nearly_every_result_of_interleukin_1_beta_is_below_its_limit(package):
    wells = pl.read_csv(package / "assay_results.csv", schema_overrides={"result_text": pl.String})
    number = pl.col("result_text").cast(pl.Float64, strict=False)
    below = wells.filter(analyte_id="IL1B").select(
        (number.is_null() | (number < pl.col("lower_limit"))).mean()
    )
    assert below.item() > 0.9
