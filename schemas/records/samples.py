"""Contract of `samples`."""

import dataframely as dy

from schemas.privacy import Privacy
from schemas.records import columns


class Samples(dy.Schema):
    """Blood samples, with the haematology needed to correct for plasma volume."""

    key = ("sample_id",)

    sample_id = columns.identifier(
        "Sample, unique in the study.", required=True, privacy=Privacy.DIRECT_IDENTIFIER
    )
    participant_id = columns.identifier(
        "Participant who gave the sample.", required=True, privacy=Privacy.DIRECT_IDENTIFIER
    )
    visit = columns.identifier("Study visit of the sample.", required=True, privacy=Privacy.NEITHER)
    bout_id = columns.identifier(
        "Bout of exercise the sample belongs to; empty at rest.", privacy=Privacy.DIRECT_IDENTIFIER
    )
    timepoint = columns.identifier(
        "Planned time, from timepoints of study.yaml.", required=True, privacy=Privacy.NEITHER
    )
    minutes_from_bout_end = columns.number(
        "Actual time of drawing, in minutes after the bout's end (negative before).",
        low=-43_200,
        high=43_200,
    )
    collected_at = columns.moment("When the sample was drawn, local time.")
    matrix = columns.code("What was frozen.", ("serum", "plasma"))
    haemoglobin_g_dl = columns.number("Haemoglobin, in g/dL.", low=3, high=25)
    haematocrit_pct = columns.number("Haematocrit, in percent.", low=10, high=70)
