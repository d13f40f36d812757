"""Follow-up: planned visits while they are attended, and how observation ends."""

import numpy as np
import polars as pl

from seeds.studies.arrays import Integers, Truths
from seeds.studies.challenge.histories import TrialBlock
from seeds.studies.challenge.participants import as_dates, as_text

# What a follow-up record can say, as positions; an alive contact and a withdrawal say nothing of disease.
FREE, DISEASE, NOT_EVALUABLE, CONTACT, WITHDRAWAL = range(5)
KINDS = ("disease_assessment",) * 3 + ("alive_contact", "withdrawal")
OUTCOMES = ("no_evidence_of_disease", "disease", "not_evaluable", None, None)


def follow_up_frame(block: TrialBlock, recurrence_day: Integers) -> pl.DataFrame:
    """Rows of `follow_up`, by participant and day."""
    visits = [_at_randomisation(block)]
    visits += [
        _visit(block, number, planned, recurrence_day)
        for number, planned in enumerate(block.assumptions.visits.planned_days.tolist(), start=1)
    ]
    visits.append(_end_of_observation(block))
    # One column per visit and one row per participant: flattened, records stand by participant and day.
    day, says, is_record = (np.stack(parts, axis=1) for parts in zip(*visits, strict=True))
    rows, columns = np.nonzero(is_record)
    said = says[rows, columns]
    return pl.DataFrame(
        {
            "participant_id": block.baseline.participant_ids.gather(rows),
            "followed_on": as_dates(block.baseline.index_day[rows] + day[rows, columns]),
            "kind": as_text(said, KINDS),
            "outcome": as_text(said, OUTCOMES),
        }
    )


def _at_randomisation(block: TrialBlock) -> tuple[Integers, Integers, Truths]:
    # Eligibility asks for freedom from disease, so everybody was assessed.
    nothing = np.zeros_like(block.baseline.arm)
    return nothing, np.full_like(nothing, FREE), nothing == 0


def _visit(
    block: TrialBlock, number: int, planned: int, recurrence_day: Integers
) -> tuple[Integers, Integers, Truths]:
    """Days of one planned visit, what is found, and whether it takes place."""
    rules, histories = block.assumptions.visits, block.histories
    day = planned + block.streams.whole_number(
        f"visit_{number}_jitter", -rules.jitter_days, rules.jitter_days
    )
    fate = block.streams.uniform(f"visit_{number}_fate")
    call = block.streams.uniform(f"visit_{number}_call") < rules.contact_only_after_recurrence
    has_recurred = recurrence_day <= day
    says = np.select(
        [has_recurred & call, fate < rules.without_verdict, has_recurred],
        [CONTACT, NOT_EVALUABLE, DISEASE],
        FREE,
    )
    # The last contact is a record of its own, and nobody is assessed after the data cutoff.
    last_day = np.minimum(histories.end_day - (says == CONTACT), histories.cutoff_day)
    takes_place = (fate >= rules.missed) & (day < histories.death_day) & (day <= last_day)
    return day, says, takes_place


def _end_of_observation(block: TrialBlock) -> tuple[Integers, Integers, Truths]:
    histories = block.histories
    says = np.where(histories.withdraws, WITHDRAWAL, CONTACT)
    return histories.end_day, says, histories.end_day < histories.death_day
