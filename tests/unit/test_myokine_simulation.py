"""The simulated trial of myokines as a study package: its shape, its plates, and what it is to show."""

import hashlib
import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from seeds.studies.myokine_sim import write_package
from seeds.studies.myokine_sim.assumptions import load_assumptions
from seeds.studies.myokine_sim.package import SHIPPED_SEED, simulated_records

RECORDS = ("participants", "exercise_bouts", "exercise_sessions", "samples", "assay_results")
ARMS = ("RESISTANCE", "HIIT")
LATE_SAMPLE = "MS-17-5"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_package(tmp_path_factory.mktemp("myokine-sim"))


@pytest.fixture(scope="module")
def records(package: Path) -> dict[str, pl.DataFrame]:
    text = {"result_text": pl.String}
    return {
        name: pl.read_csv(package / f"{name}.csv", try_parse_dates=True, schema_overrides=text)
        for name in RECORDS
    }


@pytest.fixture(scope="module")
def samples(records: dict[str, pl.DataFrame]) -> pl.DataFrame:
    arms = records["participants"].select("participant_id", "arm_id")
    return records["samples"].join(arms, on="participant_id")


@pytest.fixture(scope="module")
def wells(records: dict[str, pl.DataFrame], samples: pl.DataFrame) -> pl.DataFrame:
    """Every well with its number, where it has one, and the sample it is of."""
    number = pl.col("result_text").cast(pl.Float64, strict=False)
    return records["assay_results"].with_columns(number=number).join(samples, on="sample_id")


@pytest.fixture(scope="module")
def values(wells: pl.DataFrame) -> pl.DataFrame:
    """Mean of the wells that have a number, by sample and analyte; without the sample drawn too soon."""
    keys = ("participant_id", "arm_id", "visit", "timepoint", "analyte_id")
    return (
        wells.filter(pl.col("sample_id") != LATE_SAMPLE)
        .group_by(keys)
        .agg(pl.col("number").mean())
        .drop_nulls()
    )


def _log_ratios(values: pl.DataFrame, analyte: str, compared: str, arm: str) -> np.ndarray:
    before, after = {
        "post_0min": (("baseline", "pre"), ("baseline", "post_0min")),
        "post_30min": (("baseline", "pre"), ("baseline", "post_30min")),
        "week_12": (("baseline", "rest"), ("week_12", "rest")),
    }[compared]
    of_arm = values.filter(analyte_id=analyte, arm_id=arm)
    first, second = (of_arm.filter(visit=visit, timepoint=time) for visit, time in (before, after))
    pairs = first.join(second, on="participant_id")
    return np.log(pairs["number_right"].to_numpy() / pairs["number"].to_numpy())


def _expected(analyte: str, compared: str, arm: str) -> float:
    return next(a for a in load_assumptions().analytes if a.assay.name == analyte).ratio[compared][arm]


def test_every_row_meets_the_input_contract(package, accepted_and_quarantined):
    assert accepted_and_quarantined(package) == {
        "participants": (32, 0),
        "exercise_bouts": (32, 0),
        "exercise_sessions": (28 * 36, 0),
        "samples": (32 * 3 + 28 * 2, 0),
        # Six analytes in duplicate, and the bridging samples on four plates more.
        "assay_results": ((32 * 3 + 28 * 2 + 4 * 3) * 6 * 2, 0),
    }


def test_each_arm_has_sixteen_participants_with_one_bout_of_its_own_exercise(records):
    bouts = records["exercise_bouts"].join(records["participants"], on="participant_id")
    counted = bouts.group_by("arm_id", "modality", "visit").agg(pl.col("participant_id").n_unique(), pl.len())
    assert sorted(counted.rows()) == [
        ("HIIT", "hiit", "baseline", 16, 16),
        ("RESISTANCE", "resistance", "baseline", 16, 16),
    ]


