"""Blood of the biomarker sub-study: drawn at rest, at contacts that take place anyway."""

import numpy as np
import polars as pl

from seeds.studies.arrays import Integers
from seeds.studies.challenge.assumptions import BiomarkerSubStudy
from seeds.studies.challenge.histories import TrialBlock
from seeds.studies.challenge.participants import as_dates
from seeds.studies.streams import Streams

# Blood is drawn in the morning, before breakfast.
_FROM_MINUTE = 7 * 60 + 30
_WITHIN_MINUTES = 180


def blood_drawn(block: TrialBlock, follow_up: pl.DataFrame, recurrence_day: Integers) -> pl.DataFrame:
    """Find the contact at which each sample is drawn: of those near the planned day the nearest.

    Every sample shares its day with a record of follow-up before recurrence, so that none of them moves the
    day on which a participant was last known alive. Who is back with disease, has withdrawn or is past the
    data cutoff gives no blood.

    Args:
        block: the participants.
        follow_up: their rows of `follow_up`.
        recurrence_day: day of each participant's first recurrence, in days since randomisation.

    Returns:
        One row per sample: place in the block, visit, visit_number (from 0), sample_id, drawn_at.
    """
    rules = block.assumptions.biomarkers
    day = (pl.col("followed_on") - pl.col("index_date")).dt.total_days()
    nearest = (
        follow_up.filter(pl.col("kind") != "withdrawal")
        .join(_people(block, recurrence_day), on="participant_id")
        .with_columns(day=day)
        .filter(pl.col("day") <= pl.col("last_day"))
        .join(_planned(rules), how="cross")
        .with_columns(distance=(pl.col("day") - pl.col("planned_day")).abs())
        .filter(pl.col("distance") <= rules.within_days)
        .sort("place", "visit_number", "distance", "day")
        .unique(["place", "visit_number"], keep="first", maintain_order=True)
    )
    return nearest.with_columns(minutes=_minutes(block, nearest)).select(
        "participant_id",
        "place",
        "visit",
        "visit_number",
        sample_id=pl.format(
            "{}-M{}", "participant_id", pl.col("month").cast(pl.String).str.pad_start(2, "0")
        ),
        drawn_at=pl.col("followed_on").cast(pl.Datetime("ms")) + pl.duration(minutes="minutes"),
    )


def samples_frame(drawn: pl.DataFrame) -> pl.DataFrame:
    """Rows of `samples`, by participant and visit; none belongs to a bout."""
    return drawn.select(
        "sample_id",
        "participant_id",
        "visit",
        timepoint=pl.lit("rest"),
        collected_at=pl.col("drawn_at").dt.to_string("%Y-%m-%d %H:%M"),
        matrix=pl.lit("serum"),
    )


def sub_study_streams(block: TrialBlock) -> Streams:
    """Streams as long as the sub-study: what is drawn for it costs the same in a trial of any size."""
    rules, streams = block.assumptions.biomarkers, block.streams
    size = min(streams.size, rules.participants - int(block.baseline.number[0]))
    return Streams(streams.seed, streams.block, size)


def _people(block: TrialBlock, recurrence_day: Integers) -> pl.DataFrame:
    """Who takes part, and until which day after randomisation they may give blood."""
    baseline = block.baseline
    return pl.DataFrame(
        {
            "participant_id": baseline.participant_ids,
            "place": np.arange(len(baseline.number)),
            "number": baseline.number,
            "index_date": as_dates(baseline.index_day),
            "last_day": np.minimum(recurrence_day - 1, block.histories.cutoff_day),
        }
    ).filter(pl.col("number") < block.assumptions.biomarkers.participants)


def _planned(rules: BiomarkerSubStudy) -> pl.DataFrame:
    """The planned visits, in days since randomisation."""
    months = list(rules.visits.values())
    return pl.DataFrame(
        {
            "visit": list(rules.visits),
            "visit_number": range(len(months)),
            "month": months,
            "planned_day": [round(month * 365.25 / 12) for month in months],
        }
    )


def _minutes(block: TrialBlock, nearest: pl.DataFrame) -> pl.Series:
    """Minute of the day at which each sample is drawn."""
    streams = sub_study_streams(block)
    by_visit = np.stack(
        [
            streams.whole_number(f"blood_{visit}_minute", _FROM_MINUTE, _FROM_MINUTE + _WITHIN_MINUTES)
            for visit in block.assumptions.biomarkers.visits
        ],
        axis=1,
    )
    return pl.Series(by_visit[nearest["place"].to_numpy(), nearest["visit_number"].to_numpy()])
