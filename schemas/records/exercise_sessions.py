"""Contract of `exercise_sessions`."""

import dataframely as dy
import polars as pl

from schemas.privacy import Privacy
from schemas.records import columns
from schemas.records.vocabularies import MODALITIES

# Between quiet rest and what elite athletes sustain (Compendium of Physical Activities).
LOWEST_MET, HIGHEST_MET = 0.9, 25


class ExerciseSessions(dy.Schema):
    """Sessions of the exercise programme, planned and done."""

    key = ("session_id",)

    session_id = columns.identifier(
        "Session, unique in the study.", required=True, privacy=Privacy.DIRECT_IDENTIFIER
    )
    participant_id = columns.identifier(
        "Participant whose session it is.", required=True, privacy=Privacy.DIRECT_IDENTIFIER
    )
    session_on = columns.day("Day of the session.", required=True)
    modality = columns.code("Kind of exercise.", MODALITIES, required=True)
    prescribed_minutes = columns.number("Planned duration, in minutes.", low=0, high=1440)
    completed_minutes = columns.number("Duration done, in minutes.", low=0, high=1440)
    intensity_met = columns.number(
        "Mean intensity, in metabolic equivalents (MET).", low=LOWEST_MET, high=HIGHEST_MET
    )
    supervised = columns.yes_no("Whether a trainer was present.")
    attended = columns.yes_no("Whether the participant came.")

    minutes_only_when_attended = columns.rule(
        "completed_minutes is 0 or empty when attended is false",
        (pl.col("completed_minutes") == 0) | pl.col("attended"),
    )
