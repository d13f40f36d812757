"""Contract of `follow_up`."""

import dataframely as dy

from schemas.privacy import Privacy
from schemas.records import columns


class FollowUp(dy.Schema):
    """Contacts and disease assessments: when a participant was known alive, and free of disease."""

    key = ("participant_id", "followed_on", "kind")

    participant_id = columns.identifier(
        "Participant who was followed up.", required=True, privacy=Privacy.DIRECT_IDENTIFIER
    )
    followed_on = columns.day("Day of the contact, assessment or withdrawal.", required=True)
    kind = columns.code(
        "What happened that day.",
        ("alive_contact", "disease_assessment", "withdrawal"),
        required=True,
    )
    outcome = columns.code(
        "Finding of a disease assessment.", ("no_evidence_of_disease", "disease", "not_evaluable")
    )
