"""Contract of `anticancer_therapies`."""

import dataframely as dy

from schemas.privacy import Privacy
from schemas.records import columns


class AnticancerTherapies(dy.Schema):
    """Anticancer treatments outside the study's own intervention."""

    key = ("participant_id", "started_on", "therapy")

    participant_id = columns.identifier(
        "Participant who was treated.", required=True, privacy=Privacy.DIRECT_IDENTIFIER
    )
    started_on = columns.day("First day of the therapy.", required=True)
    therapy = columns.text("Name of the therapy.", required=True)
    intent = columns.code(
        "Whether it belongs to the adjuvant treatment or starts a new line.",
        ("adjuvant", "new_line"),
    )
