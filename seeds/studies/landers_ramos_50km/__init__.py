"""Inflammation during a 50 km ultramarathon: real plates of eleven runners, public data (CC0).

Belongs here: the package as it is delivered, byte for byte. Does not belong here: anything that mends or
completes it, for the warehouse is to say what plates with most results below their limits are worth.
"""

import shutil
from pathlib import Path

_FOLDER = Path(__file__).parent
PACKAGE_FILES = (
    "study.yaml",
    "participants.csv",
    "exercise_bouts.csv",
    "samples.csv",
    "assay_results.csv",
)


def write_package(out: Path) -> Path:
    """Copy the study package `landers-ramos-50km` (11 runners, 36 samples) into the folder `out`.

    Returns:
        The folder.
    """
    out.mkdir(parents=True, exist_ok=True)
    for name in PACKAGE_FILES:
        shutil.copyfile(_FOLDER / name, out / name)
    return out
