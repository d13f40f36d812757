"""Deaths, and the therapies that recurrence leads to."""

import numpy as np
import polars as pl

from seeds.studies.arrays import Integers
from seeds.studies.challenge.histories import DEATH, TrialBlock
from seeds.studies.challenge.participants import as_dates, as_text
from seeds.studies.streams import choose

CAUSES = ("index_cancer", "other_cancer", "cardiovascular", "other", "unknown")


def deaths_frame(block: TrialBlock, recurrence_day: Integers) -> pl.DataFrame:
    """Rows of `deaths` that are seen; the cause follows from the disease the participant had."""
    histories = block.histories
    rows = np.flatnonzero(histories.is_seen(histories.death_day))
    by_state = {
        state: choose(block.streams.uniform("cause"), {cause: shares[cause] for cause in CAUSES})
        for state, shares in block.assumptions.death_causes.items()
    }
    cause = np.select(
        [histories.first_event == DEATH, recurrence_day <= histories.death_day],
        [by_state["without_disease"], by_state["recurrence"]],
        by_state["second_primary"],
    )
    return pl.DataFrame(
        {
            "participant_id": block.baseline.participant_ids.gather(rows),
            "died_on": as_dates((block.baseline.index_day + histories.death_day)[rows]),
            "cause": as_text(cause[rows], CAUSES),
        }
    )


def new_lines_frame(block: TrialBlock, recurrence_day: Integers) -> pl.DataFrame:
    """Rows of `anticancer_therapies`: the first new line after recurrence."""
    rules, streams = block.assumptions.new_line_after_recurrence, block.streams
    delay = streams.whole_number("new_line_delay", rules.from_days, rules.until_days)
    day = recurrence_day + delay
    starts = (streams.uniform("new_line") < rules.chance) & block.histories.is_seen(day)
    rows = np.flatnonzero(starts)
    return pl.DataFrame(
        {
            "participant_id": block.baseline.participant_ids.gather(rows),
            "started_on": as_dates((block.baseline.index_day + day)[rows]),
            "therapy": as_text(streams.choice("therapy", rules.therapies)[rows], tuple(rules.therapies)),
            "intent": pl.Series(["new_line"]).new_from_index(0, len(rows)),
        }
    )
