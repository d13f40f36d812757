"""The data set `colon`, two rows per participant, as participants, follow-up, disease events and deaths."""

import datetime as dt
import shutil
from pathlib import Path

import polars as pl

# A made-up day for everybody: the data set has days since randomisation only.
INDEX_DATE = dt.date(2000, 1, 1)
STUDY_FILE = Path(__file__).with_name("study.yaml")

ARMS = {"Obs": "OBS", "Lev": "LEV", "Lev+5FU": "LEV5FU"}
# 1 is male: `help(colon)` of the R package survival.
SEXES = {0: "female", 1: "male"}
COVARIATES = ("obstruct", "perfor", "adhere", "nodes", "differ", "extent", "surg", "node4")


def write_package(out: Path) -> Path:
    """Write the study package `moertel-colon` (929 participants, three arms) into the folder `out`.

    Returns:
        The folder.

    Raises:
        polars.exceptions.ColumnNotFoundError: the data set is no longer the one known here.
    """
    # Its import takes seconds, and only this adapter needs it.
    from greenwood import load_dataset  # noqa: PLC0415

    out.mkdir(parents=True, exist_ok=True)
    for record, frame in records(load_dataset("colon")).items():
        frame.write_csv(out / f"{record}.csv", line_terminator="\n")
    shutil.copyfile(STUDY_FILE, out / STUDY_FILE.name)
    return out


def records(colon: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Turn the data set into the frames of the package.

    Args:
        colon: one row per participant (`id`) and event type (`etype` 1 recurrence, 2 death), with `time` in
            days since randomisation and `status` 1 when the event happened then.

    Returns:
        A frame by record type, sorted by participant.
    """
    participants = _participants(colon)
    recurrence = _times(colon, 1).rename({"time": "recurrence_day", "status": "has_recurred"})
    death = _times(colon, 2).rename({"time": "last_day", "status": "has_died"})
    days = recurrence.join(death, on="participant_id", validate="1:1", maintain_order="left")
    return {
        "participants": participants,
        "follow_up": _follow_up(days),
        "disease_events": days.filter("has_recurred").select(
            "participant_id",
            _on("recurrence_day").alias("event_on"),
            event_type=pl.lit("recurrence_unspecified"),
            organ=pl.lit(None, pl.String),
            confirmed_by=pl.lit(None, pl.String),
        ),
        # Whether a death was due to cancer is not in the data set, even after a recurrence.
        "deaths": days.filter("has_died").select(
            "participant_id", _on("last_day").alias("died_on"), cause=pl.lit("unknown")
        ),
    }


def _participant_id() -> pl.Expr:
    return pl.format("MC-{}", pl.col("id").cast(pl.String).str.zfill(4)).alias("participant_id")


def _participants(colon: pl.DataFrame) -> pl.DataFrame:
    age = pl.col("age")
    return (
        colon.filter(pl.col("etype") == 2)
        .sort("id")
        .select(
            _participant_id(),
            index_date=pl.lit(INDEX_DATE),
            arm_id=pl.col("rx").replace_strict(ARMS),
            age_years=age,
            sex=pl.col("sex").replace_strict(SEXES),
            age_group=pl.when(age < 50)
            .then(pl.lit("under_50"))
            .when(age < 65)
            .then(pl.lit("50_to_64"))
            .otherwise(pl.lit("65_and_over")),
            **{name: pl.col(name) for name in COVARIATES},
        )
    )


def _times(colon: pl.DataFrame, etype: int) -> pl.DataFrame:
    return (
        colon.filter(pl.col("etype") == etype)
        .sort("id")
        .select(_participant_id(), "time", pl.col("status") == 1)
    )


def _follow_up(days: pl.DataFrame) -> pl.DataFrame:
    """Freedom from disease as far as it was observed, and the last contact of those who live.

    The time of those without recurrence is that of their last contact in both rows, so for the dead among
    them there is no assessment before death: they have an event in every endpoint that is assessed.
    """
    assessed = days.filter(~pl.col("has_recurred"), ~pl.col("has_died")).select(
        "participant_id",
        _on("recurrence_day").alias("followed_on"),
        kind=pl.lit("disease_assessment"),
        outcome=pl.lit("no_evidence_of_disease"),
    )
    contacted = days.filter(~pl.col("has_died")).select(
        "participant_id",
        _on("last_day").alias("followed_on"),
        kind=pl.lit("alive_contact"),
        outcome=pl.lit(None, pl.String),
    )
    return pl.concat([assessed, contacted]).sort("participant_id", "kind")


def _on(day: str) -> pl.Expr:
    return pl.lit(INDEX_DATE) + pl.duration(days=pl.col(day))
