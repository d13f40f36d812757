"""Find the hazards under which the simulated trial is expected to show what CHALLENGE published.

    python -m seeds.studies.challenge.calibrate            print the table and the expected figures
    python -m seeds.studies.challenge.calibrate --write    and replace hazards.csv

Six published figures are met exactly: both hazard ratios, five-year disease-free and eight-year overall
survival of each arm. What is left open is settled by the published numbers of events, the unverified share of
new primaries, and a plausible size of each parameter, weighted by the standard errors given here.
"""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from seeds.studies.arrays import Floats
from seeds.studies.challenge.assumptions import ARMS, Assumptions, load_assumptions
from seeds.studies.challenge.expected import ArmFigures, cox_log_hazard_ratio, expected_arms
from seeds.studies.challenge.hazards import HAZARDS_FILE, Hazards, table_text

YEARS = 16
EXERCISE, CONTROL = ARMS
# Exercise postpones deaths: the eight-year survivals ask for a ratio of -ln(.903)/-ln(.832) = 0.555 until
# then, and the hazard ratio of 0.63 over all follow-up for one above it after.
LATE_YEAR = 8

# ACCENT: 12, 14, 8, 5, 3 % recur in years 1 to 5 from operation. Participants were randomised close to a year
# after it and free of disease, so their first year is the second of ACCENT. Later years are extrapolated.
_ACCENT = np.array([0.12, 0.14, 0.08, 0.05, 0.03])
_ACCENT_HAZARD = -np.log(1 - _ACCENT / (1 - np.append(0.0, np.cumsum(_ACCENT)[:-1])))
# Mortality without disease grows with age, about 8 % a year (Gompertz).
AGEING = 1.08 ** np.arange(YEARS)


@dataclass(frozen=True)
class Parameter:
    """A positive parameter of the hazards: a plausible size, and the spread of its logarithm."""

    plausible: float
    spread: float


PARAMETERS: Mapping[str, Parameter] = {
    "recurrence": Parameter(0.5, 1.0),
    "second_primary": Parameter(0.015, 0.5),
    "death_without_disease": Parameter(0.004, 0.3),
    "death_after_recurrence": Parameter(0.25, 0.5),
    "death_after_second_primary": Parameter(0.10, 0.1),
    "recurrence_ratio": Parameter(0.75, 0.2),
    "second_primary_ratio": Parameter(0.6, 0.2),
    "death_without_disease_ratio": Parameter(0.9, 0.2),
    "death_after_disease_ratio": Parameter(0.9, 0.5),
    "late_death_after_disease_ratio": Parameter(1.2, 0.5),
    "recurrence_yearly_factor": Parameter(0.75, 0.15),
    "death_after_disease_yearly_factor": Parameter(1.0, 0.1),
}

SURVIVALS = {
    ("DFS_CHALLENGE", EXERCISE, 5.0): 0.803,
    ("DFS_CHALLENGE", CONTROL, 5.0): 0.739,
    ("OS", EXERCISE, 8.0): 0.903,
    ("OS", CONTROL, 8.0): 0.832,
}
HAZARD_RATIOS = {"DFS_CHALLENGE": 0.72, "OS": 0.63}
EVENTS = {
    ("DFS_CHALLENGE", EXERCISE): 93 / 445,
    ("DFS_CHALLENGE", CONTROL): 131 / 444,
    ("OS", EXERCISE): 41 / 445,
    ("OS", CONTROL): 66 / 444,
}
SECOND_PRIMARIES = {EXERCISE: 0.052, CONTROL: 0.097}
# Half the sampling error of a share among 445 participants: published counts weigh more than assumptions.
EVENTS_ERROR = 0.01
EXACTLY = 1e-5


def hazards_of(values: Mapping[str, float]) -> Hazards:
    """Yearly hazards of both arms from the parameters."""
    year = np.arange(1, YEARS + 1)
    extrapolated = values["recurrence_yearly_factor"] ** (year[4:] - 4)
    fading = values["death_after_disease_yearly_factor"] ** (np.minimum(year, LATE_YEAR) - 1)
    after_disease = np.where(
        year > LATE_YEAR,
        values["late_death_after_disease_ratio"],
        values["death_after_disease_ratio"],
    )
    control = {
        "recurrence": values["recurrence"] * np.append(_ACCENT_HAZARD[1:], _ACCENT_HAZARD[-1] * extrapolated),
        "second_primary": np.full(YEARS, values["second_primary"]),
        "death_without_disease": values["death_without_disease"] * AGEING,
        "death_after_recurrence": values["death_after_recurrence"] * fading,
        "death_after_second_primary": values["death_after_second_primary"] * fading,
    }
    ratios = {
        "recurrence": values["recurrence_ratio"],
        "second_primary": values["second_primary_ratio"],
        "death_without_disease": values["death_without_disease_ratio"],
        "death_after_recurrence": after_disease,
        "death_after_second_primary": after_disease,
    }
    return Hazards(
        {(CONTROL, name): hazard for name, hazard in control.items()}
        | {(EXERCISE, name): hazard * ratios[name] for name, hazard in control.items()}
    )


