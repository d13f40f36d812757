"""Nobody finds a number of 1 to 10 participants in the aggregate profile; and who tries is able to."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.privacy import aggregate_tables, atoms
from orchestration.privacy import publishable_counts as publishable_counts_module
from orchestration.privacy.aggregate import COLUMNS
from orchestration.privacy.cohort import (
    SEXES,
    Analysis,
    ArmOfCohort,
    Cohort,
    Design,
    Endings,
    PairKey,
    read_cohort,
)
from orchestration.privacy.publishable_counts import publishable_counts
from tests.faults.export_attacker import SMALL, Rows, findings

DFS, OS, TTR = (Analysis(endpoint, "primary") for endpoint in ("DFS", "OS", "TTR"))
CLASSES = ("distant_recurrence", "local_recurrence", "death")
IL6 = PairKey("resting", "IL6", "baseline", "month_6", False)
DESIGN = {
    "endpoints": ("DFS", "OS", "TTR"),
    "policies": ("primary",),
    "event_classes": CLASSES,
    "counted_classes": {"DFS": CLASSES, "OS": ("death",), "TTR": CLASSES[:2]},
    "landmarks_years": (1.0, 3.0),
    "characteristics": {"sex": SEXES},
    "pair_keys": (IL6,),
}


def arm_of(
    arm_id: str, rng: np.random.Generator, n: int, last_day: int, share_of_events: float
) -> ArmOfCohort:
    """Participants of whom some relapse, some die, and the others are censored, on any day up to the last."""

    def some_day(share: float) -> Any:
        return np.where(rng.random(n) < share, rng.integers(0, last_day + 1, n), 10**6)

    relapse, death = some_day(share_of_events), some_day(share_of_events)
    relapse = np.where(relapse <= death, relapse, 10**6)
    censored = rng.integers(0, last_day + 1, n)
    where = rng.integers(0, 2, n)

    def endings(first: Any, competing: Any, classes: Any) -> Endings:
        end = np.minimum(np.minimum(first, competing), censored)
        code = np.where(first <= end, 1, np.where(competing <= end, 2, 0))
        return Endings(end, code, np.where(code == 1, classes, -1))

    never = np.full(n, 10**6)
    return ArmOfCohort(
        arm_id,
        n,
        {
            DFS: endings(np.minimum(relapse, death), never, np.where(relapse <= death, where, 2)),
            OS: endings(death, never, np.full(n, 2)),
            TTR: endings(relapse, death, where),
        },
        {"sex": rng.integers(0, 3, n)},
        {IL6: rng.random(n) < 0.6},
    )


def cohort_of(seed: int, sizes: list[int], last_day: int, share_of_events: float) -> Cohort:
    rng = np.random.default_rng(seed)
    arms = tuple(arm_of(f"ARM{place}", rng, n, last_day, share_of_events) for place, n in enumerate(sizes))
    ids = tuple(arm.arm_id for arm in arms)
    return Cohort(Design("trial", ids, comparisons=((ids[0], ids[-1]),), **DESIGN), arms)


def tables_of(cohort: Cohort) -> Rows:
    design, counts = cohort.design, publishable_counts(cohort)
    made = {
        "study.participants": aggregate_tables.participants,
        "study.characteristic": aggregate_tables.characteristic,
        "survival.summary": aggregate_tables.summary,
        "survival.curve": aggregate_tables.curve,
        "survival.landmark": aggregate_tables.landmark,
        "recurrence.pattern": aggregate_tables.pattern,
    }
    nothing = aggregate_tables.Estimate(None, None, None, None)
    contrasts = {(IL6, arm_id, ""): (nothing, 0, 0) for arm_id in design.arms}
    ratios = {
        (endpoint, *comparison, "unadjusted"): nothing
        for endpoint in design.endpoints
        for comparison in design.comparisons
    }
    return {name: list(make(design, counts)) for name, make in made.items()} | {
        "survival.treatment_effect": list(aggregate_tables.effect(design, counts, ratios)),
        "myokine.effect": list(aggregate_tables.biomarker_effect(design, counts, contrasts)),
    }


def naive_tables_of(cohort: Cohort, monkeypatch: pytest.MonkeyPatch) -> Rows:
    """What a warehouse publishes that only leaves small cells out."""
    with monkeypatch.context() as patch:
        patch.setattr(atoms, "SMALLEST_COUNT", 0)
        everything = tables_of(cohort)
    return {
        table: [
            {name: None if name.startswith("n") and value in SMALL else value for name, value in row.items()}
            for row in rows
        ]
        for table, rows in everything.items()
    }


SMALL_COHORTS = {
    "arms of 11": (3, [11, 11], 1200, 0.4),
    "one arm of 5": (4, [60, 5, 40], 1200, 0.4),
    "nothing but an arm of 5": (5, [5], 1200, 0.4),
    "everyone censored": (6, [30, 25], 900, 0.0),
    "all events on day 0": (7, [40, 40], 0, 1.0),
    "nobody in an arm": (8, [0, 33], 900, 0.5),
    "two arms of 120": (9, [120, 120], 1500, 0.5),
    "one day of follow-up": (10, [50, 50], 1, 0.3),
}


@pytest.mark.parametrize("name", SMALL_COHORTS)
def test_no_small_number_follows_from_what_is_published_of_a_small_study(
    name: str, fault: Callable[..., Any]
) -> None:
    cohort = cohort_of(*SMALL_COHORTS[name])
    with fault("hostile", f"attacker on the aggregate export, {name}").trial(name):
        assert list(findings(cohort, tables_of(cohort))) == []


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.sampled_from([0, 3, 5, 10, 11, 12, 22, 23, 40, 70, 150]), min_size=1, max_size=3),
    st.sampled_from([0, 1, 200, 400, 1500, 4000]),
    st.sampled_from([0.0, 0.05, 0.3, 0.6, 1.0]),
)
def check_any_cohort(seed: int, sizes: list[int], last_day: int, share_of_events: float) -> None:
    cohort = cohort_of(seed, sizes, last_day, share_of_events)
    assert list(findings(cohort, tables_of(cohort), n_bounds=10)) == []


def test_no_small_number_follows_from_what_is_published_of_any_study(fault: Callable[..., Any]) -> None:
    with fault("hostile", "attacker on the aggregate export, random studies").trial("40 studies"):
        check_any_cohort()


def test_the_same_attacker_finds_small_numbers_where_only_small_cells_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that these tests can fail: margins, differences and rounded survival give suppressed cells away."""
    cohorts = [cohort_of(seed, [60, 45], 1500, 0.3) for seed in range(3)]
    found = [list(findings(cohort, naive_tables_of(cohort, monkeypatch))) for cohort in cohorts]
    assert all(found), [len(of_study) for of_study in found]
    says = {finding.partition(" ")[0] for of_study in found for finding in of_study}
    assert {"determined:", "bounded:", "survival"} <= says


