"""The simulated trial is expected to show what CHALLENGE published, and shows it when it is large."""

import csv
from collections.abc import Mapping
from math import exp, log, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from schemas.reference import REFERENCE_FOLDER
from seeds.studies.challenge import simulate
from seeds.studies.challenge.assumptions import ARMS, load_assumptions
from seeds.studies.challenge.calibrate import calibrate
from seeds.studies.challenge.expected import ArmFigures, Process, cox_log_hazard_ratio, expected_arms
from seeds.studies.challenge.hazards import load_hazards
from seeds.studies.challenge.observation import plan_observation

ENDPOINTS = ("DFS_CHALLENGE", "OS")
LANDMARK_YEARS = {"DFS_CHALLENGE": 5, "OS": 8}
ENROLLED = dict(zip(ARMS, (445, 444), strict=True))

# More than one block of the simulator; the day the results were published.
PARTICIPANTS, SEED = 70_000, 20250601


@pytest.fixture(scope="module")
def published() -> dict[tuple[str, str, str], float]:
    """Published figures by quantity, endpoint and arm (empty for a comparison)."""
    with (REFERENCE_FOLDER / "published_results.csv").open(newline="", encoding="utf-8") as file:
        return {
            (row["quantity"], row["endpoint_id"], row["arm_id"]): float(row["published_value"])
            for row in csv.DictReader(file)
            if row["study_id"] == "challenge-sim"
        }


@pytest.fixture(scope="module")
def expected() -> dict[str, ArmFigures]:
    return expected_arms(load_hazards(), load_assumptions())


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(PARTICIPANTS, SEED, tmp_path_factory.mktemp("challenge"))


@pytest.fixture(scope="module")
def participants(package: Path) -> pl.DataFrame:
    """Days and events of both endpoints, derived from the records by the rules of the trial."""
    cutoff = load_assumptions().data_cutoff
    records = {
        name: pl.read_csv(package / f"{name}.csv", try_parse_dates=True)
        for name in ("participants", "follow_up", "disease_events", "deaths")
    }
    follow_up = records["follow_up"].filter(pl.col("followed_on") <= cutoff)
    is_assessment = (pl.col("kind") == "disease_assessment") & (pl.col("outcome") != "not_evaluable")
    counted = ~pl.col("event_type").is_in(["non_melanoma_skin_cancer", "in_situ_carcinoma"])
    alive_at_cutoff = records["follow_up"].filter(pl.col("followed_on") > cutoff)
    dates = {
        "assessed": follow_up.filter(is_assessment).select("participant_id", "followed_on"),
        "contact": pl.concat(
            [follow_up, alive_at_cutoff.with_columns(followed_on=pl.lit(cutoff))], how="vertical"
        ).select("participant_id", "followed_on"),
    }
    last = [
        frame.group_by("participant_id").agg(pl.col("followed_on").max().alias(name))
        for name, frame in dates.items()
    ]
    disease = records["disease_events"].filter(counted, pl.col("event_on") <= cutoff)
    deaths = records["deaths"].filter(pl.col("died_on") <= cutoff).select("participant_id", "died_on")
    rows = records["participants"].select("participant_id", "index_date", "arm_id")
    for part in (*last, disease.group_by("participant_id").agg(disease_on=pl.col("event_on").min()), deaths):
        rows = rows.join(part, on="participant_id", how="left", validate="1:1")
    first = pl.min_horizontal("disease_on", "died_on")
    day = {"OS": pl.coalesce("died_on", "contact"), "DFS_CHALLENGE": pl.coalesce(first, "assessed")}
    event = {"OS": pl.col("died_on").is_not_null(), "DFS_CHALLENGE": first.is_not_null()}
    return rows.select(
        "arm_id",
        *((day[e] - pl.col("index_date")).dt.total_days().alias(f"{e}_days") for e in ENDPOINTS),
        *(event[e].alias(f"{e}_event") for e in ENDPOINTS),
    )


def _response(rows: pl.DataFrame, endpoint: str) -> Any:
    import greenwood  # noqa: PLC0415

    return greenwood.Surv(rows[f"{endpoint}_days"].to_numpy(), rows[f"{endpoint}_event"].to_numpy())


