"""Contract of `deaths`."""

import dataframely as dy

from schemas.privacy import Privacy
from schemas.records import columns


class Deaths(dy.Schema):
    """Deaths, at most one per participant."""

    key = ("participant_id",)

    participant_id = columns.identifier(
        "Participant who died.", required=True, privacy=Privacy.DIRECT_IDENTIFIER
    )
    died_on = columns.day("Day of death.", required=True)
    cause = columns.code(
        "Underlying cause.",
        ("index_cancer", "other_cancer", "cardiovascular", "other", "unknown"),
        required=True,
    )
