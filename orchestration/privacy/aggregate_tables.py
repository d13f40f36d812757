"""The tables of the aggregate profile, made of publishable counts.

Here: rows and what they are computed from. A function here gets counts that may be published and estimates of
the release, never participants. Every estimate of survival is computed from the counts beside it. Those taken
from the release (hazard ratios, ratios of biomarkers) are rounded, and shown only where all counts of the
participants they are about are.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from orchestration.privacy.cohort import Analysis, Design, PairKey
from orchestration.privacy.publishable_counts import ArmCounts, Status, StudyCounts
from transforms.estimators.life_table import LifeTable, actuarial

Row = dict[str, Any]

# In a longer interval it matters when somebody was censored, which the counts do not say.
LONGEST_INTERVAL_YEARS = 2.0
# A ratio tells something of the order of events. With 20 in each arm there are more than 10^11 orders for
# some 10^4 ratios and intervals; with fewer, or with a ratio far from 1, the order could be made out.
SMALLEST_EVENTS_OF_A_RATIO = 20
RATIOS_SHOWN = (0.1, 10.0)
# How many years a curve lists when nothing says how long anybody was followed.
_YEARS_LISTED = 10


class Estimate(NamedTuple):
    """A ratio of the release, to be rounded."""

    ratio: float | None
    conf_low: float | None
    conf_high: float | None
    p_value: float | None


def participants(design: Design, counts: StudyCounts) -> Iterator[Row]:
    """Yield the participants of the study and of its arms; `all` stands for everybody."""
    for arm_id, n in (("all", counts.n), *((arm_id, counts.arms[arm_id].n) for arm_id in design.arms)):
        yield _row({"study_id": design.study_id, "arm_id": arm_id}, {"n": n})


def characteristic(design: Design, counts: StudyCounts) -> Iterator[Row]:
    """Yield the participants of every level of sex and age."""
    for arm_id, arm in counts.arms.items():
        for name, levels in design.characteristics.items():
            for level in levels:
                n = arm.levels.get((name, level))
                key = {"study_id": design.study_id, "arm_id": arm_id, "characteristic": name, "level": level}
                yield {**_row(key, {"n": n}), "percent": _percent(n, arm.n)}


def summary(design: Design, counts: StudyCounts) -> Iterator[Row]:
    """Yield how time at risk ended, for every endpoint and policy."""
    for endpoint in design.endpoints:
        for policy in design.policies:
            for arm_id, arm in counts.arms.items():
                analysis = Analysis(endpoint, policy)
                ended = arm.endings.get(analysis)
                numbers = {
                    "n": arm.n,
                    "n_event": arm.events.get(analysis),
                    "n_competing": ended.competing if ended else None,
                    "n_censored": ended.censored if ended else None,
                }
                yield _row(_key(design, analysis, arm_id), numbers)


def curve(design: Design, counts: StudyCounts) -> Iterator[Row]:
    """Yield the status of every arm at the end of each year, and at half years where it may be shown."""
    for analysis in _main_policy(design):
        listed = _years(design, counts, analysis)
        for arm_id, arm in counts.arms.items():
            shown = arm.statuses.get(analysis, {})
            estimates = _estimates(arm, analysis)
            events_by = arm.events_by.get(analysis, {})
            for years in sorted({*listed, *shown, *events_by}):
                key = _key(design, analysis, arm_id) | {"years": years}
                status = shown.get(years)
                numbers: Mapping[str, int | None] = (
                    {
                        "n_event": status.events,
                        "n_competing": status.competing,
                        "n_censored": status.censored,
                        "n_remaining": status.remaining,
                    }
                    if status
                    else {
                        "n_event": events_by.get(years),
                        **dict.fromkeys(("n_competing", "n_censored", "n_remaining")),
                    }
                )
                yield {**_row(key, numbers), **estimates.get(years, _NO_ESTIMATE)}


def landmark(design: Design, counts: StudyCounts) -> Iterator[Row]:
    """Yield the rows of the curve at the landmarks of the study."""
    for row in curve(design, counts):
        if row["years"] in design.landmarks_years:
            yield row


def pattern(design: Design, counts: StudyCounts) -> Iterator[Row]:
    """Yield the classes of first events, all that an endpoint counts whether or not anybody had one."""
    for endpoint in design.endpoints:
        for arm_id, arm in counts.arms.items():
            for event_class in design.counted_classes[endpoint]:
                n = arm.classes.get((endpoint, event_class))
                key = {"study_id": design.study_id, "endpoint_id": endpoint, "arm_id": arm_id}
                yield {
                    **_row(key | {"event_class": event_class}, {"n": n}),
                    "percent": _percent(n, arm.n),
                }


def effect(
    design: Design, counts: StudyCounts, estimates: Mapping[tuple[str, str, str, str], Estimate]
) -> Iterator[Row]:
    """Yield hazard ratios of the study's comparisons under the primary policy.

    Args:
        design: the study.
        counts: its publishable counts.
        estimates: by endpoint, experimental and control arm and model.
    """
    for (endpoint, experimental, control, model), estimate in sorted(estimates.items()):
        analysis = Analysis(endpoint, design.policies[0])
        both = [counts.arms[arm_id] for arm_id in (experimental, control)]
        events = [arm.events.get(analysis) for arm in both]
        # A subdistribution hazard is about the competing events too.
        needed = [*events, *([arm.endings.get(analysis) for arm in both] if model == "fine_gray" else [])]
        is_shown = None not in needed
        key = {
            "study_id": design.study_id,
            "endpoint_id": endpoint,
            "policy_id": analysis.policy_id,
            "experimental": experimental,
            "control": control,
            "model": model,
        }
        numbers = {
            "n_experimental": both[0].n,
            "n_control": both[1].n,
            "n_event_experimental": events[0],
            "n_event_control": events[1],
        }
        is_shown = is_shown and all((n or 0) >= SMALLEST_EVENTS_OF_A_RATIO for n in events)
        is_shown = is_shown and RATIOS_SHOWN[0] <= (estimate.ratio or 0) <= RATIOS_SHOWN[1]
        yield {**_row(key, numbers), **_rounded(estimate if is_shown else None, "hazard_ratio")}


def biomarker_effect(
    design: Design,
    counts: StudyCounts,
    estimates: Mapping[tuple[PairKey, str, str], tuple[Estimate, int, int]],
) -> Iterator[Row]:
    """Yield ratios of geometric means, within an arm and between arms.

    Args:
        design: the study.
        counts: its publishable counts.
        estimates: by what the pairs are of, arm and comparator ('' within an arm); with the numbers of pairs
            that the release states, which must be those that were counted.
    """
    for (pair, arm_id, comparator), (estimate, n, n_comparator) in sorted(estimates.items()):
        counted = counts.arms[arm_id].pairs.get(pair)
        against = counts.arms[comparator].pairs.get(pair) if comparator else 0
        is_shown = (counted, against) == (n, n_comparator) and n > 0
        key = {"study_id": design.study_id, "kind": pair.kind, "analyte_id": pair.analyte_id}
        key |= {"arm_id": arm_id, "comparator_arm_id": comparator, "visit": pair.visit}
        key |= {"timepoint": pair.timepoint}
        yield {
            **key,
            "is_plasma_volume_corrected": pair.is_plasma_volume_corrected,
            **_row({}, {"n_paired": counted, "n_paired_comparator": against}),
            **_rounded(estimate if is_shown else None, "ratio"),
        }


def _main_policy(design: Design) -> list[Analysis]:
    return [Analysis(endpoint, design.policies[0]) for endpoint in design.endpoints]


def _key(design: Design, analysis: Analysis, arm_id: str) -> Row:
    return {
        "study_id": design.study_id,
        "endpoint_id": analysis.endpoint_id,
        "policy_id": analysis.policy_id,
        "arm_id": arm_id,
    }


def _row(key: Row, numbers: Mapping[str, int | None]) -> Row:
    return {**key, **numbers, "is_suppressed": None in numbers.values()}


def _years(design: Design, counts: StudyCounts, analysis: Analysis) -> set[float]:
    """The times a curve lists: up to when everybody has left, as far as that is shown."""
    ends = [
        min((t for t, s in arm.statuses.get(analysis, {}).items() if not s.remaining), default=None)
        for arm in counts.arms.values()
    ]
    known = [end for end in ends if end is not None]
    last = max(known) if known else max(_YEARS_LISTED, *design.landmarks_years, 0)
    return {*map(float, range(1, int(last) + 1)), *design.landmarks_years}


_NO_ESTIMATE: Row = dict.fromkeys(
    ("survival", "conf_low", "conf_high", "event_incidence", "competing_incidence")
)


def _estimates(arm: ArmCounts, analysis: Analysis) -> dict[float, Row]:
    """Estimate survival and incidence from the counts of an arm, as long as its intervals allow it."""
    intervals, before = [], Status(0, 0, 0, arm.n or 0)
    began = 0.0
    for years, status in sorted(arm.statuses.get(analysis, {}).items()):
        left = [now - then for now, then in zip(status[:3], before[:3], strict=True)]
        is_wide = years - began > LONGEST_INTERVAL_YEARS and left[2] + left[1] > 0
        if is_wide or not status.remaining:
            break
        intervals.append((years, before.remaining, *left))
        began, before = years, status
    if not intervals:
        return {}
    end, *numbers = np.array(intervals).T
    table = LifeTable(end, *(column.astype(np.int64) for column in numbers))
    found = actuarial(table)
    margin = 1.96 * found.std_error
    columns = {
        "survival": found.survival,
        "conf_low": np.maximum(found.survival - margin, 0),
        "conf_high": np.minimum(found.survival + margin, 1),
        "event_incidence": found.event_incidence,
        "competing_incidence": found.competing_incidence,
    }
    return {
        float(years): {name: round(float(values[place]), 2) for name, values in columns.items()}
        for place, years in enumerate(end)
    }


def _rounded(estimate: Estimate | None, name: str) -> Row:
    """Write a ratio and its interval with 2 decimals, its p-value with 2 significant digits."""
    ratio, low, high, p_value = estimate or Estimate(None, None, None, None)
    return {
        name: _two_decimals(ratio),
        "conf_low": _two_decimals(low),
        "conf_high": _two_decimals(high),
        "p_value": None if p_value is None else float(f"{p_value:.2g}"),
    }


def _two_decimals(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _percent(n: int | None, of: int | None) -> int | None:
    return round(100 * n / of) if n is not None and of else None
