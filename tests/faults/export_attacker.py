"""An outsider who has the aggregate profile of a study and looks for small numbers of participants.

The attacker knows everything but who is who: which sets of participants the cells of all tables count, and
which kinds of participants exist at all (that is more than anybody outside knows, so what this attacker
cannot find, nobody can). Unknown is how many there are of each kind. What was published gives linear
equations. What was not published gives inequalities: wherever a zero is shown, a count of the same kind that
is not shown is at least 1.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from orchestration.privacy.aggregate import is_count
from orchestration.privacy.cohort import COMPETING, EVENT, Analysis, Cohort, PairKey

SMALL = range(1, 11)
Rows = dict[str, list[dict[str, Any]]]
Members = NDArray[np.bool_]


@dataclass(frozen=True)
class Cell:
    """A cell of a published table: the participants it counts, and what it says."""

    name: str
    members: Members
    shown: int | None
    whole: tuple[str, ...]


def cells_of(cohort: Cohort, tables: Rows) -> list[Cell]:
    """Read every cell that counts participants; each must say how many there are."""
    cells = []
    for table, rows in tables.items():
        for row in rows:
            for column, shown in row.items():
                if is_count(column):
                    members = _members(cohort, table, row, column)
                    assert shown in (None, int(members.sum())), (table, row, column)
                    whole = _whole(table, row, column)
                    cells.append(Cell(f"{table} {row} {column}", members, shown, whole))
    return cells


def _whole(table: str, row: dict[str, Any], column: str) -> tuple[str, ...]:
    """Which cells are of a kind: who sees a zero among them knows that a hidden one is none."""
    match table:
        case "study.participants" if row["arm_id"] != "all":
            return (table,)
        case "study.characteristic":
            return (table, row["arm_id"])
        case "recurrence.pattern":
            return (table, row["arm_id"])
        case "survival.summary" if column == "n_event":
            return (table, row["arm_id"])
        case "myokine.effect":
            return (table, row["arm_id" if column == "n_paired" else "comparator_arm_id"])
    return ()


def findings(
    cohort: Cohort,
    tables: Rows,
    *,
    n_bounds: int = 40,
    zeros_are_shown: bool = False,
) -> Iterator[str]:
    """Yield every small number of participants that follows from what was published.

    Args:
        cohort: the truth, of which the attacker uses which kinds of participants there are.
        tables: the published rows, by table.
        n_bounds: of how many sets the attacker also seeks the smallest and largest size.
        zeros_are_shown: whether the attacker knows that every zero is shown, as it used to be.
    """
    if not cohort.n:
        return
    rng = np.random.default_rng(0)
    cells = cells_of(cohort, tables)
    yield from (f"shown: {cell.name}" for cell in cells if cell.shown in SMALL)
    yield from _from_survival(tables)
    sets = np.unique(np.array([cell.members for cell in cells]), axis=0)
    kinds, n_of_kind = np.unique(sets.T, axis=0, return_counts=True)
    shown = np.unique(
        np.array([cell.members for cell in cells if cell.shown is not None]).reshape(-1, cohort.n), axis=0
    )
    first = [int(np.flatnonzero((kind == sets.T).all(axis=1))[0]) for kind in kinds]
    equations = np.unique(shown[:, first].astype(float), axis=0)
    published = equations @ n_of_kind
    not_empty = _not_empty(cells, zeros_are_shown) + _left_between(cohort, tables, zeros_are_shown)
    not_empty = [members for members in not_empty if members.any()]
    at_least_one = np.unique(np.array(not_empty).reshape(-1, cohort.n)[:, first].astype(float), axis=0)
    known = _Known(equations, published, at_least_one)
    targets = _targets(sets[:, first], rng)
    sizes = targets @ n_of_kind
    suspects = (sizes >= SMALL[0]) & (sizes <= SMALL[-1])
    determined = _is_determined(equations, targets[suspects])
    yield from (f"determined: {int(n)} participants" for n in sizes[suspects][determined])
    open_sets = targets[suspects][~determined]
    chosen = open_sets[rng.permutation(len(open_sets))[:n_bounds]]
    of_few = at_least_one[np.isin(at_least_one @ n_of_kind, SMALL)]
    for target in [*chosen, *of_few[rng.permutation(len(of_few))[:n_bounds]]]:
        low, high = _bounds(known, target)
        if low >= 1 and high <= 10:
            yield f"bounded: {low} to {high} participants"


def _targets(sets: Members, rng: np.random.Generator) -> NDArray[np.float64]:
    """The sets whose size an attacker wants: of cells, differences and overlaps of two, single kinds."""
    pairs = rng.integers(0, len(sets), (4000, 2))
    one, other = sets[pairs[:, 0]], sets[pairs[:, 1]]
    singles = np.eye(sets.shape[1], dtype=bool)
    return np.unique(np.concatenate([sets, ~sets, one & ~other, one & other, singles]), axis=0).astype(float)


def _is_determined(equations: NDArray[np.float64], targets: NDArray[np.float64]) -> Members:
    """Whether each set's size is a linear combination of published sizes (the equations' row space)."""
    if not len(equations):
        return np.zeros(len(targets), dtype=bool)
    _, strengths, basis = np.linalg.svd(equations, full_matrices=False)
    basis = basis[strengths > 1e-9 * strengths.max(initial=1.0)]
    return np.abs(targets - targets @ basis.T @ basis).max(axis=1, initial=0.0) < 1e-7


class _Known(NamedTuple):
    """Sets whose sizes are published, their sizes, and sets that have at least one member."""

    equations: NDArray[np.float64]
    published: NDArray[np.float64]
    at_least_one: NDArray[np.float64]


def _not_empty(cells: list[Cell], zeros_are_shown: bool) -> list[Members]:
    """What is known of cells that are not shown: beside a zero that is, each is not empty."""
    wholes: dict[tuple[str, ...], list[Cell]] = {}
    for cell in cells:
        if cell.whole:
            wholes.setdefault(cell.whole, []).append(cell)
    known = []
    for parts in wholes.values():
        hidden = [cell.members for cell in parts if cell.shown is None]
        if zeros_are_shown or any(cell.shown == 0 for cell in parts):
            known.extend(hidden)
    return known


def _left_between(cohort: Cohort, tables: Rows, zeros_are_shown: bool) -> list[Members]:
    """Who left between a time of a curve that is shown and one beside it that is not.

    Where intervals in which nobody left are shown, nobody's leaving would be no reason to hide a time.
    """
    curves: dict[tuple[str, str], list[tuple[Members, bool]]] = {}
    for row in sorted(tables.get("survival.curve", []), key=lambda row: row["years"]):
        curve = curves.setdefault((row["endpoint_id"], row["arm_id"]), [])
        if not curve:
            is_of_arm = np.repeat([arm.arm_id == row["arm_id"] for arm in cohort.arms],
                                  [arm.n for arm in cohort.arms])  # fmt: skip
            curve.append((is_of_arm, True))
        curve.append((_members(cohort, "survival.curve", row, "n_remaining"), row["n_remaining"] is not None))
    known = []
    for curve in curves.values():
        shown = [place for place, (_, is_shown) in enumerate(curve) if is_shown]
        empty = any(np.array_equal(curve[a][0], curve[b][0]) for a, b in pairwise(shown))
        if not (zeros_are_shown or empty):
            continue
        for a, b in pairwise(shown):
            for between in range(a + 1, b):
                known.append(curve[a][0] & ~curve[between][0])
                known.append(curve[between][0] & ~curve[b][0])
        known.extend(curve[shown[-1]][0] & ~remaining for remaining, _ in curve[shown[-1] + 1 :])
    return known


def _bounds(known: _Known, target: NDArray[np.float64]) -> tuple[int, float]:
    constraints: dict[str, Any] = {}
    if len(known.equations):
        constraints |= {"A_eq": known.equations, "b_eq": known.published}
    if len(known.at_least_one):
        constraints |= {"A_ub": -known.at_least_one, "b_ub": -np.ones(len(known.at_least_one))}
    low = linprog(target, bounds=(0, None), method="highs", **constraints)
    high = linprog(-target, bounds=(0, None), method="highs", **constraints)
    assert low.status == 0, "what is published and what is known of the rest contradict each other"
    return math.ceil(low.fun - 1e-6), math.floor(-high.fun + 1e-6) if high.status == 0 else math.inf


def _from_survival(tables: Rows) -> Iterator[str]:
    """Seek the numbers of events that agree with a rounded estimate whose counts are not shown."""
    n_of_arm = {row["arm_id"]: row["n"] for row in tables.get("study.participants", [])}
    for row in tables.get("survival.curve", []):
        n = n_of_arm.get(row["arm_id"])
        if row["survival"] is None or row["n_event"] is not None or n is None:
            continue
        fitting = [events for events in range(n + 1) if round(1 - events / n, 2) == row["survival"]]
        if fitting and fitting[0] >= 1 and fitting[-1] <= 10:
            yield f"survival {row['survival']} of {n}: {fitting} events"


def _members(cohort: Cohort, table: str, row: dict[str, Any], column: str) -> Members:
    arm_ids = [row.get("arm_id", "")]
    match table, column:
        case "study.participants", _ if row["arm_id"] == "all":
            arm_ids = [arm.arm_id for arm in cohort.arms]
        case "myokine.effect", "n_paired_comparator":
            arm_ids = [row["comparator_arm_id"]]
        case _ if column.endswith(("_experimental", "_control")):
            arm_ids = [row[column.rpartition("_")[2]]]
            column = column.rpartition("_")[0]
    parts = []
    for arm in cohort.arms:
        everybody = np.full(arm.n, arm.arm_id in arm_ids)
        parts.append(everybody & _of_arm(cohort, arm, table, row, column))
    return np.concatenate(parts)


def _of_arm(cohort: Cohort, arm: Any, table: str, row: dict[str, Any], column: str) -> Members | bool:
    if table == "study.characteristic":
        levels = cohort.design.characteristics[row["characteristic"]]
        return np.asarray(arm.levels[row["characteristic"]] == levels.index(row["level"]))
    if table == "myokine.effect":
        key = PairKey(*(row[name] for name in PairKey._fields))
        return arm.pairs.get(key, False)
    if table == "recurrence.pattern":
        ended = arm.endings[Analysis(row["endpoint_id"], cohort.design.policies[0])]
        return np.asarray(ended.event_class == cohort.design.event_classes.index(row["event_class"]))
    if column == "n" or table == "study.participants":
        return True
    ended = arm.endings[Analysis(row["endpoint_id"], row["policy_id"])]
    by = row["years"] * 365.25 if "years" in row else np.inf
    has_left = ended.time_days <= by
    if column == "n_remaining":
        return np.asarray(~has_left)
    code = {"n_event": EVENT, "n_competing": COMPETING, "n_censored": 0}[column]
    return np.asarray(has_left & (ended.code == code))
