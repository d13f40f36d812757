"""From the frames of an adjusted analysis to the risk sets of its Cox model.

Belongs here: covariates of patterns as numbers, and which participants a comparison uses. Does not belong
here: the model (`cox_regression`).
"""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms.estimators.comparisons import AnalysisKey
from transforms.estimators.elementary import FloatArray
from transforms.estimators.partial_likelihood import PatternCounts
from transforms.estimators.risk_set import ANALYSIS_KEY, IntArray, RiskSet, added

MAX_ROWS = 5_000_000
"""Distinct combinations of arm, covariates, entry, exit and outcome beyond which a model is refused."""

ARM = "the arm"

_TOO_MANY_ROWS = (
    f"more than {MAX_ROWS:,} distinct combinations of covariates and days: group the continuous covariates"
)


@dataclass(frozen=True, slots=True)
class AdjustedData:
    """What the adjusted Cox model of one comparison is fitted to; `reason` when it cannot be.

    `everybody` are the participants in it, which leaves out those of levels without events. The first row of
    `design` is 1 for the experimental arm; `covariates` names the rows.
    """

    everybody: RiskSet
    covariates: list[str]
    design: FloatArray
    counts: PatternCounts
    reason: str


def covariates_of_studies(patterns: pl.DataFrame) -> dict[str, dict[str, str]]:
    """Return the covariates of each study's adjusted model, in the study's order, with their kinds.

    Args:
        patterns: study_id, covariate, position, kind, in any number of rows.
    """
    named = patterns.select("study_id", "position", "covariate", "kind").unique().sort(pl.all())
    studies: dict[str, dict[str, str]] = {}
    for study_id, _, covariate, kind in named.iter_rows():
        studies.setdefault(study_id, {})[covariate] = kind
    return studies


@dataclass(frozen=True, slots=True)
class StudyPatterns:
    """The covariate patterns of a study, numbered in the order of their labels.

    `levels` has a row per pattern: its label, its number, and a column of text per covariate.
    """

    kinds: dict[str, str]
    levels: pl.DataFrame


def patterns_of_study(patterns: pl.DataFrame, study_id: str, kinds: dict[str, str]) -> StudyPatterns:
    """Number the patterns of a study and put the values of each in a row.

    Args:
        patterns: study_id, pattern, covariate, level, one row per pattern and covariate.
        study_id: the study.
        kinds: `categorical` or `continuous` by covariate.
    """
    of_study = patterns.filter(study_id=study_id).select("pattern", "covariate", "level")
    levels = of_study.select("pattern").unique().sort("pattern").with_row_index("number")
    for position, covariate in enumerate(kinds):
        values = of_study.filter(covariate=covariate).select("pattern", pl.col("level").alias(f"{position}"))
        levels = levels.join(values, on="pattern", how="left", maintain_order="left")
    return StudyPatterns(kinds, levels)


def stays_by_analysis(stays: pl.DataFrame) -> dict[AnalysisKey, pl.DataFrame]:
    """Split the stays of participants by study, endpoint and policy."""
    parts = stays.partition_by(*ANALYSIS_KEY, as_dict=True, include_key=False)
    return {tuple(str(part) for part in key): frame for key, frame in parts.items()}


def adjusted_data(stays: pl.DataFrame, patterns: StudyPatterns, pair: tuple[str, str]) -> AdjustedData:
    """Count the participants of two arms by covariate pattern and day.

    The participants of a level without events, of a categorical covariate, are left out. The likelihood rises
    for ever as the coefficient of such a level falls, and tends to that of the model without them: they weigh
    nothing in any risk set. The arm's estimate is so the one that R's `coxph` approaches with them, and
    has exactly without them. They are not counted, and where the level is the reference, another takes its
    place.

    Args:
        stays: arm_id, pattern, entry_days, time_days, competing_code, n of one analysis, in any order.
        patterns: the patterns of its study.
        pair: experimental and control arm.
    """
    rows = _of_levels_with_events(_distinct(stays, patterns, pair), patterns)
    arm_and_pattern, runs = np.unique(rows[0], return_inverse=True)
    counts = _counts(rows, runs)
    everybody = _taken_together(counts)

    def refused(reason: str) -> AdjustedData:
        return AdjustedData(everybody, [], np.zeros((0, 0)), counts, reason)

    is_experimental, number = np.divmod(arm_and_pattern, max(patterns.levels.height, 1))
    absent = [arm for arm, side in zip(pair, (1, 0), strict=True) if side not in is_experimental]
    if absent:
        arms_present = set(stays["arm_id"])
        return refused("; ".join(_why_absent(arm, arm in arms_present) for arm in absent))
    if runs.size > MAX_ROWS:
        return refused(_TOO_MANY_ROWS)
    if not everybody.events:
        return refused("no events in either arm")
    names, design, reason = _design(
        is_experimental.astype(np.float64), patterns.levels[number], patterns.kinds
    )
    return AdjustedData(everybody, names, design, counts, reason)


