"""At a hundred thousand participants the simulated CHALLENGE gives the published results."""

import json

import pytest


@pytest.fixture(scope="module")
def large_warehouse(cohortmart, tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    package, home = folder / "package", folder / "home"
    simulated = cohortmart(
        *("simulate", "challenge", "--participants", 100_000, "--seed", 20250601, "--out", package),
        home=home,
    )
    assert simulated.returncode == 0, simulated.stderr
    done = cohortmart("build", "--study", package, home=home)
    assert done.returncode == 0, done.stderr
    return home


@pytest.mark.slow
@pytest.mark.xdist_group("large")
def test_published_effects_and_survivals_are_within_three_standard_errors(cohortmart, large_warehouse):
    answer = cohortmart(
        "sql",
        "select figure_id, quantity, endpoint_id, own_value, own_std_error, published_value, distance_se "
        "from benchmark.published_result where quantity in ('hazard_ratio', 'landmark_survival')",
        *("--format", "json"),
        home=large_warehouse,
    )
    figures = json.loads(answer.stdout)
    assert sorted(row["quantity"] for row in figures) == ["hazard_ratio"] * 2 + ["landmark_survival"] * 4
    for row in figures:
        assert abs(row["distance_se"]) <= 3, row
        # Three standard errors of so large a study are little: a wrong design would show.
        assert row["own_std_error"] < 0.02, row


@pytest.mark.slow
@pytest.mark.xdist_group("large")
def test_every_participant_is_randomised_once(cohortmart, large_warehouse):
    answer = cohortmart(
        "sql",
        "select arm_id, n from survival.summary where endpoint_id = 'OS' and policy_id = 'primary'"
        " order by arm_id",
        *("--format", "json"),
        home=large_warehouse,
    )
    assert json.loads(answer.stdout) == [
        {"arm_id": "EXERCISE", "n": 50_000},
        {"arm_id": "HEALTH_EDUCATION", "n": 50_000},
    ]
