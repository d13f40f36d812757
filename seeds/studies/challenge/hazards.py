"""The multi-state model: yearly hazards by arm and transition, and times drawn from them.

A participant starts without disease, may recur, get a second primary cancer or die; after either of the
first two only death changes the state. Hazards are constant within a year since randomisation, whatever
the state and its duration, so that occupation probabilities have a closed form (`expected`).
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from seeds.studies.arrays import Floats
from seeds.studies.challenge.assumptions import ARMS, FOLDER

HAZARDS_FILE = FOLDER / "hazards.csv"

FROM_NO_DISEASE = ("recurrence", "second_primary", "death_without_disease")
AFTER_DISEASE = ("death_after_recurrence", "death_after_second_primary")
TRANSITIONS = FROM_NO_DISEASE + AFTER_DISEASE


def year_ends(years: int) -> Floats:
    """Days since randomisation on which years 0 to `years` end; whole days, as records are."""
    ends: Floats = np.rint(np.arange(years + 1) * 365.25)
    return ends


@dataclass(frozen=True)
class Hazards:
    """Hazards per year (365.25 days) by arm and transition; one value a year since randomisation."""

    per_year: Mapping[tuple[str, str], Floats]

    @property
    def years(self) -> int:
        """Years since randomisation the table covers."""
        return len(next(iter(self.per_year.values())))

    def daily(self, arm: str, transition: str) -> Floats:
        """Hazard of each day from day 1 to the end of the table."""
        days = np.diff(year_ends(self.years)).astype(np.int64)
        return np.repeat(self.per_year[arm, transition] / 365.25, days)

    def cumulative(self, arm: str, transition: str, at: Floats) -> Floats:
        """Cumulative hazard at times in days since randomisation."""
        return np.interp(at, year_ends(self.years), self._at_year_ends(arm, transition))

    def time_of(self, arm: str, transition: str, cumulative: Floats) -> Floats:
        """Times in days at which the cumulative hazard is reached; infinite when it never is."""
        knots = self._at_year_ends(arm, transition)
        return np.interp(cumulative, knots, year_ends(self.years), right=np.inf)

    def _at_year_ends(self, arm: str, transition: str) -> Floats:
        widths = np.diff(year_ends(self.years)) / 365.25
        return np.concatenate([[0.0], np.cumsum(self.per_year[arm, transition] * widths)])


@cache
def load_hazards(path: Path = HAZARDS_FILE) -> Hazards:
    """Read a table of hazards: columns arm_id, year and one per transition, sorted by year.

    Raises:
        FileNotFoundError: there is no such table.
        KeyError: a column is missing.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return Hazards(
        {
            (arm, transition): np.array([float(row[transition]) for row in rows if row["arm_id"] == arm])
            for arm in ARMS
            for transition in TRANSITIONS
        }
    )


def table_text(hazards: Hazards) -> str:
    """The table of hazards as CSV text, rounded to six decimals."""
    lines = [",".join(("arm_id", "year", *TRANSITIONS))]
    for arm in ARMS:
        for year in range(hazards.years):
            values = (f"{hazards.per_year[arm, name][year]:.6f}" for name in TRANSITIONS)
            lines.append(",".join((arm, str(year + 1), *values)))
    return "\n".join(lines) + "\n"