def of_one_each(n_empty: int) -> Cohort:
    """100 participants, of whom 11 have an event: one in each of 11 classes, and nobody in some more."""
    classes = tuple(f"class {place}" for place in range(11 + n_empty))
    place = np.where(np.arange(100) < 11, np.arange(100), -1)
    ended = Endings(np.arange(100) * 10 + 5, (place >= 0).astype(np.int64), place)
    design = Design(
        "trial",
        ("ARM0",),
        endpoints=("DFS",),
        policies=("primary",),
        event_classes=classes,
        counted_classes={"DFS": classes},
    )
    return Cohort(design, (ArmOfCohort("ARM0", 100, {DFS: ended}),))


def test_who_knows_that_zeros_are_shown_finds_each_of_eleven_classes_of_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No class is shown, each is then at least 1, and together they are 11."""
    cohort = of_one_each(0)
    found = list(findings(cohort, tables_of(cohort), zeros_are_shown=True))
    assert "bounded: 1 to 1 participants" in found
    # Nobody has to say that zeros are shown where one is.
    cohort = of_one_each(2)
    with monkeypatch.context() as patch:
        patch.setattr(publishable_counts_module, "hide_zeros", lambda shown, **_: shown)
        tables = tables_of(cohort)
    assert [row["n"] for row in tables["recurrence.pattern"]] == [None] * 11 + [0] * 2
    assert "bounded: 1 to 1 participants" in list(findings(cohort, tables))


@pytest.mark.parametrize("n_empty", [0, 2])
def test_a_class_that_is_not_shown_may_be_empty(n_empty: int) -> None:
    cohort = of_one_each(n_empty)
    tables = tables_of(cohort)
    assert [row["n"] for row in tables["recurrence.pattern"]] == [None] * (11 + n_empty)
    assert [row["n_event"] for row in tables["survival.summary"]] == [11]
    assert list(findings(cohort, tables)) == []


def test_an_endpoint_whose_events_are_not_shown_may_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoints of one class each are parts of the broadest, as its classes are."""
    cohort = of_one_each(1)
    arm = cohort.arms[0]
    first = arm.endings[DFS]
    classes = cohort.design.event_classes
    narrow = {
        Analysis(name, "primary"): Endings(
            first.time_days, (first.event_class == place).astype(np.int64),
            np.where(first.event_class == place, place, -1),
        )
        for place, name in enumerate(classes)
    }  # fmt: skip
    design = replace(
        cohort.design,
        endpoints=("DFS", *classes),
        counted_classes={"DFS": classes, **{name: (name,) for name in classes}},
    )
    cohort = Cohort(design, (replace(arm, endings={DFS: first, **narrow}),))
    assert list(findings(cohort, tables_of(cohort))) == []
    with monkeypatch.context() as patch:
        patch.setattr(publishable_counts_module, "hide_zeros", lambda shown, **_: shown)
        tables = tables_of(cohort)
    assert "bounded: 1 to 1 participants" in list(findings(cohort, tables))


