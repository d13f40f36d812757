"""Contract of `measurements`."""

import dataframely as dy

from schemas.privacy import Privacy
from schemas.records import columns


class Measurements(dy.Schema):
    """Fitness, strength, body composition and questionnaire scores."""

    key = ("participant_id", "measured_on", "visit", "measure_id")

    participant_id = columns.identifier(
        "Participant who was measured.", required=True, privacy=Privacy.DIRECT_IDENTIFIER
    )
    measured_on = columns.day("Day of the measurement.", required=True)
    visit = columns.identifier("Study visit of the measurement.", required=True, privacy=Privacy.NEITHER)
    measure_id = columns.identifier("What was measured.", required=True, privacy=Privacy.NEITHER)
    value = columns.number("Measured value, in `unit`.", required=True)
    unit = columns.identifier("Unit of the value.", required=True, privacy=Privacy.NEITHER)