def test_blood_of_a_bout_is_drawn_before_just_after_and_half_an_hour_after(samples, records):
    bouts = records["exercise_bouts"].select("bout_id", "started_at", "ended_at")
    acute = samples.drop_nulls("bout_id").join(bouts, on="bout_id", validate="m:1")
    assert (
        acute.group_by("arm_id", "timepoint").len().sort("arm_id", "timepoint")["len"].to_list() == [16] * 6
    )
    minutes = (pl.col("collected_at") - pl.col("ended_at")).dt.total_minutes()
    assert acute.filter(minutes != pl.col("minutes_from_bout_end")).is_empty()
    before, just_after, later = (acute.filter(timepoint=name) for name in ("pre", "post_0min", "post_30min"))
    assert (before["collected_at"] < before["started_at"]).all()
    assert just_after["minutes_from_bout_end"].is_between(0, 2).all()
    assert later["minutes_from_bout_end"].is_between(29, 32).all()


def test_fourteen_of_each_arm_give_blood_at_rest_before_and_after_twelve_weeks(samples):
    resting = samples.filter(pl.col("bout_id").is_null())
    counted = resting.group_by("arm_id", "visit", "timepoint").agg(pl.col("participant_id").n_unique())
    assert sorted(counted.rows()) == [
        (arm, visit, "rest", 14) for arm in sorted(ARMS) for visit in ("baseline", "week_12")
    ]


def test_blood_at_rest_is_drawn_48_hours_after_exercise_save_one_sample_after_20(samples, records):
    """A session has a date only, so that its exercise may last until midnight."""
    sessions = (
        records["exercise_sessions"]
        .filter("attended")
        .select("participant_id", ended_at=pl.col("session_on").cast(pl.Datetime("us")).dt.offset_by("1d"))
    )
    exercise = pl.concat([sessions, records["exercise_bouts"].select("participant_id", "ended_at")])
    resting = samples.filter(pl.col("bout_id").is_null()).join(exercise, on="participant_id")
    hours = (
        resting.filter(pl.col("ended_at") <= pl.col("collected_at"))
        .group_by("sample_id")
        .agg(((pl.col("collected_at") - pl.col("ended_at")).dt.total_seconds() / 3600).min().alias("hours"))
    )
    assert hours.height == 56
    assert hours.filter(pl.col("hours") < 48).rows() == [(LATE_SAMPLE, 20.0)]


def test_attendance_is_the_published_one(records):
    """85 % of resistance and 81 % of HIIT sessions, three a week for twelve weeks."""
    sessions = records["exercise_sessions"]
    by_participant = sessions.group_by("participant_id").len()
    assert by_participant["len"].to_list() == [36] * 28
    by_arm = dict(sessions.group_by("modality").agg(pl.col("attended").mean()).iter_rows())
    assert by_arm["resistance"] == pytest.approx(0.85, abs=0.001)
    assert by_arm["hiit"] == pytest.approx(0.81, abs=0.001)
    came, stayed_away = (sessions.filter(attended=truth) for truth in (True, False))
    assert (came["completed_minutes"] > 0.7 * came["prescribed_minutes"]).all()
    assert (came["completed_minutes"] <= came["prescribed_minutes"]).all()
    assert (stayed_away["completed_minutes"] == 0).all()


def test_a_bout_costs_five_to_ten_percent_of_plasma_which_is_mostly_back_in_half_an_hour(samples):
    """Dill and Costill 1974: 100 [(Hb1/Hb2) (100 - Hct2)/(100 - Hct1) - 1]."""
    columns = ["participant_id", "haemoglobin_g_dl", "haematocrit_pct"]
    before = samples.filter(timepoint="pre").select(columns)
    changes = {}
    for timepoint in ("post_0min", "post_30min"):
        pairs = before.join(samples.filter(timepoint=timepoint).select(columns), on="participant_id")
        ratio = pairs["haemoglobin_g_dl"] / pairs["haemoglobin_g_dl_right"]
        ratio *= (100 - pairs["haematocrit_pct_right"]) / (100 - pairs["haematocrit_pct"])
        changes[timepoint] = 100 * (ratio - 1)
    assert changes["post_0min"].is_between(-10.5, -4.5).all()
    assert -10 < changes["post_0min"].mean() < -5
    assert changes["post_30min"].is_between(-3.5, 1).all()


def test_all_samples_of_a_participant_are_on_one_plate_but_for_those_that_bridge_plates(wells):
    plates = wells.group_by("analyte_id", "participant_id").agg(pl.col("plate_id").n_unique())
    assert plates.filter(pl.col("plate_id") > 1)["participant_id"].unique().to_list() == ["MS-03"]
    assert plates.filter(participant_id="MS-03")["plate_id"].to_list() == [5] * 6
    bridging = wells.filter(participant_id="MS-03").group_by("sample_id").agg(pl.col("plate_id").n_unique())
    # Growth and five kits of five plates each.
    assert sorted(bridging["plate_id"]) == [30, 30, 30]


