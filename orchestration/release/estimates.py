"""Which released numbers are point estimates, and how far they moved between two releases.

How far is in standard errors of the estimate, so that a hazard ratio of a small subgroup and a median of a
whole study can stand in one order. Ratios are compared on the log scale, where 0.5 is as far from 1 as 2.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import duckdb

_LEVEL = 0.95


@dataclass(frozen=True)
class PointEstimate:
    """One column of point estimates, and the columns that say how sure it is.

    `std_error` is on the log scale for a ratio. Where it is null or there is none, half the width of the
    interval `low` to `high` stands for it, of 95 % or of the level in the column `level`. `scale` is a column
    that says `ratio` of the rows that hold one.
    """

    column: str
    std_error: str = ""
    low: str = "conf_low"
    high: str = "conf_high"
    is_ratio: bool = False
    scale: str = ""
    level: str = ""

    @property
    def beside(self) -> tuple[str, ...]:
        """The columns read beside the estimate; empty names are none."""
        return (self.std_error, self.low, self.high, self.level, self.scale)


_HAZARD_RATIO = PointEstimate("hazard_ratio", "std_error", is_ratio=True)
_RATE = PointEstimate("rate_per_1000_person_years")
_MEDIAN = PointEstimate("median_days", low="median_days_low", high="median_days_high")

# Follow-up, percentages of counts and benchmarks describe or repeat: they are not here.
POINT_ESTIMATES: Mapping[str, tuple[PointEstimate, ...]] = {
    "myokine.effect": (PointEstimate("estimate", "std_error", scale="scale", level="conf_level"),),
    "myokine.outcome_association": (_HAZARD_RATIO,),
    "recurrence.effect": (_HAZARD_RATIO,),
    "recurrence.pattern": (_RATE,),
    "recurrence.second_primary": (_RATE,),
    "recurrence.survival_after_recurrence_summary": (_MEDIAN,),
    "recurrence.yearly_rate": (_RATE,),
    "survival.landmark": (PointEstimate("survival", "std_error"),),
    "survival.landmark_difference": (PointEstimate("difference", "std_error"),),
    "survival.rmst_difference": (PointEstimate("difference_days", "std_error"),),
    "survival.summary": (
        _MEDIAN,
        PointEstimate("rmst_days", "rmst_std_error", "rmst_days_low", "rmst_days_high"),
    ),
    "survival.treatment_effect": (_HAZARD_RATIO,),
}

# One row for each day: a participant more changes most of them, and no row of them is a result.
CURVES = (
    "recurrence.cumulative_incidence",
    "recurrence.survival_after_recurrence",
    "survival.curve",
    "survival.risk_table",
)

# The rows that answer a study's questions, by what tells them from the sensitivity analyses in their table.
MAIN_RESULTS: Mapping[str, Mapping[str, str]] = {
    "survival.treatment_effect": {
        "policy_id": "primary",
        "model": "unadjusted",
        "ties": "efron",
        "subgroup": "all",
    },
    "recurrence.effect": {"policy_id": "primary", "model": "fine_gray"},
}
_MAIN_KEY = ("study_id", "endpoint_id", "experimental", "control")
_MAIN_VALUES = ("hazard_ratio", "n", "events")
_EFFECTS = {
    "survival.treatment_effect": "hazard ratio",
    "recurrence.effect": "subhazard ratio",
}


@dataclass(frozen=True)
class Move:
    """One estimate that differs; `before` or `after` is null where it was not estimable.

    `change` is `after - before`, of a ratio the difference of the logarithms. `std_error` is the
    larger of both, on the same scale: the order is the same whichever release comes first, and one that few
    participants are left of has not moved far. `std_errors` is |change| / std_error.
    All three are null where there is nothing to divide.
    """

    table: str
    key: dict[str, Any]
    column: str
    before: float | None
    after: float | None
    change: float | None
    std_error: float | None
    std_errors: float | None

    @property
    def is_of_one_side(self) -> bool:
        """Whether it was not estimable before or is not any more."""
        return self.before is None or self.after is None


@dataclass(frozen=True)
class MainResult:
    """The effect of one comparison on one endpoint, before and after; `n` participants with `events`."""

    effect: str
    study_id: str
    endpoint_id: str
    experimental: str
    control: str
    hazard_ratio: tuple[float | None, float | None]
    n: tuple[int | None, int | None]
    events: tuple[int | None, int | None]

    @property
    def has_moved(self) -> bool:
        """Whether the effect or the numbers behind it differ."""
        return any(before != after for before, after in (self.hazard_ratio, self.n, self.events))


@dataclass(frozen=True)
class MainResults:
    """The main results that moved, and how many did not, are only in the release after, or only before."""

    moved: list[MainResult]
    n_unmoved: int = 0
    n_added: int = 0
    n_removed: int = 0


def _columns(described: Mapping[str, Any]) -> set[str]:
    return {column["name"] for column in described["columns"]}


def moves(
    con: duckdb.DuckDBPyConnection, table: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> list[Move]:
    """Find the point estimates of one table that differ, in no order.

    Args:
        con: a connection with the releases attached as `a` (before) and `b` (after).
        table: `schema.name`; one without point estimates has none that differ.
        old: what the manifest before says of the table.
        new: what the manifest after says of it.
    """
    shared = _columns(old) & _columns(new)
    key = list(new["key"])
    if not key or old["key"] != key:
        return []
    made = []
    for estimate in POINT_ESTIMATES.get(table, ()):
        if estimate.column not in shared:
            continue
        beside = [name for name in estimate.beside if name in shared]
        names = [estimate.column, *beside]
        selected = [f'b."{name}"' for name in key]
        selected += [f'{side}."{name}"' for side in "ab" for name in names]
        matched = " and ".join(f'a."{name}" is not distinct from b."{name}"' for name in key)
        rows = con.execute(
            f"select {', '.join(selected)} from a.{table} as a join b.{table} as b on {matched} "
            f'where a."{estimate.column}" is distinct from b."{estimate.column}"'
        ).fetchall()
        for row in rows:
            values = row[len(key) :]
            sides = [
                dict(zip(names, half, strict=True)) for half in (values[: len(names)], values[len(names) :])
            ]
            of = dict(zip(key, row[: len(key)], strict=True))
            made.append(_move(table, of, estimate, (sides[0], sides[1])))
    return made


def by_size(move: Move) -> tuple[Any, ...]:
    """The order of moves: most standard errors first, then the largest change, then by name."""
    return (
        -(move.std_errors if move.std_errors is not None else -1.0),
        -abs(move.change if move.change is not None else 0.0),
        move.table,
        move.column,
        [str(value) for value in move.key.values()],
    )


def _move(
    table: str,
    key: dict[str, Any],
    estimate: PointEstimate,
    sides: tuple[Mapping[str, Any], Mapping[str, Any]],
) -> Move:
    before, after = (side[estimate.column] for side in sides)
    # An estimate can be a share in one release and a ratio in the next only if its definition changed.
    is_ratio = estimate.is_ratio or all(side.get(estimate.scale) == "ratio" for side in sides)
    on_scale = [_on_scale(value, is_ratio=is_ratio) for value in (before, after)]
    change = None if on_scale[0] is None or on_scale[1] is None else on_scale[1] - on_scale[0]
    sure = [_std_error(estimate, side, is_ratio=is_ratio) for side in sides]
    std_error = max((s for s in sure if s), default=None)
    std_errors = None if change is None or std_error is None else abs(change) / std_error
    return Move(table, key, estimate.column, before, after, change, std_error, std_errors)


def _on_scale(value: float | None, *, is_ratio: bool) -> float | None:
    if value is None or not is_ratio:
        return value
    return math.log(value) if value > 0 else None


def _std_error(estimate: PointEstimate, side: Mapping[str, Any], *, is_ratio: bool) -> float | None:
    """The standard error, else that of a normal interval as wide, or half as wide where one end is open."""
    own = side.get(estimate.std_error)
    if own:
        return float(own)
    quantile = NormalDist().inv_cdf((1 + (side.get(estimate.level) or _LEVEL)) / 2)
    at, low, high = (
        _on_scale(side.get(name), is_ratio=is_ratio)
        for name in (estimate.column, estimate.low, estimate.high)
    )
    if low is not None and high is not None:
        return (high - low) / (2 * quantile)
    end = low if low is not None else high
    return None if at is None or end is None else abs(at - end) / quantile


def main_results(
    con: duckdb.DuckDBPyConnection, table: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> MainResults:
    """Compare the main results of one table.

    Args:
        con: a connection with the releases attached as `a` (before) and `b` (after).
        table: `schema.name`; one that holds no main results gives none.
        old: what the manifest before says of the table.
        new: what the manifest after says of it.
    """
    chosen = MAIN_RESULTS.get(table)
    if chosen is None or not {*_MAIN_KEY, *_MAIN_VALUES, *chosen} <= _columns(old) & _columns(new):
        return MainResults([])
    columns = ", ".join(_MAIN_KEY + _MAIN_VALUES)
    where = " and ".join(f"{name} = '{value}'" for name, value in chosen.items())
    width = len(_MAIN_KEY)
    before, after = (
        {
            row[:width]: row[width:]
            for row in con.execute(f"select {columns} from {side}.{table} where {where}").fetchall()
        }
        for side in "ab"
    )
    shared = [
        MainResult(_EFFECTS[table], *key, *zip(before[key], after[key], strict=True))
        for key in sorted({*before} & {*after})
    ]
    moved = [result for result in shared if result.has_moved]
    return MainResults(moved, len(shared) - len(moved), len({*after} - {*before}), len({*before} - {*after}))
