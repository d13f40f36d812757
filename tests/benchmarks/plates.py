"""A package of assay results of any size: a trial with bouts of exercise, resting blood and plates."""

from pathlib import Path

import numpy as np
import polars as pl

ANALYTES = (
    "IL-2",
    "IL-4",
    "IL-6",
    "IL-8",
    "IL-10",
    "IL-12",
    "IL-15",
    "IL-1ra",
    "IL-1b",
    "LIF",
    "TNF-a",
    "IFN-g",
    "GM-CSF",
    "CRP",
    "GDF-15",
    "leptin",
    "IGF-1",
    "decorin",
    "SPARC",
    "OSM",
)
REPLICATES = 2
SAMPLES = (
    ("baseline", "pre", -30.0),
    ("baseline", "post_0min", 0.0),
    ("baseline", "post_30min", 30.0),
    ("baseline", "rest", None),
    ("week_12", "rest", None),
)
"""Visit, timepoint and minutes from the bout's end of what every participant gives."""

ROWS_PER_PARTICIPANT = len(SAMPLES) * len(ANALYTES) * REPLICATES
_SAMPLES_PER_PLATE = 38
_UNITS = {"CRP": "mg/L", "leptin": "ng/mL", "IGF-1": "ng/mL", "decorin": "ng/mL", "SPARC": "ng/mL"}
_MEDIAN = {"GDF-15": 800.0, "IGF-1": 150.0, "leptin": 12.0, "SPARC": 300.0, "decorin": 8.0, "CRP": 1.5}
_LOWER_LIMIT_SHARE = 0.2  # of the median: about one well in forty is below
_SEED = 20260601

_STUDY = """\
study_id: plates-bench
title: A trial with as many plates as wanted
design: randomised_trial
index_cancer: breast
time_origin: randomisation
nominal_dates: true
data_cutoff: 2024-12-31
arms:
  - {arm_id: EXERCISE, label: Exercise, role: experimental}
  - {arm_id: CONTROL, label: Control, role: control}
endpoints: [OS]
visits: [baseline, week_12]
timepoints:
  - {timepoint: pre, role: baseline}
  - {timepoint: rest, role: baseline}
  - {timepoint: post_0min, role: response, minutes_from_bout_end: 0}
  - {timepoint: post_30min, role: response, minutes_from_bout_end: 30}
records:
  participants: participants.csv
  deaths: deaths.csv
  exercise_bouts: exercise_bouts.csv
  samples: samples.csv
  assay_results: assay_results.csv
"""


def write(package: Path, assay_rows: int) -> int:
    """Write a package of at least `assay_rows` assay results.

    Values are log-normal, one participant in ten dies, arms differ in nothing.

    Returns:
        The number of assay results.
    """
    package.mkdir(parents=True, exist_ok=True)
    participants = -(-assay_rows // ROWS_PER_PARTICIPANT)
    random = np.random.default_rng(_SEED)
    (package / "study.yaml").write_text(_STUDY, encoding="utf-8")
    people = _participants(participants)
    people.write_csv(package / "participants.csv")
    _deaths(people, random).write_csv(package / "deaths.csv")
    _bouts(people).write_csv(package / "exercise_bouts.csv")
    samples = _samples(people, random)
    samples.write_csv(package / "samples.csv")
    results = _assay_results(samples["sample_id"], random)
    results.write_csv(package / "assay_results.csv")
    return results.height


def _participants(n: int) -> pl.DataFrame:
    number = pl.int_range(n, eager=True)
    return pl.DataFrame(
        {
            "participant_id": "P" + number.cast(pl.String).str.zfill(7),
            "arm_id": pl.select(
                pl.when(number % 2 == 0).then(pl.lit("EXERCISE")).otherwise(pl.lit("CONTROL"))
            ).to_series(),
            "index_date": pl.Series(["2015-01-05"]).new_from_index(0, n),
        }
    )


def _deaths(people: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    days = pl.Series("days", random.integers(200, 3000, people.height))
    dead = people.with_columns(days).filter(pl.Series(random.random(people.height) < 0.1))
    died_on = pl.lit("2015-01-05").str.to_date() + pl.duration(days="days")
    return dead.select("participant_id", died_on=died_on.dt.to_string("%Y-%m-%d"), cause=pl.lit("other"))


def _bouts(people: pl.DataFrame) -> pl.DataFrame:
    return people.select(
        bout_id=pl.col("participant_id") + "-B1",
        participant_id="participant_id",
        visit=pl.lit("baseline"),
        modality=pl.lit("aerobic"),
        started_at=pl.lit("2015-01-12 09:00"),
        ended_at=pl.lit("2015-01-12 09:45"),
    )


def _samples(people: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    bout, rest = "2015-01-12", ("2015-01-08 08:00", "2015-04-06 08:00")
    planned = pl.DataFrame(
        {
            "visit": [visit for visit, _, _ in SAMPLES],
            "timepoint": [timepoint for _, timepoint, _ in SAMPLES],
            "minutes_from_bout_end": [minutes for _, _, minutes in SAMPLES],
            "collected_at": [f"{bout} 08:45", f"{bout} 09:45", f"{bout} 10:15", *rest],
        }
    ).with_row_index("nth")
    drawn = people.select("participant_id").join(planned, how="cross")
    haemoglobin = np.round(13.5 + random.standard_normal(drawn.height), 1)
    return drawn.select(
        sample_id=pl.col("participant_id") + "-S" + pl.col("nth").cast(pl.String),
        participant_id="participant_id",
        visit="visit",
        bout_id=pl.when(pl.col("timepoint") != "rest").then(pl.col("participant_id") + "-B1"),
        timepoint="timepoint",
        minutes_from_bout_end="minutes_from_bout_end",
        collected_at="collected_at",
        matrix=pl.lit("serum"),
        haemoglobin_g_dl=pl.Series(haemoglobin),
        haematocrit_pct=pl.Series(np.round(haemoglobin * 3, 1)),
    )


def _assay_results(sample_ids: pl.Series, random: np.random.Generator) -> pl.DataFrame:
    analytes = pl.DataFrame(
        {
            "analyte_id": ANALYTES,
            "unit": [_UNITS.get(analyte, "pg/mL") for analyte in ANALYTES],
            "median": [_MEDIAN.get(analyte, 5.0) for analyte in ANALYTES],
        }
    )
    wells = (
        pl.DataFrame({"sample_id": sample_ids})
        .with_row_index("nth")
        .join(analytes, how="cross")
        .join(pl.DataFrame({"replicate": range(1, REPLICATES + 1)}), how="cross")
    )
    in_sample = np.repeat(random.standard_normal(wells.height // REPLICATES) * 0.8, REPLICATES)
    factor = pl.Series(np.exp(in_sample + random.standard_normal(wells.height) * 0.06))
    value, limit = pl.col("median") * factor, pl.col("median") * _LOWER_LIMIT_SHARE
    return wells.select(
        "sample_id",
        "analyte_id",
        "replicate",
        result_text=pl.when(value < limit).then(pl.lit("<LOD")).otherwise(value.round(3).cast(pl.String)),
        unit="unit",
        plate_id="plate-" + (pl.col("nth") // _SAMPLES_PER_PLATE).cast(pl.String),
        dilution=pl.lit(2),
        lower_limit=limit.round(3),
        upper_limit=pl.col("median") * 1000,
        kit_lot=pl.lit("L1"),
    )
