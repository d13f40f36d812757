"""The estimated mart of hazard ratios: risk tables and counts by covariate pattern in, one frame out.

Belongs here: which models a comparison gets, calling an estimator for each, saying in `reason` why an
estimate is missing. Does not belong here: formulas of an estimator.
"""

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl

from transforms.estimators import proportional_hazards
from transforms.estimators.adjustment import (
    AdjustedData,
    StudyPatterns,
    adjusted_data,
    covariates_of_studies,
    patterns_of_study,
    stays_by_analysis,
)
from transforms.estimators.comparisons import AnalysisKey, arms_by_analysis, pairs_by_study, sentences
from transforms.estimators.cox import Ties, cox_two_arms
from transforms.estimators.cox_regression import cox_regression, score_test_of_time
from transforms.estimators.elementary import FloatArray
from transforms.estimators.fingerprint import fingerprint
from transforms.estimators.interaction import Arms, Interaction, interaction
from transforms.estimators.logrank import LogRank, logrank
from transforms.estimators.mart_columns import TREATMENT_EFFECT
from transforms.estimators.partial_likelihood import RiskSets, risk_sets_of_patterns, with_ties
from transforms.estimators.proportional_hazards import ProportionalHazards
from transforms.estimators.risk_set import (
    ANALYSIS_KEY,
    RiskSet,
    added,
    event_days,
    no_participants,
    risk_sets,
)
from transforms.estimators.wald import wald

TIES: tuple[Ties, Ties] = ("efron", "breslow")

Row = tuple[str | float | int | None, ...]
Levels = dict[str, dict[str, RiskSet]]
"""Arms by level of a factor, or by stratum."""

_NO_TEST = LogRank(None, None, "")
_NO_INTERACTION = Interaction(None, "")
_NOT_MADE = ProportionalHazards(None, None, "")


@dataclass(frozen=True, slots=True)
class _Model:
    """What identifies a model among those of a comparison, and whom it is fitted to."""

    name: str
    n: int
    events: int
    subgroup: str = "all"
    level: str = "all"
    strata: str = ""
    covariates: str = ""


@dataclass(frozen=True, slots=True)
class _Estimates:
    """What a model gives; None with reasons for what it does not."""

    log_hazard_ratio: float | None = None
    std_error: float | None = None
    reasons: Sequence[str] = ()
    hazards: ProportionalHazards = _NOT_MADE


@dataclass(frozen=True, slots=True)
class _Study:
    """What a study's models are made of besides its arms."""

    strata: str = ""
    subgroups: dict[str, list[str]] = field(default_factory=dict)
    patterns: StudyPatterns | None = None


def treatment_effect(
    risk_table: pl.DataFrame,
    comparisons: pl.DataFrame,
    *,
    strata: pl.DataFrame,
    subgroup_table: pl.DataFrame,
    adjustment_stays: pl.DataFrame,
    adjustment_patterns: pl.DataFrame,
) -> pl.DataFrame:
    """Hazard ratios and log-rank tests of each comparison: rows of `survival.treatment_effect`.

    Every comparison has these models, each with Efron's and Breslow's ties, Wald intervals and tests, fitted
    to the participants of its two arms only:

    - unadjusted: all of them;
    - stratified by the study's factors, where it names some: those whose factors are all known;
    - adjusted for the study's covariates, where it names some: those whose covariates are all known, but for
      those of a level without events (`adjusted_data`), who are not in n;
    - subgroup: within each level of each subgroup, with one test of interaction per subgroup, among those
      whose level is known and has events (`interaction`).

    Rows are ordered by study, endpoint, policy and comparison, then as above, then by subgroup and level.

    Args:
        risk_table: rows of `survival.risk_table`.
        comparisons: study_id, experimental, control, comparison_order.
        strata: study_id, covariate, position: the stratification factors.
        subgroup_table: rows of `int_subgroups__risk_table`.
        adjustment_stays: rows of `int_adjustment__stays`.
        adjustment_patterns: rows of `int_adjustment__patterns`.
    """
    pairs = pairs_by_study(comparisons)
    studies = _studies(pairs, strata, subgroup_table, adjustment_patterns)
    stratified = pl.col("is_stratum_known") & pl.col("study_id").is_in(strata["study_id"].unique().to_list())
    by_stratum = _arms_by_level(risk_table.filter(stratified), "stratum")
    by_level = _arms_by_subgroup(subgroup_table)
    stays = stays_by_analysis(adjustment_stays)
    fitted = _Fitted()
    rows: list[Row] = []
    for key, arms in arms_by_analysis(risk_table).items():
        study = studies.get(key[0], _Study())
        strata_arms, level_arms = by_stratum.get(key, {}), by_level.get(key, {})
        for pair in pairs.get(key[0], []):
            rows += [
                (*key, *pair, *row)
                for row in (
                    *fitted(_unadjusted, arms, pair),
                    *fitted(_stratified, strata_arms, pair, study.strata),
                    *_adjusted(stays.get(key, adjustment_stays.clear()), study.patterns, pair, fitted),
                    *fitted(_subgroups, level_arms, study.subgroups, pair),
                )
            ]
    return pl.DataFrame(rows, schema=TREATMENT_EFFECT, orient="row")