def calibrate(assumptions: Assumptions) -> Hazards:
    """Fit the parameters by least squares.

    Raises:
        RuntimeError: a figure that is to be met exactly is not.
    """
    plausible = np.array([parameter.plausible for parameter in PARAMETERS.values()])

    def residuals(logs: Floats) -> Floats:
        values = dict(zip(PARAMETERS, plausible * np.exp(logs), strict=True))
        arms = expected_arms(hazards_of(values), assumptions)
        return np.concatenate([exact_residuals(arms), _loose_residuals(arms, logs)])

    fit = least_squares(residuals, np.zeros(len(plausible)), xtol=1e-9, ftol=1e-9, gtol=1e-9)
    missed = np.abs(fit.fun[: len(SURVIVALS) + len(HAZARD_RATIOS)] * EXACTLY).max()
    if missed > 1e-5:
        raise RuntimeError(f"the hazards miss a published figure by {missed:.1e}")
    return hazards_of(dict(zip(PARAMETERS, plausible * np.exp(fit.x), strict=True)))


def exact_residuals(arms: Mapping[str, ArmFigures]) -> Floats:
    """Distances from the figures that are met exactly, in units of `EXACTLY`."""
    distances = [
        arms[arm].processes[endpoint].survival(years) - value
        for (endpoint, arm, years), value in SURVIVALS.items()
    ]
    for endpoint, ratio in HAZARD_RATIOS.items():
        beta, _ = cox_log_hazard_ratio(*(arms[arm].processes[endpoint] for arm in ARMS))
        distances.append(beta - np.log(ratio))
    return np.array(distances) / EXACTLY


def _loose_residuals(arms: Mapping[str, ArmFigures], logs: Floats) -> Floats:
    distances = [
        (arms[arm].processes[endpoint].events - share) / EVENTS_ERROR
        for (endpoint, arm), share in EVENTS.items()
    ]
    distances += [
        (arms[arm].first_events["second_primary"] - share) / EVENTS_ERROR
        for arm, share in SECOND_PRIMARIES.items()
    ]
    spreads = np.array([parameter.spread for parameter in PARAMETERS.values()])
    return np.concatenate([distances, logs / spreads])


def expected_text(arms: Mapping[str, ArmFigures]) -> str:
    """The expected figures beside the published ones, as text for a terminal."""
    lines = [f"{'figure':38} {'published':>9} {'expected':>9} {'error at 100,000':>17}"]

    def add(figure: str, published: float, expected: float, error: float) -> None:
        lines.append(f"{figure:38} {published:9.4f} {expected:9.4f} {error:17.4f}")

    for endpoint, ratio in HAZARD_RATIOS.items():
        beta, information = cox_log_hazard_ratio(*(arms[a].processes[endpoint] for a in ARMS))
        add(f"{endpoint} hazard ratio", ratio, np.exp(beta), np.exp(beta) / (1e5 * information) ** 0.5)
    for (endpoint, arm, years), value in SURVIVALS.items():
        process = arms[arm].processes[endpoint]
        error = process.survival_error(years, 50_000)
        add(f"{endpoint} {arm} {years:g} years", value, process.survival(years), error)
    for (endpoint, arm), share in EVENTS.items():
        expected = arms[arm].processes[endpoint].events
        add(f"{endpoint} {arm} events", share, expected, (expected * (1 - expected) / 50_000) ** 0.5)
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Print the calibrated table and its expected figures; with --write, replace the shipped table."""
    parser = argparse.ArgumentParser(description="Calibrate the hazards of the simulated CHALLENGE.")
    parser.add_argument("--write", action="store_true", help=f"replace {HAZARDS_FILE.name}")
    options = parser.parse_args(arguments)
    assumptions = load_assumptions()
    hazards = calibrate(assumptions)
    sys.stdout.write(table_text(hazards) + "\n")
    sys.stdout.write(expected_text(expected_arms(hazards, assumptions)))
    if options.write:
        HAZARDS_FILE.write_text(table_text(hazards), encoding="utf-8")


if __name__ == "__main__":
    main()
