"""Contract of `exercise_bouts`."""

import dataframely as dy
import polars as pl

from schemas.privacy import Privacy
from schemas.records import columns
from schemas.records.vocabularies import MODALITIES


class ExerciseBouts(dy.Schema):
    """Single bouts of exercise around which blood was drawn."""

    key = ("bout_id",)

    bout_id = columns.identifier(
        "Bout, unique in the study.", required=True, privacy=Privacy.DIRECT_IDENTIFIER
    )
    participant_id = columns.identifier(
        "Participant who exercised.", required=True, privacy=Privacy.DIRECT_IDENTIFIER
    )
    visit = columns.identifier("Study visit the bout belongs to.", required=True, privacy=Privacy.NEITHER)
    modality = columns.code("Kind of exercise.", MODALITIES, required=True)
    started_at = columns.moment("Start of the bout, local time.")
    ended_at = columns.moment("End of the bout, local time.")
    protocol = columns.text("What was done, in words.")

    ended_after_start = columns.rule(
        "ended_at is later than started_at", pl.col("ended_at") > pl.col("started_at")
    )
    ended_within_a_week = columns.rule(
        "ended_at is at most 7 days after started_at",
        pl.col("ended_at") <= pl.col("started_at") + pl.duration(days=7),
    )
