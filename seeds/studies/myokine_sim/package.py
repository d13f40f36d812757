"""The simulated trial as a study package on disk."""

import shutil
from pathlib import Path

import polars as pl

from seeds.studies.myokine_sim.assumptions import FOLDER, load_assumptions
from seeds.studies.myokine_sim.blood import samples_frame
from seeds.studies.myokine_sim.cohort import draw_cohort, participants_frame
from seeds.studies.myokine_sim.exercise import draw_bouts, exercise_bouts_frame, exercise_sessions_frame
from seeds.studies.myokine_sim.plates import assay_results_frame

# The number of the model trial in PubMed; the first seed that was tried.
SHIPPED_SEED = 40608178


def write_package(out: Path) -> Path:
    """Write the study package `myokine-sim` (16 + 16 participants) into the folder `out`.

    The bytes are the same on every machine: numbers are rounded before they are written. What varies within
    persons and between wells is centred within arm, analyte and drawing, so that so small a trial shows the
    effects it is expected to (`concentrations`).

    Returns:
        The folder.
    """
    out.mkdir(parents=True, exist_ok=True)
    for record, frame in simulated_records(SHIPPED_SEED).items():
        frame.write_csv(out / f"{record}.csv", line_terminator="\n")
    shutil.copyfile(FOLDER / "study.yaml", out / "study.yaml")
    return out


def simulated_records(seed: int) -> dict[str, pl.DataFrame]:
    """Records of the simulated trial by record type.

    Args:
        seed: chooses the random numbers.
    """
    cohort = draw_cohort(seed, load_assumptions())
    bouts = draw_bouts(cohort)
    return {
        "participants": participants_frame(cohort),
        "exercise_bouts": exercise_bouts_frame(cohort, bouts),
        "exercise_sessions": exercise_sessions_frame(cohort),
        "samples": samples_frame(cohort, bouts),
        "assay_results": assay_results_frame(cohort),
    }
