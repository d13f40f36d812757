"""Blood of the simulated CHALLENGE trial: drawn without a trace in survival, measured as panels are."""

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from orchestration.landing.check import check_package
from seeds.studies.challenge import simulate, write_package
from seeds.studies.challenge.assumptions import load_assumptions
from seeds.studies.challenge.hazards import load_hazards
from seeds.studies.challenge.package import trial_records
from seeds.studies.streams import Streams

CYTOKINES = ("IL-1b", "IL-2", "IL-4", "IL-6", "IL-8", "IL-10", "IL-12", "TNF-a", "IFN-g", "GM-CSF")
SINGLES = ("CRP", "Insulin", "IGF-1", "IGF-2", "IGFBP-3")
MONTHS = {"baseline": 0, "month_6": 6, "month_12": 12, "month_24": 24, "month_36": 36}
SUB_STUDY = 400
RECURRENCES = ("local_recurrence", "regional_recurrence", "distant_recurrence")

# Files of the study as it shipped before any blood was drawn in it.
WITHOUT_BLOOD = {
    "participants.csv": "6cbe47e77c64a07b04c4e977537263c0438a1b328f39ebad6fa52ff87a11be8a",
    "follow_up.csv": "9cf3a9493b2e7d9f722e2c131c1adf6a6d43a0738b353109b823a1233a6af706",
    "disease_events.csv": "62e46198498ba0c1bd14383b8c9598da6130ce87d9da658dc8531087e6c13219",
    "deaths.csv": "508c35a72d1cde8d2252e3773cb554ee87c5ec0d4670d701d902e1dbf4289bef",
    "anticancer_therapies.csv": "329929ea34a58ca09b492bcfdb3ab9f4b6fec9823b1ed557356df76cadde266d",
}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_package(tmp_path_factory.mktemp("challenge-sim"))


@pytest.fixture(scope="module")
def records(package: Path) -> dict[str, pl.DataFrame]:
    return {file.stem: pl.read_csv(file, try_parse_dates=True) for file in package.glob("*.csv")}


