"""How a biomarker's ratio goes with what happens afterwards: the mart of associations with outcomes.

Belongs here: who is followed from the biomarker's date on, the scale and the tertiles of the ratio, which
models are fitted, and in `reason` why one is not. Does not belong here: the ratio, the endpoints, and the
maximum of the likelihood (`cox_regression`).
"""

import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from transforms.estimators.comparisons import sentences
from transforms.estimators.cox_regression import cox_regression
from transforms.estimators.elementary import FloatArray, log
from transforms.estimators.fingerprint import fingerprint
from transforms.estimators.multiplicity import ADJUSTED, with_adjusted
from transforms.estimators.myokine_columns import OUTCOME_ASSOCIATION
from transforms.estimators.partial_likelihood import PatternCounts, risk_sets_of_patterns
from transforms.estimators.risk_set import IntArray, as_float
from transforms.estimators.wald import wald

EVENTS_PER_COEFFICIENT = 10
"""Events a model needs for each of its coefficients.

With fewer, coefficients are biased and their intervals cover too seldom (Peduzzi, Concato, Kemper, Holford
and Feinstein, J Clin Epidemiol 1996;49:1373).
"""

MODELS = ("per_sd", "tertile_2", "tertile_3", "trend")

_KEY = ("study_id", "kind", "analyte_id", "visit", "timepoint", "endpoint_id")
_VALUES = ("ratio", "landmark_days", "time_days", "is_event", "is_at_risk")
_FAMILY = ("study_id", "kind", "endpoint_id", "model")
_ESTIMATED = {name: dtype for name, dtype in OUTCOME_ASSOCIATION.items() if name not in ADJUSTED}
_NO_VARIATION = "the ratio is the same in all participants at risk"

Row = tuple[str | float | int | None, ...]


@dataclass(frozen=True, slots=True)
class _Participants:
    """Participants of one biomarker and endpoint with a ratio, one element each.

    Arms are numbered in sorted order. `refusal` says why the analyte may not be reported, None where it may.
    """

    arm: IntArray
    ratio: FloatArray
    landmark_days: IntArray
    time_days: IntArray
    is_event: NDArray[np.bool_]
    is_at_risk: NDArray[np.bool_]
    refusal: str | None


@dataclass(frozen=True, slots=True)
class _Followed:
    """Those at risk after the biomarker, ordered by these values: the first decides, then the next.

    `arms` names the arms that anybody is in, numbered from 0 in `arm`.
    """

    time_days: IntArray
    is_event: NDArray[np.bool_]
    ratio: FloatArray
    arm: IntArray
    arms: list[str]

    @property
    def events(self) -> int:
        return int(np.count_nonzero(self.is_event))


@dataclass(frozen=True, slots=True)
class _Estimate:
    """The coefficient of a model's biomarker; None with the reason when there is none."""

    log_hazard_ratio: float | None
    std_error: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class _Association:
    """What is fitted to some participants: the estimates in the order of `MODELS`."""

    sd_log_ratio: float | None
    estimates: tuple[_Estimate, ...]


def outcome_association(outcomes: pl.DataFrame, imputation: str) -> pl.DataFrame:
    """Hazard ratios of what follows by the ratio of a biomarker: rows of `myokine.outcome_association`.

    The clock starts on the biomarker's date (the day of its later sample): nobody is counted as event-free in
    the time they had to live through to have a ratio at all. Whose event or end of follow-up is on or before
    that date is left out and counted in n_before_landmark; who has no ratio is counted nowhere. Competing
    events are censored, so that hazards are cause-specific. Cox's model with Efron's ties, adjusted for the
    arm (a 0/1 covariate of each arm but the first in sorted order) where those at risk are of more than one.
    Wald's 95 % intervals and tests.

    - per_sd: the logarithm of the ratio, divided by its standard deviation among those at risk;
    - tertile_2, tertile_3: against tertile 1, in one model (`tertiles`);
    - trend: the number of the tertile, 1 to 3.

    There is no estimate, and `reason` starts with "not estimable:", when the analyte may not be reported,
    when nobody is at risk, when there are fewer than `EVENTS_PER_COEFFICIENT` events for each coefficient,
    when the ratio does not vary or has no logarithm, when a tertile has no participants or (tertile_2 and
    tertile_3) no events, and when some coefficient, that of an arm included, is infinite or follows from the
    others.

    Adjusted p-values are of the family of all analytes, visits and timepoints of the same study, kind,
    endpoint and model that have a p-value.

    Rows are ordered by key, models as above. Endpoints with the same outcomes share their fits.

    Args:
        outcomes: rows of `intermediate.int_biomarkers__outcomes` in any order: ratio without unit,
            landmark_days from the index date to the biomarker's, time_days from there on. The ratio may be
            missing of an analyte that may not be reported.
        imputation: the policy that gave results beyond a limit the numbers in these ratios.
    """
    fitted: dict[Hashable, _Association] = {}
    arm_names = outcomes["arm_id"].unique().sort()
    rows: list[Row] = []
    for key, participants in _groups(outcomes, arm_names):
        has_time_left = participants.time_days > 0
        at_risk = has_time_left & participants.is_at_risk
        followed = _followed(participants, at_risk, arm_names)
        refusal = participants.refusal
        if refusal is not None:
            association = _missing(f"not reportable, {refusal}")
        else:
            same = fingerprint(followed)
            if same not in fitted:
                fitted[same] = _association(followed)
            association = fitted[same]
        counts: Row = (
            *("arm" if len(followed.arms) > 1 else "", followed.ratio.size, followed.events),
            *(int(np.count_nonzero(~has_time_left)), *_spread(participants.landmark_days[at_risk])),
            association.sd_log_ratio,
        )
        n_not_begun = int(np.count_nonzero(has_time_left & ~at_risk)) if refusal is None else 0
        for model, estimate in zip(MODELS, association.estimates, strict=True):
            rows.append((*key, model, imputation, *counts, *_columns(estimate, _not_begun(n_not_begun))))
    table = pl.DataFrame(rows, schema=_ESTIMATED, orient="row")
    return with_adjusted(table, _FAMILY).select(*OUTCOME_ASSOCIATION)


