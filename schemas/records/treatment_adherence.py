"""Contract of `treatment_adherence`."""

import dataframely as dy
import polars as pl

from schemas.privacy import Privacy
from schemas.records import columns


class TreatmentAdherence(dy.Schema):
    """Doses prescribed and taken in a period."""

    key = ("participant_id", "period_start", "therapy")

    participant_id = columns.identifier(
        "Participant who was treated.", required=True, privacy=Privacy.DIRECT_IDENTIFIER
    )
    period_start = columns.day("First day of the period.", required=True)
    period_end = columns.day("Last day of the period.", required=True)
    therapy = columns.text("Name of the therapy.", required=True)
    doses_prescribed = columns.whole_number("Doses due in the period.", low=0, high=100_000, required=True)
    doses_taken = columns.whole_number("Doses taken in the period.", low=0, high=100_000, required=True)

    period_end_on_or_after_start = columns.rule(
        "period_end is period_start or later", pl.col("period_end") >= pl.col("period_start")
    )
    taken_at_most_prescribed = columns.rule(
        "doses_taken is at most doses_prescribed",
        pl.col("doses_taken") <= pl.col("doses_prescribed"),
    )
