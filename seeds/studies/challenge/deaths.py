"""Deaths, and the therapies that recurrence leads to."""

import numpy as np
import polars as pl

from seeds.studies.challenge.assumptions import Integers
from seeds.studies.challenge.disease_events import EventSource
from seeds.studies.challenge.histories import DEATH
from seeds.studies.challenge.participants import as_dates, as_text
from seeds.studies.challenge.streams import choose

CAUSES = ("index_cancer", "other_cancer", "cardiovascular", "other", "unknown")


def deaths_frame(source: EventSource, recurrence_day: Integers) -> pl.DataFrame:
    """Rows of `deaths` that are seen; the cause follows from the disease the participant had."""
    histories = source.histories
    rows = np.flatnonzero(histories.is_seen(histories.death_day))
    by_state = {
        state: choose(source.streams.uniform("cause"), {cause: shares[cause] for cause in CAUSES})
        for state, shares in source.assumptions.death_causes.items()
    }
    cause = np.select(
        [histories.first_event == DEATH, recurrence_day <= histories.death_day],
        [by_state["without_disease"], by_state["recurrence"]],
        by_state["second_primary"],
    )
    return pl.DataFrame(
        {
            "participant_id": source.baseline.participant_ids.gather(rows),
            "died_on": as_dates((source.baseline.index_day + histories.death_day)[rows]),
            "cause": as_text(cause[rows], CAUSES),
        }
    )


def new_lines_frame(source: EventSource, recurrence_day: Integers) -> pl.DataFrame:
    """Rows of `anticancer_therapies`: the first new line after recurrence."""
    rules, streams = source.assumptions.new_line_after_recurrence, source.streams
    delay = streams.whole_number("new_line_delay", rules.from_days, rules.until_days)
    day = recurrence_day + delay
    starts = (streams.uniform("new_line") < rules.chance) & source.histories.is_seen(day)
    rows = np.flatnonzero(starts)
    return pl.DataFrame(
        {
            "participant_id": source.baseline.participant_ids.gather(rows),
            "started_on": as_dates((source.baseline.index_day + day)[rows]),
            "therapy": as_text(
                streams.choice("therapy", rules.therapies)[rows], tuple(rules.therapies)
            ),
            "intent": pl.Series(["new_line"]).new_from_index(0, len(rows)),
        }
    )