class _Fitted:
    """Fits a model once for all endpoints and policies that agree in what it is fitted to.

    Many do: without second primaries, say, every disease-free survival has the same events.
    """

    def __init__(self) -> None:
        self._rows: dict[Hashable, list[Row]] = {}

    def __call__(self, model: Callable[..., Iterator[Row]], *data: object) -> list[Row]:
        key = (model, fingerprint(data))
        if key not in self._rows:
            self._rows[key] = list(model(*data))
        return self._rows[key]


def _studies(
    pairs: dict[str, list[tuple[str, str]]],
    strata: pl.DataFrame,
    subgroup_table: pl.DataFrame,
    patterns: pl.DataFrame,
) -> dict[str, _Study]:
    kinds = covariates_of_studies(patterns)
    factors = strata.sort("study_id", "position")
    levels = subgroup_table.select("study_id", "subgroup", "level").unique().sort(pl.all())

    def study(study_id: str) -> _Study:
        subgroups: dict[str, list[str]] = {}
        for _, subgroup, level in levels.filter(study_id=study_id).iter_rows():
            subgroups.setdefault(subgroup, []).append(level)
        return _Study(
            ", ".join(factors.filter(study_id=study_id)["covariate"]),
            subgroups,
            patterns_of_study(patterns, study_id, kinds[study_id]) if study_id in kinds else None,
        )

    return {study_id: study(study_id) for study_id in pairs}


def _arms_by_level(table: pl.DataFrame, factor: str) -> dict[AnalysisKey, Levels]:
    analyses: dict[AnalysisKey, Levels] = {}
    for (*key, level, arm), group in risk_sets(table, [*ANALYSIS_KEY, factor, "arm_id"]):
        analyses.setdefault(tuple(key), {}).setdefault(level, {})[arm] = group
    return analyses


def _arms_by_subgroup(table: pl.DataFrame) -> dict[AnalysisKey, dict[str, Levels]]:
    analyses: dict[AnalysisKey, dict[str, Levels]] = {}
    for (*key, subgroup, level, arm), group in risk_sets(
        table, [*ANALYSIS_KEY, "subgroup", "level", "arm_id"]
    ):
        levels = analyses.setdefault(tuple(key), {}).setdefault(subgroup, {})
        levels.setdefault(level, {})[arm] = group
    return analyses


def _groups(arms: dict[str, RiskSet], pair: tuple[str, str]) -> Arms:
    experimental, control = pair
    return arms.get(control, no_participants()), arms.get(experimental, no_participants())


def _unadjusted(arms: dict[str, RiskSet], pair: tuple[str, str]) -> Iterator[Row]:
    groups = [_groups(arms, pair)]
    yield from _two_arm_rows(_model("unadjusted", groups), groups, pair)


def _stratified(strata: Levels, pair: tuple[str, str], factors: str) -> Iterator[Row]:
    if factors:
        groups = [_groups(arms, pair) for arms in strata.values()]
        yield from _two_arm_rows(_model("stratified", groups, strata=factors), groups, pair)