def test_a_well_holds_one_sample_and_none_is_where_the_standards_are(wells):
    assert wells.select("plate_id", "well").is_duplicated().sum() == 0
    assert wells["well"].str.contains("^[A-H](0[3-9]|1[0-2])$").all()
    duplicates = wells.group_by("plate_id", "sample_id").agg(
        pl.col("well").str.slice(0, 1).n_unique(), pl.len()
    )
    assert duplicates["well"].to_list() == [1] * duplicates.height
    assert duplicates["len"].to_list() == [2] * duplicates.height


def test_names_and_units_are_those_that_laboratories_write(wells):
    assert set(wells.select("analyte_id", "unit").iter_rows()) == {
        ("Decorin", "ng/mL"),
        ("SPARC", "ng/mL"),
        ("IL-6", "pg/mL"),
        ("Oncostatin M", "pg/mL"),
        ("IL-1b", "pg/mL"),
        ("TUMOUR_CELL_GROWTH", "%"),
    }
    kits = wells.group_by("analyte_id").agg(pl.col("kit_lot").n_unique()).filter(pl.col("kit_lot") > 1)
    assert kits.height == 5


def test_numbers_have_four_digits_at_most_as_a_plate_reader_writes_them(wells):
    numbers = wells.drop_nulls("number")["result_text"].to_list()
    digits = [re.sub(r"^0+", "", text.replace(".", "")) for text in numbers]
    assert max(map(len, digits)) == 4
    assert min(map(len, digits)) >= 1


def test_one_sample_did_not_suffice_and_one_was_haemolysed(wells):
    words = wells.filter(pl.col("result_text").str.contains("^[A-Z]"))
    found = words.group_by("sample_id", "analyte_id", "result_text").len()
    assert sorted(found.rows()) == [
        ("MS-14-2", "SPARC", "QNS", 2),
        ("MS-22-3", "Decorin", "HEMOLYSED", 2),
    ]


def test_one_pair_of_duplicates_is_further_apart_than_twenty_percent(wells):
    pairs = wells.group_by("sample_id", "analyte_id", "plate_id").agg(
        cv=100 * pl.col("number").std() / pl.col("number").mean()
    )
    assert pairs.filter(pl.col("cv") > 20).select("sample_id", "analyte_id").rows() == [("MS-08-4", "IL-6")]
    assert pairs["cv"].median() < 5


def test_interleukin_1_beta_is_mostly_below_its_limit_and_oncostatin_m_seldom(wells):
    """Results below a limit are text that names it, and none is written as a number."""
    is_below = pl.col("result_text").str.starts_with("<")
    named = wells.filter(is_below).select("result_text", limit=pl.format("<{}", "lower_limit"))
    assert (named["result_text"] == named["limit"]).all()
    assert wells.filter(pl.col("number") < pl.col("lower_limit")).is_empty()
    share = dict(wells.group_by("analyte_id").agg(is_below.mean()).iter_rows())
    assert share.pop("IL-1b") > 0.7
    assert 0 < share.pop("Oncostatin M") < 0.1
    assert set(share.values()) == {0}


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("analyte", ["Decorin", "IL-6", "SPARC"])
def test_myokines_are_expected_to_rise_by_9_to_47_percent_just_after_the_bout(values, analyte, arm):
    assert 1.09 <= _expected(analyte, "post_0min", arm) <= 1.47
    assert stats.ttest_1samp(_log_ratios(values, analyte, "post_0min", arm), 0).pvalue < 0.05


@pytest.mark.parametrize(
    ("compared", "arm", "low", "high"),
    [
        # Acute: -20 to -21 % and -19 to -29 %; after twelve weeks -22 and -25 %.
        ("post_0min", "RESISTANCE", 0.79, 0.80),
        ("post_30min", "RESISTANCE", 0.79, 0.80),
        ("post_0min", "HIIT", 0.71, 0.81),
        ("post_30min", "HIIT", 0.71, 0.81),
        ("week_12", "RESISTANCE", 0.78, 0.78),
        ("week_12", "HIIT", 0.75, 0.75),
    ],
)
def test_tumour_cells_are_expected_to_grow_as_much_less_as_was_published(values, compared, arm, low, high):
    assert low <= _expected("TUMOUR_CELL_GROWTH", compared, arm) <= high
    assert stats.ttest_1samp(_log_ratios(values, "TUMOUR_CELL_GROWTH", compared, arm), 0).pvalue < 0.05