def _why_absent(arm: str, has_participants: bool) -> str:
    if has_participants:
        return f"no participants in arm {arm} but of levels without events"
    return f"no participants with known covariates in arm {arm}"


def _of_levels_with_events(rows: tuple[IntArray, ...], patterns: StudyPatterns) -> tuple[IntArray, ...]:
    """Leave out the distinct stays of levels without events, unless there are no events at all.

    Who is left out has no event, so no other level loses one.
    """
    arm_and_pattern, _, _, code, n = rows
    number = arm_and_pattern % max(patterns.levels.height, 1)
    events = np.bincount(number, np.where(code == 1, n, 0), patterns.levels.height)
    if not np.any(events):
        return rows
    by_pattern = patterns.levels.with_columns(events=pl.Series(events.astype(np.int64)))
    has_events = np.ones(events.size, dtype=np.bool_)
    for position, kind in enumerate(patterns.kinds.values()):
        if kind == "categorical":
            of_level = by_pattern.select(pl.col("events").sum().over(f"{position}")).to_series()
            has_events &= of_level.to_numpy() > 0
    if np.all(has_events):
        return rows
    kept = has_events[number]
    return tuple(column[kept] for column in rows)


def _distinct(stays: pl.DataFrame, patterns: StudyPatterns, pair: tuple[str, str]) -> tuple[IntArray, ...]:
    """Return arm and pattern as one number, entry, exit, code and n of the distinct stays of two arms.

    They are ordered, so that nothing but them decides in which order sums are made. Sorting one number
    that says all of a stay is several times faster than sorting by its parts; with days below 2**17 (359
    years) and fewer than 2**26 patterns it fits.
    """
    of_pair = stays.filter(pl.col("arm_id").is_in(pair)).join(
        patterns.levels.select("pattern", "number"), on="pattern"
    )
    is_experimental = (of_pair["arm_id"] == pair[0]).cast(pl.Int64).to_numpy()
    number, entry, leave, code, n = (
        of_pair[name].cast(pl.Int64).to_numpy()
        for name in ("number", "entry_days", "time_days", "competing_code", "n")
    )
    days = int(np.max(leave, initial=0)) + 1
    stay = (((is_experimental * patterns.levels.height + number) * days + entry) * days + leave) * 3 + code
    order = np.argsort(stay, kind="stable")
    stay = stay[order]
    first = np.flatnonzero(np.diff(stay, prepend=-1))
    stay, code = np.divmod(stay[first], 3)
    stay, leave = np.divmod(stay, days)
    arm_and_pattern, entry = np.divmod(stay, days)
    return arm_and_pattern, entry, leave, code, np.add.reduceat(n[order], first) if first.size else n


def _counts(rows: tuple[IntArray, ...], pattern: IntArray) -> PatternCounts:
    _, entry, leave, code, n = rows
    late = entry > 0
    return PatternCounts(
        exit_pattern=pattern,
        exit_day=leave,
        n_event=np.where(code == 1, n, 0),
        n_exit=n,
        entry_pattern=pattern[late],
        entry_day=entry[late],
        n_entered=n[late],
    )


def _taken_together(counts: PatternCounts) -> RiskSet:
    """Return the risk set of all patterns."""
    days = np.concatenate([[0], counts.exit_day, counts.entry_day])
    none = np.zeros_like(counts.entry_day)
    exits = np.concatenate([[0], counts.n_exit, none])
    events = np.concatenate([[0], counts.n_event, none])
    at_origin = np.sum(counts.n_exit) - np.sum(counts.n_entered)
    entered = np.concatenate([[at_origin], np.zeros_like(counts.exit_day), counts.n_entered])
    return added([RiskSet(days, events, np.zeros_like(days), exits - events, entered)])


def _design(
    arm: FloatArray, patterns: pl.DataFrame, kinds: dict[str, str]
) -> tuple[list[str], FloatArray, str]:
    """Return the covariates of the model, their values by pattern, and why there are none.

    A categorical covariate makes a 0/1 variable of each level but the first in sorted order, as a factor
    of R does.
    """
    names, values = [ARM], [arm]
    for position, (covariate, kind) in enumerate(kinds.items()):
        column = patterns[f"{position}"]
        if kind == "continuous":
            numbers = column.cast(pl.Float64, strict=False).fill_null(math.nan).to_numpy()
            wrong = np.flatnonzero(~np.isfinite(numbers))
            if wrong.size:
                return [], np.zeros((0, 0)), f"{covariate} is not a number: {column[int(wrong[0])]!r}"
            names.append(covariate)
            values.append(numbers)
            continue
        for level in column.unique().sort().to_list()[1:]:
            names.append(f"{covariate}={level}")
            values.append((column == level).cast(pl.Float64).to_numpy())
    return names, np.array(values), ""
