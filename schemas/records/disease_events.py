"""Contract of `disease_events`."""

import dataframely as dy

from schemas.privacy import Privacy
from schemas.records import columns
from schemas.reference import seed_column


class DiseaseEvents(dy.Schema):
    """Recurrences and new primaries, one row per event and organ."""

    # Several organs may be found on one day; an event whose organ is unknown is one event.
    key = ("participant_id", "event_on", "event_type", "organ")

    participant_id = columns.identifier(
        "Participant who had the event.", required=True, privacy=Privacy.DIRECT_IDENTIFIER
    )
    event_on = columns.day("Day the event was diagnosed.", required=True)
    event_type = columns.code(
        "What kind of event.",
        (
            "local_recurrence",
            "regional_recurrence",
            "distant_recurrence",
            "recurrence_unspecified",
            "second_primary_same_organ",
            "second_primary_other_organ",
            "non_melanoma_skin_cancer",
            "in_situ_carcinoma",
        ),
        required=True,
    )
    organ = columns.code("Organ of the event.", seed_column("organs", "organ_id"))
    confirmed_by = columns.code("Strongest evidence for the event.", ("pathology", "imaging", "clinical"))
