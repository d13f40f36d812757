"""Concentrations in the blood drawn: the person's level, what exercise does to it, and what varies by itself.

What varies within a person is centred: among the participants of an arm its mean is zero at every drawing of
every analyte. So the paired ratio of geometric means is the expected one but for plates, their faults and
rounding, as sixteen persons alone would hardly give it. Levels of persons, and how much single persons vary,
stay as they were drawn.
"""

import numpy as np

from seeds.studies.arrays import Floats, Truths
from seeds.studies.myokine_sim.assumptions import Analyte
from seeds.studies.myokine_sim.blood import DRAWS, Draw
from seeds.studies.myokine_sim.cohort import Cohort


def draw_concentrations(cohort: Cohort, analyte: Analyte) -> Floats:
    """Draw concentrations in the analyte's unit.

    Returns:
        One row per participant and one column per drawing, also for blood that was not drawn.
    """
    name, sd = analyte.assay.name, analyte.sd
    level = np.log(analyte.median) + sd.between * cohort.streams.normal(f"{name}/person")
    columns = []
    for number, draw in enumerate(DRAWS, start=1):
        noise = cohort.centred(cohort.streams.normal(f"{name}/{number}"), counted(cohort, draw))
        within = sd.within_weeks if draw.is_resting else sd.within_bout
        columns.append(level + np.log(_expected_ratio(cohort, analyte, draw)) + within * noise)
    concentrations: Floats = np.exp(np.stack(columns, axis=1))
    return concentrations


def counted(cohort: Cohort, draw: Draw) -> Truths:
    """Whose sample is compared with another: at rest, those who were rested both times."""
    return cohort.is_rested if draw.is_resting else np.ones_like(cohort.is_rested)


def _expected_ratio(cohort: Cohort, analyte: Analyte, draw: Draw) -> Floats:
    if not draw.compared:
        return np.ones(len(cohort.arm))
    return cohort.by_arm(analyte.ratio[draw.compared])
