"""Exercise: the single bout around which blood is drawn, and the sessions of the programme."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl

from seeds.studies.arrays import Truths
from seeds.studies.myokine_sim.assumptions import ARMS, Programme
from seeds.studies.myokine_sim.cohort import Cohort

# Bouts start between 09:00 and 10:30 and last up to five minutes more or less than planned.
_EARLIEST = dt.time(9, 0)
_WITHIN_MINUTES = 90
_MINUTES_OFF = 5
# One session in five that is attended ends early, by up to this share.
_CUT_SHORT = 0.2
_LARGEST_CUT = 0.25


@dataclass(frozen=True)
class Bout:
    """The single bout of a participant, in local time."""

    bout_id: str
    started_at: dt.datetime
    ended_at: dt.datetime


def draw_bouts(cohort: Cohort) -> list[Bout]:
    """Draw one bout per participant, in the order of participants."""
    streams, calendar = cohort.streams, cohort.assumptions.calendar
    delay = streams.whole_number("bout_start", 0, _WITHIN_MINUTES)
    off = streams.whole_number("bout_minutes", -_MINUTES_OFF, _MINUTES_OFF)
    bouts = []
    for place, participant_id in enumerate(cohort.participant_ids):
        day = cohort.index_on[place] + dt.timedelta(days=calendar.bout_day)
        start = dt.datetime.combine(day, _EARLIEST) + dt.timedelta(minutes=int(delay[place]))
        minutes = _programme(cohort, place).bout_minutes + int(off[place])
        bouts.append(Bout(f"{participant_id}-B1", start, start + dt.timedelta(minutes=minutes)))
    return bouts


def exercise_bouts_frame(cohort: Cohort, bouts: list[Bout]) -> pl.DataFrame:
    """Rows of `exercise_bouts`."""
    programmes = [_programme(cohort, place) for place in range(len(bouts))]
    return pl.DataFrame(
        {
            "bout_id": [bout.bout_id for bout in bouts],
            "participant_id": cohort.participant_ids,
            "visit": ["baseline"] * len(bouts),
            "modality": [programme.modality for programme in programmes],
            "started_at": [str(bout.started_at) for bout in bouts],
            "ended_at": [str(bout.ended_at) for bout in bouts],
            "protocol": [programme.protocol for programme in programmes],
        }
    )


def exercise_sessions_frame(cohort: Cohort) -> pl.DataFrame:
    """Rows of `exercise_sessions`: those prescribed, whether attended, and for how long."""
    days = cohort.assumptions.calendar.session_days
    attended = _attended(cohort)
    rows = [
        _session(cohort, place, number, day, is_attended=bool(attended[place, number - 1]))
        for place in np.flatnonzero(cohort.has_resting_blood).tolist()
        for number, day in enumerate(days, start=1)
    ]
    return pl.DataFrame(rows)


def _session(cohort: Cohort, place: int, number: int, day: int, *, is_attended: bool) -> dict[str, object]:
    programme = _programme(cohort, place)
    cut = float(cohort.streams.uniform(f"session_{number}_cut")[place])
    lost = cut / _CUT_SHORT * _LARGEST_CUT if cut < _CUT_SHORT else 0.0
    completed = round(programme.prescribed_minutes * (1 - lost)) if is_attended else 0
    return {
        "session_id": f"{cohort.participant_ids[place]}-S{number:02d}",
        "participant_id": cohort.participant_ids[place],
        "session_on": cohort.index_on[place] + dt.timedelta(days=day),
        "modality": programme.modality,
        "prescribed_minutes": programme.prescribed_minutes,
        "completed_minutes": completed,
        "intensity_met": programme.met if is_attended else None,
        "supervised": True,
        "attended": is_attended,
    }


def _attended(cohort: Cohort) -> Truths:
    """Choose the sessions that are attended, by participant and number: the arm's share, exactly.

    Participants differ in how often they come. Who breaches the rule of rest came to the last session.
    """
    days = cohort.assumptions.calendar.session_days
    columns = [cohort.streams.uniform(f"session_{number}") for number in range(1, len(days) + 1)]
    reluctance = np.stack(columns, axis=1) + 0.5 * cohort.streams.uniform("reluctance")[:, np.newaxis]
    reluctance[cohort.assumptions.breach.participant - 1, -1] = -1.0
    attended = np.zeros(reluctance.shape, dtype=np.bool_)
    for position, arm in enumerate(ARMS):
        members = np.flatnonzero((cohort.arm == position) & cohort.has_resting_blood)
        share = cohort.assumptions.programmes[arm].attendance
        sessions = round(share * len(members) * len(days))
        chosen = np.zeros(len(members) * len(days), dtype=np.bool_)
        chosen[np.argsort(reluctance[members].ravel(), kind="stable")[:sessions]] = True
        attended[members] = chosen.reshape(len(members), len(days))
    return attended


def _programme(cohort: Cohort, place: int) -> Programme:
    return cohort.assumptions.programmes[ARMS[int(cohort.arm[place])]]
