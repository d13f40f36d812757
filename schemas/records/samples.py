"""Contract of `samples`."""

import dataframely as dy

from schemas.records import columns


class Samples(dy.Schema):
    """Blood samples, with the haematology needed to correct for plasma volume."""

    key = ("sample_id",)

    sample_id = columns.identifier("Sample, unique in the study.", required=True)
    participant_id = columns.identifier("Participant who gave the sample.", required=True)
    visit = columns.identifier("Study visit of the sample.", required=True)
    bout_id = columns.identifier("Bout of exercise the sample belongs to; empty at rest.")
    timepoint = columns.identifier("Planned time, from timepoints of study.yaml.", required=True)
    minutes_from_bout_end = columns.number(
        "Actual time of drawing, in minutes after the bout's end (negative before).",
        low=-43_200,
        high=43_200,
    )
    collected_at = columns.moment("When the sample was drawn, local time.")
    matrix = columns.code("What was frozen.", ("serum", "plasma"))
    haemoglobin_g_dl = columns.number("Haemoglobin, in g/dL.", low=3, high=25)
    haematocrit_pct = columns.number("Haematocrit, in percent.", low=10, high=70)
