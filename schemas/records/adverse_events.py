"""Contract of `adverse_events`."""

import dataframely as dy
import polars as pl

from schemas.privacy import Privacy
from schemas.records import columns


class AdverseEvents(dy.Schema):
    """Adverse events by the Common Terminology Criteria for Adverse Events."""

    # Two headaches of one year may share a partial start: only rows alike in all of this are twins.
    key = ("participant_id", "started_on", "ended_on", "term", "grade")

    participant_id = columns.identifier(
        "Participant who had the event.", required=True, privacy=Privacy.DIRECT_IDENTIFIER
    )
    started_on = columns.partial_day("First day of the event, as far as known.", required=True)
    ended_on = columns.day("Last day of the event; empty when it goes on.")
    term = columns.text("What happened.", required=True)
    system_organ_class = columns.text("Class of the term.")
    grade = columns.whole_number("Severity grade; 5 is death.", low=1, high=5, required=True)
    serious = columns.yes_no("Whether it was serious by ICH E2A.")
    related_to_exercise = columns.yes_no("Whether exercise is held to have caused it.")

    # A partial start is compared as far as it is known.
    ended_on_or_after_start = columns.rule(
        "ended_on is started_on or later",
        pl.col("ended_on").dt.to_string().str.slice(0, pl.col("started_on").str.len_bytes())
        >= pl.col("started_on"),
    )