def tertiles(values: FloatArray) -> IntArray:
    """Return the tertile, 1 to 3, of each value: cut at R's `quantile` of type 7, closed on the right.

    With the values x in ascending order, numbered from 0, tertile 1 goes up to x[(n - 1) / 3] and tertile 2
    up to x[2 (n - 1) / 3], both positions rounded down. R cuts there or between there and the next value, and
    so parts the same values; but here nothing is interpolated and only the order of the values counts. Equal
    values always share a tertile: they make tertiles unequal, and may leave one empty.

    Args:
        values: at least one.
    """
    x = np.sort(values)
    last = values.size - 1
    cuts = x[[last // 3, 2 * last // 3]]
    return 1 + np.searchsorted(cuts, values, side="left")


def _groups(outcomes: pl.DataFrame, arm_names: pl.Series) -> Iterator[tuple[tuple[str, ...], _Participants]]:
    """Yield the participants of each key, in the order of the keys; an arm is its place in `arm_names`."""
    arm = pl.col("arm_id").cast(pl.Enum(arm_names)).to_physical().alias("arm")
    refusal = pl.when(~pl.col("is_reportable")).then("reason").max().alias("refusal")
    has_ratio = pl.col("ratio").is_not_null()
    groups = outcomes.group_by(_KEY).agg(refusal, pl.col(_VALUES).filter(has_ratio), arm.filter(has_ratio))
    groups = groups.sort(_KEY)
    values = groups.select("arm", *_VALUES).get_columns()
    for number, (*key, refused) in enumerate(groups.select(*_KEY, "refusal").iter_rows()):
        arms, ratio, landmark, time, is_event, is_at_risk = (column[number].to_numpy() for column in values)
        yield (
            tuple(key),
            _Participants(
                arms.astype(np.int64),
                as_float(ratio),
                landmark.astype(np.int64),
                time.astype(np.int64),
                is_event.astype(np.bool_),
                is_at_risk.astype(np.bool_),
                refused,
            ),
        )


def _followed(people: _Participants, at_risk: NDArray[np.bool_], arm_names: pl.Series) -> _Followed:
    present, arm = np.unique(people.arm[at_risk], return_inverse=True)
    time, is_event, ratio = people.time_days[at_risk], people.is_event[at_risk], people.ratio[at_risk]
    order = np.lexsort((arm, ratio, is_event, time))
    return _Followed(time[order], is_event[order], ratio[order], arm[order], arm_names[present].to_list())


def _spread(days: IntArray) -> tuple[float | None, int | None, int | None]:
    """Return the median, the first and the last of some days."""
    if not days.size:
        return None, None, None
    in_order = np.sort(days)
    middle = in_order[(days.size - 1) // 2] + in_order[days.size // 2]
    return float(middle) / 2.0, int(in_order[0]), int(in_order[-1])


def _not_begun(n: int) -> str:
    """Say who is left out although their event or end comes later: the clock cannot run before entry."""
    if not n:
        return ""
    who = "1 participant was" if n == 1 else f"{n} participants were"
    return f"{who} not yet in follow-up on the biomarker's date and left out"


def _columns(estimate: _Estimate, note: str) -> Row:
    """Return the columns from hazard_ratio on."""
    ratio, low, high, p_value, why_no_limit = wald(estimate.log_hazard_ratio, estimate.std_error)
    reason = sentences(
        (True, f"not estimable: {estimate.reason}" if estimate.reason else ""),
        (True, why_no_limit),
        (True, note),
    )
    return ratio, low, high, estimate.log_hazard_ratio, estimate.std_error, p_value, reason


def _association(followed: _Followed) -> _Association:
    if not followed.ratio.size:
        return _missing("no participant is at risk after the biomarker's date")
    logarithm = log(followed.ratio) if np.all(followed.ratio > 0.0) else None
    sd = None if logarithm is None else _standard_deviation(logarithm)
    tertile = tertiles(followed.ratio)
    against_first, trend = _of_tertiles(followed, tertile)
    return _Association(sd, (_per_sd(followed, logarithm, sd), *against_first, trend))


def _missing(reason: str) -> _Association:
    return _Association(None, (_refused(reason),) * len(MODELS))


def _refused(reason: str) -> _Estimate:
    return _Estimate(None, None, reason)


def _standard_deviation(values: FloatArray) -> float | None:
    """Return the standard deviation of a sample; 0 exactly where all its values are equal."""
    if values.size < 2:
        return None
    x = np.sort(values)  # so that endpoints of the same participants agree to the last bit
    if x[0] == x[-1]:
        return 0.0
    from_mean = x - np.sum(x) / x.size
    return math.sqrt(float(np.sum(from_mean * from_mean)) / (x.size - 1))


def _per_sd(followed: _Followed, logarithm: FloatArray | None, sd: float | None) -> _Estimate:
    if logarithm is None:
        n = int(np.count_nonzero(followed.ratio <= 0.0))
        which = "1 ratio is not above 0 and has" if n == 1 else f"{n} ratios are not above 0 and have"
        return _refused(f"{which} no logarithm")
    if not sd:
        return _refused(_NO_VARIATION)
    rank = np.unique(followed.ratio, return_inverse=True)[1]
    return _fitted(followed, rank, {"the log ratio": logarithm / sd})[0]


def _of_tertiles(followed: _Followed, tertile: IntArray) -> tuple[list[_Estimate], _Estimate]:
    """Return the estimates of tertiles 2 and 3 against 1, and of the trend."""
    is_other = {f"tertile {number}": as_float(tertile == number) for number in (2, 3)}
    reason = _why_no_tertiles(followed, tertile)
    if reason:
        return [_refused(reason)] * len(is_other), _refused(reason)
    trend = _fitted(followed, tertile, {"the number of the tertile": as_float(tertile)})[0]
    eventless = [number for number in (1, 2, 3) if not np.any(followed.is_event[tertile == number])]
    if eventless:
        # The number of events is what is said first: with too few of them, some tertile often has none.
        reason = _too_few_events(followed, len(is_other)) or f"no events in {_named(eventless)}"
        return [_refused(reason)] * len(is_other), trend
    return _fitted(followed, tertile, is_other), trend


def _why_no_tertiles(followed: _Followed, tertile: IntArray) -> str:
    if np.min(followed.ratio) == np.max(followed.ratio):
        return _NO_VARIATION
    empty = [number for number in (1, 2, 3) if number not in tertile]
    return f"equal ratios leave nobody to {_named(empty)}" if empty else ""


def _named(numbers: list[int]) -> str:
    return f"tertile{'' if len(numbers) == 1 else 's'} {' and '.join(str(number) for number in numbers)}"


def _too_few_events(followed: _Followed, n_of_biomarker: int) -> str:
    """Say so when there are too few events for the coefficients of the biomarker and of the arms."""
    n = n_of_biomarker + len(followed.arms) - 1
    events = followed.events
    if events >= n * EVENTS_PER_COEFFICIENT:
        return ""
    return (
        f"{events} event{'' if events == 1 else 's'} for {n} coefficient{'' if n == 1 else 's'}; "
        f"{EVENTS_PER_COEFFICIENT} for each are needed"
    )


def _fitted(followed: _Followed, level: IntArray, covariates: dict[str, FloatArray]) -> list[_Estimate]:
    """Fit a biomarker's covariates and the arms; return the estimates of the former.

    Args:
        followed: the participants.
        level: a whole number that is equal for equal values of the biomarker's covariates.
        covariates: those values, by what they are called in a reason.
    """
    reason = _too_few_events(followed, len(covariates))
    if reason:
        return [_refused(reason)] * len(covariates)
    # The arms come last, so that where one of them follows from the biomarker it is the one named.
    is_arm = {f"arm {name}": as_float(followed.arm == k) for k, name in enumerate(followed.arms) if k > 0}
    design = covariates | is_arm
    _, first, pattern = np.unique(
        level * len(followed.arms) + followed.arm, return_index=True, return_inverse=True
    )
    sets = risk_sets_of_patterns(
        _counts(followed, pattern), np.array([values[first] for values in design.values()]), ties="efron"
    )
    # On its way to an infinite coefficient a sum may leave the doubles; the fit notices and says so.
    with np.errstate(over="ignore", invalid="ignore"):
        fit = cox_regression(sets, list(design))
    if fit.at is None:
        return [_refused(fit.reason)] * len(covariates)
    return [
        _Estimate(float(fit.coefficients[k]), math.sqrt(float(fit.covariance[k, k])), "")
        for k in range(len(covariates))
    ]


def _counts(followed: _Followed, pattern: IntArray) -> PatternCounts:
    nobody = np.zeros(0, dtype=np.int64)
    return PatternCounts(
        exit_pattern=pattern,
        exit_day=followed.time_days,
        n_event=followed.is_event.astype(np.int64),
        n_exit=np.ones(pattern.size, dtype=np.int64),
        entry_pattern=nobody,
        entry_day=nobody,
        n_entered=nobody,
    )