@pytest.mark.parametrize(("analyte", "arm"), [("SPARC", "RESISTANCE"), ("Oncostatin M", "HIIT")])
def test_one_myokine_of_each_arm_is_expected_to_rise_by_11_to_15_percent_in_twelve_weeks(
    values, analyte, arm
):
    other = next(a for a in ARMS if a != arm)
    assert 1.11 <= _expected(analyte, "week_12", arm) <= 1.15
    p_value, p_other = (
        stats.ttest_1samp(_log_ratios(values, analyte, "week_12", a), 0).pvalue for a in (arm, other)
    )
    assert p_value < 0.05 < p_other


def test_interleukin_6_stays_up_in_both_arms_and_rises_more_with_intervals(values):
    for arm in ARMS:
        assert stats.ttest_1samp(_log_ratios(values, "IL-6", "post_30min", arm), 0).pvalue < 0.05
    resistance, hiit = (_log_ratios(values, "IL-6", "post_0min", arm) for arm in ARMS)
    assert hiit.mean() > resistance.mean()
    assert stats.ttest_ind(hiit, resistance).pvalue < 0.01


def test_oncostatin_m_is_up_at_half_an_hour_after_resistance_alone(values):
    resistance, hiit = (_log_ratios(values, "Oncostatin M", "post_30min", arm) for arm in ARMS)
    assert stats.ttest_1samp(resistance, 0).pvalue < 0.05 < stats.ttest_1samp(hiit, 0).pvalue


@pytest.mark.parametrize("analyte", ["Decorin", "IL-6", "SPARC", "Oncostatin M", "TUMOUR_CELL_GROWTH"])
def test_ratios_of_geometric_means_are_those_expected(values, analyte):
    """What is left is missing results, bridging samples and rounding, for the noise is centred."""
    for compared, arm in itertools.product(("post_0min", "post_30min", "week_12"), ARMS):
        ratio = np.exp(_log_ratios(values, analyte, compared, arm).mean())
        assert ratio == pytest.approx(_expected(analyte, compared, arm), rel=0.02), (compared, arm)


def test_participants_resemble_those_of_the_model_trial(records):
    """Age 55.5 (SD 8.8), body mass index 27.9 (5.1), 31 (12.3) months since diagnosis, all women."""
    participants = records["participants"]
    assert participants["sex"].unique().to_list() == ["female"]
    for column, mean, deviation in (
        ("age_years", 55.5, 8.8),
        ("bmi_kg_m2", 27.9, 5.1),
        ("months_since_diagnosis", 31, 12.3),
    ):
        assert participants[column].mean() == pytest.approx(mean, abs=3 * deviation / 32**0.5)


def _digests(package: Path) -> list[str]:
    files = sorted(package.iterdir())
    return [f"{file.name}:{hashlib.sha256(file.read_bytes()).hexdigest()}" for file in files]


def test_the_bytes_are_the_same_on_a_machine_without_vector_instructions(package, tmp_path):
    vector_code = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    subprocess.run(
        [sys.executable, __file__, str(tmp_path)],
        env={
            **os.environ,
            "NPY_DISABLE_CPU_FEATURES": " ".join(vector_code),
            "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX2_Usable,-FMA_Usable",
            "POLARS_MAX_THREADS": "1",
        },
        check=True,
    )
    assert _digests(tmp_path) == _digests(package)


def test_another_seed_gives_other_participants_and_plates():
    shipped, other = simulated_records(SHIPPED_SEED), simulated_records(SHIPPED_SEED + 1)
    assert not any(shipped[record].equals(other[record]) for record in RECORDS)


def test_files_are_utf_8_csv_with_unix_line_ends(package):
    for record in RECORDS:
        content = (package / f"{record}.csv").read_bytes()
        assert b"\r" not in content
        assert content.endswith(b"\n")
        assert content.isascii()


if __name__ == "__main__":
    write_package(Path(sys.argv[1]))
