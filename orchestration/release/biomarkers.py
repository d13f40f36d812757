"""The biomarker results of a release, for the terminal and the report."""

from typing import Any

import duckdb

from orchestration.release.results import read_rows

# What is shown of the many estimates: ratios of results as reported, not corrected for plasma volume.
# Beside them the estimate that takes a result below its limit for what it says, where there are any.
_EFFECTS = """
with censored as (
    select *
    from myokine.effect
    where estimator in ('censored_geometric_mean_ratio', 'censored_ratio_of_geometric_mean_ratios')
        and not is_plasma_volume_corrected and n_censored > 0 and estimate is not null
)

select
    e.study_id, e.kind, a.label as analyte, e.analyte_id, e.arm_id, e.comparator_arm_id, e.visit, e.timepoint,
    e.n_paired, e.n_paired_comparator, e.n_censored, e.estimate, e.conf_low, e.conf_high, e.p_value, e.p_holm,
    e.is_reportable, e.reason,
    c.estimate as censored_estimate, c.conf_low as censored_low, c.conf_high as censored_high,
    c.n_paired + c.n_paired_comparator as censored_n,
    p.published_value, p.published_low, p.published_high, p.verdict,
from myokine.effect as e
left join censored as c using (study_id, kind, analyte_id, arm_id, comparator_arm_id, visit, timepoint)
inner join reference.analytes as a using (analyte_id)
left join reference.study_timepoint as t
    on e.study_id = t.study_id and e.kind = 'acute' and e.timepoint = t.timepoint
left join reference.study_visit as v
    on e.study_id = v.study_id and e.kind = 'resting' and e.timepoint = v.visit
left join benchmark.published_result as p
    on e.study_id = p.study_id and e.estimator = p.quantity and e.kind = p.kind
    and e.analyte_id = p.analyte_id and e.visit = p.visit and e.timepoint = p.timepoint
    and case when e.comparator_arm_id = '' then p.arm_id = e.arm_id
        else p.experimental = e.arm_id and p.control = e.comparator_arm_id end
where e.estimator in ('paired_geometric_mean_ratio', 'ratio_of_geometric_mean_ratios')
    and e.imputation = 'as_reported' and not e.is_plasma_volume_corrected
order by e.study_id, e.kind, e.visit, e.comparator_arm_id, e.arm_id, a.label, e.analyte_id,
    coalesce(t.timepoint_order, v.visit_order), e.timepoint
"""

_PLATES = """
select
    q.study_id, a.label as analyte, count(*) as plates,
    count(*) filter (q.verdict = 'review') as review, count(*) filter (q.verdict = 'fail') as fail,
    100.0 * sum(q.n_below_limit) / nullif(sum(q.n_samples), 0) as share_below_limit_pct,
    max(q.median_replicate_cv_pct) as largest_median_cv_pct,
    max(abs(q.drift_pct)) as largest_drift_pct,
from myokine.plate_quality as q
inner join reference.analytes as a using (analyte_id)
group by all
having review + fail > 0
order by q.study_id, a.label
"""

_ASSOCIATIONS = """
select o.*, a.label as analyte
from myokine.outcome_association as o
inner join reference.analytes as a using (analyte_id)
left join reference.study_visit as v on o.study_id = v.study_id and o.timepoint = v.visit
left join reference.study_timepoint as t on o.study_id = t.study_id and o.timepoint = t.timepoint
where o.study_id = ? and o.endpoint_id = ? and o.model = 'per_sd' and o.hazard_ratio is not null
order by o.kind, a.label, o.visit,
    case when o.kind = 'resting' then v.visit_order else t.timepoint_order end, o.timepoint
"""


def read_biomarker_effects(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Read the geometric-mean ratios within and between arms, with the published figure or None."""
    return read_rows(con, _EFFECTS)


def read_plates_to_review(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Read for each analyte with a plate that broke a limit of quality how many did, and how far."""
    return read_rows(con, _PLATES)


def read_associations(
    con: duckdb.DuckDBPyConnection, study_id: str, endpoint_id: str
) -> list[dict[str, Any]]:
    """Read the hazard ratios of a standard deviation of the response, where they are estimable."""
    return read_rows(con, _ASSOCIATIONS, study_id, endpoint_id)


def ratio_text(value: float | None, low: float | None, high: float | None) -> str:
    """Write a ratio with its interval, or a range that was published without a value."""
    if value is None:
        return "" if low is None or high is None else f"{_short(low)} to {_short(high)}"
    interval = f" ({_short(low)}-{_short(high)})" if low is not None and high is not None else ""
    return f"{_short(value)}{interval}"


def _short(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.1f}"
