"""Contract of `activity_reports`."""

import dataframely as dy

from schemas.privacy import Privacy
from schemas.records import columns


class ActivityReports(dy.Schema):
    """Weekly physical activity as participants reported it."""

    key = ("participant_id", "reported_on", "visit", "instrument")

    participant_id = columns.identifier(
        "Participant who reported.", required=True, privacy=Privacy.DIRECT_IDENTIFIER
    )
    reported_on = columns.day("Day of the report.", required=True)
    visit = columns.identifier("Study visit of the report.", required=True, privacy=Privacy.NEITHER)
    instrument = columns.identifier("Questionnaire that was used.", required=True, privacy=Privacy.NEITHER)
    met_hours_per_week = columns.number("Activity, in MET-hours per week.", low=0, high=1000, required=True)