def test_zeros_are_shown_where_nothing_is_hidden_beside_them() -> None:
    cohort = cohort_of(*SMALL_COHORTS["everyone censored"])
    assert {row["n"] for row in tables_of(cohort)["recurrence.pattern"]} == {0}


def test_what_is_shown_is_computed_from_counts_that_are_shown() -> None:
    cohort = cohort_of(1, [150, 150], 1500, 0.4)
    for table, rows in tables_of(cohort).items():
        for row in rows:
            counts = [value for name, value in row.items() if name == "n" or name.startswith("n_")]
            assert row["is_suppressed"] == (None in counts), (table, row)
            estimates = [row.get(name) for name in ("survival", "event_incidence", "hazard_ratio", "ratio")]
            assert None not in counts or estimates == [None] * 4, (table, row)


@pytest.fixture(scope="module")
def exported(
    cohortmart: Callable[..., Any], warehouse: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The aggregate export of the shipped studies, as the command writes it."""
    folder = tmp_path_factory.mktemp("exports") / "aggregate"
    done = cohortmart("export", "--profile", "aggregate", "--output", folder, home=warehouse)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("study_id", ["challenge-sim", "moertel-colon", "myokine-sim", "landers-ramos-50km"])
def test_no_small_number_follows_from_what_is_exported_of_a_shipped_study(
    exported: Path, warehouse: Path, study_id: str, fault: Callable[..., Any]
) -> None:
    """All tables of the export together, as the files hold them, against the participants of the release."""
    with duckdb.connect(
        (warehouse / "warehouse" / "current").resolve() / "cohortmart.duckdb", read_only=True
    ) as con:
        cohort = read_cohort(con, study_id)
    tables = {
        name: [
            row
            for row in pq.read_table(
                exported / f"{name.replace('.', '/')}.parquet", page_checksum_verification=True
            ).to_pylist()
            if row["study_id"] == study_id
        ]
        for name in COLUMNS
    }
    n_cells = sum(len(rows) for rows in tables.values())
    assert n_cells, "an export of a study says something of it"
    with fault("hostile", f"attacker on the aggregate export of {study_id}").trial(study_id):
        assert list(findings(cohort, tables)) == []
