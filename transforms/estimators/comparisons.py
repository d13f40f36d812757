"""The comparisons of studies, the arms of an analysis they pick from, and how reasons are put together.

Belongs here: which two arms are set against each other, and in which order. Does not belong here: estimates.
"""

import polars as pl

from transforms.estimators.risk_set import ARM_KEY, RiskSet, no_participants, risk_sets

AnalysisKey = tuple[str, ...]
"""study_id, endpoint_id, policy_id."""


def pairs_by_study(comparisons: pl.DataFrame) -> dict[str, list[tuple[str, str]]]:
    """Return experimental and control arm of each study's comparisons, in the study's order.

    Args:
        comparisons: study_id, experimental, control, comparison_order.
    """
    order = comparisons.sort("study_id", "comparison_order", "experimental", "control")
    pairs: dict[str, list[tuple[str, str]]] = {}
    for study_id, experimental, control in order.select("study_id", "experimental", "control").iter_rows():
        pairs.setdefault(study_id, []).append((experimental, control))
    return pairs


def arms_by_analysis(risk_table: pl.DataFrame) -> dict[AnalysisKey, dict[str, RiskSet]]:
    """Return the arms of each analysis, strata pooled, in the order of the keys.

    Args:
        risk_table: rows of `survival.risk_table`.
    """
    analyses: dict[AnalysisKey, dict[str, RiskSet]] = {}
    for key, group in risk_sets(risk_table, ARM_KEY):
        analyses.setdefault(key[:-1], {})[key[-1]] = group
    return analyses


def without_participants(groups: dict[str, RiskSet], pair: tuple[str, str]) -> list[str]:
    """Return a sentence for each arm of a comparison that nobody was ever at risk in."""
    return [
        f"no participants in arm {arm}"
        for arm in pair
        if groups.get(arm, no_participants()).participants == 0
    ]


def sentences(*reasons: tuple[bool, str]) -> str:
    """Join the reasons that apply, each once, in the order given."""
    return "; ".join(dict.fromkeys(text for applies, text in reasons if applies and text))
