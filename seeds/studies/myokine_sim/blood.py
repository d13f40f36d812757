"""Blood: when it is drawn, around the bout and at rest, and how it thickens in exercise."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl

from seeds.studies.arrays import Floats
from seeds.studies.myokine_sim.assumptions import ARMS
from seeds.studies.myokine_sim.cohort import Cohort
from seeds.studies.myokine_sim.exercise import Bout

# Blood at rest is drawn in the morning, before breakfast.
_FASTING_FROM = dt.time(7, 30)
_FASTING_MINUTES = 120


@dataclass(frozen=True)
class Draw:
    """A planned drawing of blood, the same for all participants.

    Attributes:
        visit: visit of the study.
        timepoint: timepoint of the study.
        compared: name of the expected ratios in the assumptions; empty for what others are compared with.
        earliest: fewest minutes between the bout's end (`pre`: its start) and the drawing.
        latest: most minutes.
    """

    visit: str
    timepoint: str
    compared: str = ""
    earliest: int = 0
    latest: int = 0

    @property
    def is_resting(self) -> bool:
        """Whether the sample belongs to no bout."""
        return self.timepoint == "rest"


DRAWS = (
    Draw("baseline", "pre", earliest=-20, latest=-5),
    Draw("baseline", "post_0min", compared="post_0min", earliest=0, latest=2),
    Draw("baseline", "post_30min", compared="post_30min", earliest=29, latest=32),
    Draw("baseline", "rest"),
    Draw("week_12", "rest", compared="week_12"),
)
"""In the order in which a participant's samples are numbered, from 1."""


def has_draw(cohort: Cohort, draw: Draw) -> list[int]:
    """Places of the participants of whom this blood was drawn."""
    if draw.is_resting:
        return [int(place) for place in np.flatnonzero(cohort.has_resting_blood)]
    return list(range(len(cohort.arm)))


def sample_id(cohort: Cohort, place: int, number: int) -> str:
    """Identifier of a participant's sample, numbered from 1 in the order of `DRAWS`."""
    return f"{cohort.participant_ids[place]}-{number}"


def samples_frame(cohort: Cohort, bouts: list[Bout]) -> pl.DataFrame:
    """Rows of `samples`, by participant and number."""
    rows: list[dict[str, object]] = []
    thickened = _haematology(cohort)
    for number, draw in enumerate(DRAWS, start=1):
        minutes = cohort.streams.whole_number(f"drawn_{number}", draw.earliest, draw.latest)
        early = cohort.streams.whole_number(f"fasting_{number}", 0, _FASTING_MINUTES)
        for place in has_draw(cohort, draw):
            row: dict[str, object] = {
                "sample_id": sample_id(cohort, place, number),
                "participant_id": cohort.participant_ids[place],
                "visit": draw.visit,
                "bout_id": None,
                "timepoint": draw.timepoint,
                "minutes_from_bout_end": None,
                "collected_at": str(_resting_time(cohort, draw, place, int(early[place]))),
                "matrix": "serum",
                "haemoglobin_g_dl": None,
                "haematocrit_pct": None,
            }
            if not draw.is_resting:
                haemoglobin, haematocrit = thickened[draw.timepoint]
                row |= _of_bout(draw, bouts[place], int(minutes[place]))
                row |= {
                    "haemoglobin_g_dl": float(haemoglobin[place]),
                    "haematocrit_pct": float(haematocrit[place]),
                }
            rows.append(row)
    return pl.DataFrame(rows, infer_schema_length=None).sort("sample_id")


def _of_bout(draw: Draw, bout: Bout, minutes: int) -> dict[str, object]:
    drawn = (bout.started_at if draw.earliest < 0 else bout.ended_at) + dt.timedelta(minutes=minutes)
    return {
        "bout_id": bout.bout_id,
        "minutes_from_bout_end": int((drawn - bout.ended_at).total_seconds()) // 60,
        "collected_at": str(drawn),
    }


def _resting_time(cohort: Cohort, draw: Draw, place: int, minutes: int) -> dt.datetime:
    calendar, breach = cohort.assumptions.calendar, cohort.assumptions.breach
    index_on = cohort.index_on[place]
    if draw.visit == "week_12" and place == breach.participant - 1:
        return dt.datetime.combine(index_on + dt.timedelta(days=breach.day), breach.time)
    day = calendar.resting_day if draw.visit == "baseline" else calendar.last_resting_day
    morning = dt.datetime.combine(index_on + dt.timedelta(days=day), _FASTING_FROM)
    return morning + dt.timedelta(minutes=minutes)


def _haematology(cohort: Cohort) -> dict[str, tuple[Floats, Floats]]:
    """Haemoglobin (g/dL) and haematocrit (%) by timepoint of the bout, to one decimal as analysers give them.

    Cells and haemoglobin stay in the vessels while plasma leaves them, so both rise by one factor f: with a
    plasma volume of 1 + v times that before, f = 100 / ((1 + v) (100 - Hct) + Hct). It is the factor at
    which the formula of Dill and Costill (1974, J Appl Physiol 37:247-8) gives v.
    """
    rules, streams = cohort.assumptions.haematology, cohort.streams
    haemoglobin = np.round(rules.haemoglobin_g_dl.at(streams.normal("haemoglobin_g_dl")), 1)
    per_haemoglobin = rules.haematocrit_per_haemoglobin.at(streams.normal("haematocrit_pct"))
    haematocrit = np.round(haemoglobin * per_haemoglobin, 1)
    result = {"pre": (haemoglobin, haematocrit)}
    for timepoint, by_arm in rules.plasma_volume_change_pct.items():
        noise = streams.normal(f"plasma_volume_{timepoint}")
        change = np.choose(cohort.arm, [by_arm[arm].at(noise) for arm in ARMS]) / 100
        factor = 100 / ((1 + change) * (100 - haematocrit) + haematocrit)
        result[timepoint] = (np.round(haemoglobin * factor, 1), np.round(haematocrit * factor, 1))
    return result