def _processes(arms: Mapping[str, ArmFigures], endpoint: str) -> tuple[Process, Process]:
    experimental, control = (arms[arm].processes[endpoint] for arm in ARMS)
    return experimental, control


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_expected_hazard_ratio_is_the_published_one(expected, published, endpoint):
    log_ratio, _ = cox_log_hazard_ratio(*_processes(expected, endpoint))
    assert exp(log_ratio) == pytest.approx(published["hazard_ratio", endpoint, ""], abs=0.0005)


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_expected_landmark_survival_is_the_published_one(expected, published, endpoint, arm):
    survival = expected[arm].processes[endpoint].survival(LANDMARK_YEARS[endpoint])
    assert survival == pytest.approx(published["landmark_survival", endpoint, arm], abs=0.00005)


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_expected_events_are_near_the_published_ones(expected, published, endpoint, arm):
    """The counts cannot be met as well: the survivals ask for a few more, within sampling error."""
    share = expected[arm].processes[endpoint].events
    error = sqrt(share * (1 - share) / ENROLLED[arm])
    assert share == pytest.approx(published["event_share", endpoint, arm], abs=1.5 * error)


def test_median_follow_up_is_the_published_one():
    plan = plan_observation(load_assumptions(), 5844)
    assert plan.ends.sum() == pytest.approx(1, abs=1e-12), "somebody is followed beyond the table of hazards"
    assert plan.median_days / 365.25 == pytest.approx(7.9, abs=0.05)


def test_most_recurrences_come_within_three_years(expected):
    """ACCENT (20,898 patients): 80 % of recurrences by year 3 from operation, a year earlier than here."""
    table = load_hazards()
    for arm in ARMS:
        recurrence = table.per_year[arm, "recurrence"]
        assert (np.diff(recurrence) < 0).all()
        assert recurrence[:3].sum() / recurrence.sum() > 0.7


def test_a_proportional_hazard_ratio_is_found_under_any_censoring():
    """Where hazards are proportional the Cox model's limit is their ratio, however few are followed."""
    day = np.arange(1, 3001)
    for observed in (np.ones(3000), np.exp(-day / 400), (day < 700).astype(float)):
        experimental, control = (
            Process(
                n_event=np.exp(-rate * (day - 1)) * -np.expm1(-rate) * observed,
                n_at_risk=np.exp(-rate * (day - 1)) * observed,
            )
            for rate in (0.72e-4, 1e-4)
        )
        log_ratio, _ = cox_log_hazard_ratio(experimental, control)
        assert log_ratio == pytest.approx(log(0.72), abs=1e-4)


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_kaplan_meier_of_a_large_trial_is_the_published_survival(participants, published, endpoint, arm):
    import greenwood  # noqa: PLC0415

    fit = greenwood.KaplanMeier().fit(_response(participants.filter(pl.col("arm_id") == arm), endpoint))
    at = np.searchsorted(fit.time_, LANDMARK_YEARS[endpoint] * 365.25, side="right") - 1
    distance = fit.survival_[at] - published["landmark_survival", endpoint, arm]
    assert abs(distance) < 3 * fit.std_error_[at]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_cox_model_of_a_large_trial_has_the_published_hazard_ratio(
    participants, published, expected, endpoint
):
    import greenwood  # noqa: PLC0415

    exercises = (participants["arm_id"] == "EXERCISE").cast(pl.Float64).to_numpy()
    fit = greenwood.CoxPH().fit(_response(participants, endpoint), exercises.reshape(-1, 1))
    log_ratio = float(np.ravel(fit.coef_)[0])
    _, information = cox_log_hazard_ratio(*_processes(expected, endpoint))
    error = 1 / sqrt(PARTICIPANTS * information)
    assert float(np.ravel(fit.std_error_)[0]) == pytest.approx(error, rel=0.03)
    assert abs(log_ratio - log(published["hazard_ratio", endpoint, ""])) < 3 * error


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_at_risk_numbers_of_a_large_trial_are_the_expected_ones(participants, expected, endpoint):
    """Holds the assumed accrual, withdrawal and visits against the records drawn from them."""
    for arm in ARMS:
        days = participants.filter(pl.col("arm_id") == arm)[f"{endpoint}_days"]
        for year in (0.5, 1, 3, 5, 8, 11, 14):
            share = expected[arm].processes[endpoint].n_at_risk[int(year * 365.25) - 1]
            at_risk = (days >= int(year * 365.25)).mean()
            assert at_risk == pytest.approx(share, abs=4 * sqrt(share * (1 - share) / len(days)))


def test_blocks_of_a_large_trial_join_without_a_seam(package):
    ids = pl.read_csv(package / "participants.csv")["participant_id"]
    assert ids.to_list() == [f"CH-{number:07d}" for number in range(1, PARTICIPANTS + 1)]


def test_shipped_hazards_are_those_the_calibration_finds():
    shipped, found = load_hazards(), calibrate(load_assumptions())
    for place, hazards in shipped.per_year.items():
        assert hazards == pytest.approx(found.per_year[place], abs=1e-5), place
