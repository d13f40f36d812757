"""Contract of `participants`."""

import dataframely as dy
import polars as pl

from schemas.privacy import Privacy
from schemas.records import columns


class Participants(dy.Schema):
    """Everybody who belongs to the study, one row each; further columns are baseline covariates."""

    key = ("participant_id",)

    participant_id = columns.identifier(
        "Participant, unique in the study.", required=True, privacy=Privacy.DIRECT_IDENTIFIER
    )
    index_date = columns.day("Day time is counted from, as time_origin of study.yaml says.", required=True)
    entry_date = columns.day(
        "Day from which the participant is observed, when later than index_date (delayed entry)."
    )
    site_id = columns.identifier("Centre that enrolled the participant.", privacy=Privacy.QUASI_IDENTIFIER)
    arm_id = columns.identifier(
        "Arm of study.yaml; required when the study has arms.", privacy=Privacy.NEITHER
    )
    age_years = columns.number(
        "Age at index_date, in years.", low=0, high=120, privacy=Privacy.QUASI_IDENTIFIER
    )
    sex = columns.code(
        "Sex as recorded at enrolment.",
        ("female", "male", "other", "unknown"),
        privacy=Privacy.QUASI_IDENTIFIER,
    )

    entry_on_or_after_index = columns.rule(
        "entry_date is index_date or later", pl.col("entry_date") >= pl.col("index_date")
    )
