"""The simulated trial as a study package on disk."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import polars as pl

from seeds.studies.challenge.assays import assay_results_frame
from seeds.studies.challenge.assumptions import FOLDER, Assumptions, load_assumptions
from seeds.studies.challenge.blood import blood_drawn, samples_frame
from seeds.studies.challenge.deaths import deaths_frame, new_lines_frame
from seeds.studies.challenge.disease_events import disease_events_frame, draw_events, recurrence_days
from seeds.studies.challenge.follow_up import follow_up_frame
from seeds.studies.challenge.hazards import Hazards, load_hazards
from seeds.studies.challenge.histories import TrialBlock, draw_histories
from seeds.studies.challenge.participants import draw_baseline, participants_frame
from seeds.studies.streams import Streams

SHIPPED_PARTICIPANTS = 889
# The digits of the trial's registration, NCT00819208; the first seed that was tried.
SHIPPED_SEED = 819208

# Even, so that the pairs of the allocation do not straddle blocks.
BLOCK_SIZE = 65_536


def write_package(out: Path) -> Path:
    """Write the study that ships, `challenge-sim` with 889 participants, into the folder `out`.

    Returns:
        The folder.
    """
    return simulate(SHIPPED_PARTICIPANTS, SHIPPED_SEED, out)


def simulate(
    participants: int,
    seed: int,
    out: Path,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a study package of a simulated trial, byte for byte the same for the same arguments.

    Memory does not grow with the number of participants. A participant's records are the same in a study of
    any size, save the arm of the last one of an odd number. Blood is that of a sub-study of the first
    participants, so that it costs a large trial no more than a small one.

    Args:
        participants: how many to randomise, one to one; an odd one exercises.
        seed: chooses the random numbers.
        out: folder to write into; files of the same names are replaced.
        progress: called with the participants written so far and `participants`.

    Returns:
        The folder.

    Raises:
        ValueError: fewer than two participants, who cannot be compared.
    """
    if participants < 2:
        raise ValueError(f"participants is {participants}; a trial of two arms needs 2 or more")
    out.mkdir(parents=True, exist_ok=True)
    assumptions, hazards = load_assumptions(), load_hazards()
    with ExitStack() as stack:
        files = {}
        for first in range(0, participants, BLOCK_SIZE):
            size = min(BLOCK_SIZE, participants - first)
            streams = Streams(seed, first // BLOCK_SIZE, size)
            for record, frame in trial_records(first, participants, streams, hazards, assumptions):
                if record not in files:
                    files[record] = stack.enter_context((out / f"{record}.csv").open("wb"))
                frame.write_csv(files[record], include_header=first == 0, line_terminator="\n")
            if progress is not None:
                progress(first + size, participants)
    shutil.copyfile(FOLDER / "study.yaml", out / "study.yaml")
    return out


def trial_records(
    first: int, participants: int, streams: Streams, hazards: Hazards, assumptions: Assumptions
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Record types of one block of participants.

    Samples and their results are those of the sub-study, so only the first block has any.
    """
    baseline = draw_baseline(first, participants, streams, assumptions)
    histories = draw_histories(baseline, streams, hazards, assumptions)
    block = TrialBlock(baseline, histories, streams, assumptions)
    events = draw_events(block)
    recurrence_day = recurrence_days(events, assumptions)
    yield "participants", participants_frame(baseline, streams, assumptions)
    follow_up = follow_up_frame(block, recurrence_day)
    yield "follow_up", follow_up
    yield "disease_events", disease_events_frame(block, events)
    yield "deaths", deaths_frame(block, recurrence_day)
    yield "anticancer_therapies", new_lines_frame(block, recurrence_day)
    if first < assumptions.biomarkers.participants:
        drawn = blood_drawn(block, follow_up, recurrence_day)
        yield "samples", samples_frame(drawn)
        yield "assay_results", assay_results_frame(block, drawn)