def _subgroups(
    subgroups: dict[str, Levels], levels: dict[str, list[str]], pair: tuple[str, str]
) -> Iterator[Row]:
    for subgroup, names in levels.items():
        arms = {level: _groups(subgroups.get(subgroup, {}).get(level, {}), pair) for level in names}
        occupied = {level: groups for level, groups in arms.items() if any(g.participants for g in groups)}
        tests = {ties: interaction(occupied, ties) for ties in TIES}
        for level, groups in arms.items():
            model = _model("subgroup", [groups], subgroup=subgroup, level=level)
            yield from _two_arm_rows(model, [groups], pair, tests)


def _model(name: str, groups: Sequence[Arms], **labels: str) -> _Model:
    everybody = [group for arms in groups for group in arms]
    n, events = sum(g.participants for g in everybody), sum(g.events for g in everybody)
    return _Model(name, n, events, **labels)


def _two_arm_rows(
    model: _Model,
    groups: Sequence[Arms],
    pair: tuple[str, str],
    interactions: dict[Ties, Interaction] | None = None,
) -> Iterator[Row]:
    """Yield the rows of a model of the arm alone, stratified when there are several groups of arms."""
    tests = interactions or dict.fromkeys(TIES, _NO_INTERACTION)
    numbers = [sum(arms[side].participants for arms in groups) for side in (1, 0)]
    absent = [f"no participants in arm {arm}" for arm, n in zip(pair, numbers, strict=True) if n == 0]
    if absent:
        for ties in TIES:
            yield _row(model, ties, _Estimates(reasons=absent), _NO_TEST, tests[ties])
        return
    days = event_days(groups)
    test = logrank(days)
    scaled_time = proportional_hazards.time_scale(
        added([group for arms in groups for group in arms]), days.time_days
    )
    for ties in TIES:
        fit = cox_two_arms(days, ties)
        hazards = _NOT_MADE
        if fit.log_hazard_ratio is not None:
            hazards = proportional_hazards.two_arms(days, fit, scaled_time)
        estimates = _Estimates(fit.log_hazard_ratio, fit.std_error, [fit.reason, test.reason], hazards)
        yield _row(model, ties, estimates, test, tests[ties])


def _adjusted(
    stays: pl.DataFrame, patterns: StudyPatterns | None, pair: tuple[str, str], fitted: _Fitted
) -> list[Row]:
    if patterns is None:
        return []
    return fitted(_adjusted_rows, adjusted_data(stays, patterns, pair), ", ".join(patterns.kinds))


def _adjusted_rows(data: AdjustedData, covariates: str) -> Iterator[Row]:
    everybody = data.everybody
    model = _Model("adjusted", everybody.participants, everybody.events, covariates=covariates)
    estimates = dict.fromkeys(TIES, _Estimates(reasons=[data.reason]))
    if not data.reason:
        sets = risk_sets_of_patterns(data.counts, data.design, TIES[0])
        scaled_time = proportional_hazards.time_scale(everybody, sets.event_days)
        for ties in TIES:
            estimates[ties] = _adjusted_estimates(with_ties(sets, ties), data.covariates, scaled_time)
    for ties in TIES:
        yield _row(model, ties, estimates[ties], _NO_TEST, _NO_INTERACTION)


def _adjusted_estimates(sets: RiskSets, covariates: list[str], scaled_time: FloatArray) -> _Estimates:
    """Return the arm's estimates, the arm being the first covariate."""
    fit = cox_regression(sets, covariates)
    if fit.at is None:
        return _Estimates(reasons=[fit.reason])
    hazards = score_test_of_time(sets, fit, 0, scaled_time)
    return _Estimates(float(fit.coefficients[0]), math.sqrt(fit.covariance[0, 0]), [], hazards)


def _row(model: _Model, ties: Ties, estimates: _Estimates, test: LogRank, subgroup_test: Interaction) -> Row:
    """Return the columns of a row after those of its comparison."""
    ratio, low, high, p_value, why_no_interval = wald(estimates.log_hazard_ratio, estimates.std_error)
    hazards = estimates.hazards
    reasons = [*estimates.reasons, why_no_interval, hazards.reason, subgroup_test.reason]
    return (
        *(model.name, ties, model.subgroup, model.level),
        *(ratio, low, high, estimates.log_hazard_ratio, estimates.std_error, p_value),
        *(test.chisq, test.p_value, model.strata, model.covariates, model.n, model.events),
        *(hazards.chisq, hazards.p_value, subgroup_test.p_value),
        sentences(*((True, reason) for reason in reasons)),
    )