@pytest.fixture(scope="module")
def samples(records: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Samples with the participant, and the day they were drawn on."""
    return (
        records["samples"]
        .with_columns(drawn_on=pl.col("collected_at").dt.date())
        .join(records["participants"].select("participant_id", "index_date", "arm_id"), on="participant_id")
    )


@pytest.fixture(scope="module")
def wells(records: dict[str, pl.DataFrame], samples: pl.DataFrame) -> pl.DataFrame:
    number = pl.col("result_text").cast(pl.Float64, strict=False)
    return records["assay_results"].with_columns(number=number).join(samples, on="sample_id")


def test_drawing_blood_changes_no_other_file(package):
    digests = {name: hashlib.sha256((package / name).read_bytes()).hexdigest() for name in WITHOUT_BLOOD}
    assert digests == WITHOUT_BLOOD


def test_blood_does_not_move_the_day_on_which_anybody_was_last_known_alive(records, samples):
    """So no time to an event changes: the last contact is that of follow-up, with and without blood."""
    contacts = records["follow_up"].select("participant_id", day="followed_on")
    with_blood = pl.concat([contacts, samples.select("participant_id", day="drawn_on")])
    last, last_with_blood = (
        days.group_by("participant_id").agg(pl.col("day").max()).sort("participant_id")
        for days in (contacts, with_blood)
    )
    assert_frame_equal(last, last_with_blood)
    assert samples.join(contacts, on="participant_id").filter(pl.col("drawn_on") == pl.col("day"))[
        "sample_id"
    ].n_unique() == len(samples)


def test_the_last_contact_before_a_death_stays_the_last(records, samples):
    late = samples.join(records["deaths"], on="participant_id")
    assert late.filter(pl.col("drawn_on") >= pl.col("died_on")).is_empty()


def test_nobody_gives_blood_once_disease_is_back_or_after_withdrawal_or_the_data_cutoff(records, samples):
    recurred = records["disease_events"].filter(pl.col("event_type").is_in(RECURRENCES))
    first = recurred.group_by("participant_id").agg(recurred_on=pl.col("event_on").min())
    withdrew = records["follow_up"].filter(kind="withdrawal").select("participant_id", "followed_on")
    for stops, day in ((first, "recurred_on"), (withdrew, "followed_on")):
        stopped = samples.join(stops, on="participant_id")
        assert stopped.height > 0
        assert stopped.filter(pl.col("drawn_on") >= pl.col(day)).is_empty()
    assert (samples["drawn_on"] <= load_assumptions().data_cutoff).all()


def test_blood_is_drawn_at_randomisation_and_at_contacts_near_the_planned_month(samples):
    assert samples.filter(visit="baseline").filter(pl.col("drawn_on") != pl.col("index_date")).is_empty()
    planned = pl.col("visit").replace_strict(MONTHS, return_dtype=pl.Float64) * 365.25 / 12
    days = (pl.col("drawn_on") - pl.col("index_date")).dt.total_days()
    assert samples.filter((days - planned).abs() > 61).is_empty()
    assert (samples["matrix"] == "serum").all()
    assert (samples["timepoint"] == "rest").all()
    assert "bout_id" not in samples.columns


def test_who_was_seen_near_the_planned_month_and_is_free_of_recurrence_gave_blood(records, samples):
    """Nearly all of the first 400: a sample is missing only where there was no such contact."""
    counted = dict(samples.group_by("visit").len().iter_rows())
    assert counted["baseline"] == SUB_STUDY
    first = records["participants"].head(SUB_STUDY).select("participant_id", "index_date")
    months = (pl.col("followed_on") - pl.col("index_date")).dt.total_days() / 365.25 * 12
    seen = records["follow_up"].filter(outcome="no_evidence_of_disease").join(first, on="participant_id")
    for visit, month in MONTHS.items():
        assert counted[visit] >= seen.filter((months - month).abs() < 1)["participant_id"].n_unique() > 250


def test_the_sub_study_is_of_the_first_400_participants_in_a_trial_of_any_size(tmp_path, samples):
    assert samples["participant_id"].n_unique() == SUB_STUDY
    assert samples["participant_id"].max() == "CH-0000400"
    sizes = {}
    for participants in (120, 1000, 70_000):
        package = simulate(participants, 5, tmp_path / str(participants))
        drawn = pl.read_csv(package / "samples.csv")
        sizes[participants] = drawn["participant_id"].n_unique()
    assert sizes == {120: 120, 1000: SUB_STUDY, 70_000: SUB_STUDY}


def test_later_blocks_of_a_large_trial_draw_no_blood():
    block = dict(trial_records(65_536, 65_636, Streams(1, 1, 100), load_hazards(), load_assumptions()))
    assert set(block) == {file.removesuffix(".csv") for file in WITHOUT_BLOOD}


def test_visits_of_the_descriptor_are_those_of_the_simulation(package):
    assert check_package(package).study.visits == list(MONTHS)
    assert list(load_assumptions().biomarkers.visits.items()) == list(MONTHS.items())


def test_every_sample_has_the_pre_specified_panel_in_duplicate_and_the_hormones_once(wells):
    counted = wells.group_by("sample_id", "analyte_id").agg(pl.len(), pl.col("replicate").max())
    by_analyte = counted.group_by("analyte_id").agg(
        pl.col("len").unique(), pl.col("replicate").unique(), n=pl.len()
    )
    assert {name: (wells_each, last) for name, wells_each, last, _ in by_analyte.iter_rows()} == {
        **dict.fromkeys(CYTOKINES, ([2], [2])),
        **dict.fromkeys(SINGLES, ([1], [1])),
    }
    assert by_analyte["n"].unique().to_list() == [wells["sample_id"].n_unique()]


def test_the_panel_is_measured_on_plates_of_96_wells_a_participant_on_one(wells):
    panel, singles = wells.drop_nulls("plate_id"), wells.filter(pl.col("plate_id").is_null())
    assert set(panel["analyte_id"]) == set(CYTOKINES)
    assert set(singles["analyte_id"]) == set(SINGLES)
    plates = panel.group_by("participant_id").agg(pl.col("plate_id").n_unique())
    assert (plates["plate_id"] == 1).all()
    one = panel.filter(analyte_id="IL-6")
    assert one.select("plate_id", "well").is_duplicated().sum() == 0
    assert one["well"].str.contains("^[A-H](0[3-9]|1[0-2])$").all()
    assert panel["plate_id"].n_unique() == SUB_STUDY / 8


def test_cytokines_that_health_keeps_low_are_mostly_below_their_limits(wells):
    """IL-2 and GM-CSF were so in all of 144 healthy persons (Biancotto 2013, PLoS One 8:e76091)."""
    is_below = pl.col("result_text").str.starts_with("<")
    share = dict(wells.group_by("analyte_id").agg(is_below.mean()).iter_rows())
    low = ("IL-1b", "IL-2", "IL-4", "GM-CSF")
    assert all(share.pop(name) > 0.7 for name in low)
    assert max(share.values()) < 0.4
    above = wells.filter(pl.col("result_text").str.starts_with(">"))
    assert above["analyte_id"].unique().to_list() == ["CRP"]
    assert above.height < 0.03 * wells.filter(analyte_id="CRP").height


@pytest.mark.parametrize(
    ("analyte", "ratio"), [("CRP", 0.85), ("Insulin", 0.88), ("IGF-1", 0.95), ("IL-6", 0.92), ("IGF-2", 1.0)]
)
def test_exercise_lowers_what_it_is_assumed_to_lower(wells, analyte, ratio):
    """Ratio of ratios of geometric means, a year after randomisation against that day, between the arms."""
    means = (
        wells.filter(analyte_id=analyte).group_by("participant_id", "arm_id", "visit").agg(pl.mean("number"))
    )
    first, later = (means.filter(visit=visit).drop_nulls() for visit in ("baseline", "month_12"))
    pairs = first.join(later, on=["participant_id", "arm_id"])
    arms = [pairs.filter(arm_id=arm) for arm in ("EXERCISE", "HEALTH_EDUCATION")]
    logs = [np.log(arm["number_right"].to_numpy() / arm["number"].to_numpy()) for arm in arms]
    error = np.sqrt(sum(change.var(ddof=1) / len(change) for change in logs))
    assert logs[0].mean() - logs[1].mean() == pytest.approx(np.log(ratio), abs=3 * error)
