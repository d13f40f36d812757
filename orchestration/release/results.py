"""The main results of a release beside the published figures, for the terminal and the report."""

from typing import Any

import duckdb

# One row for each endpoint and comparison. The landmark shown is the published one, else the last.
_RESULTS = """
with published as (
    select
        study_id, endpoint_id, experimental, control,
        published_value, published_low, published_high,
    from benchmark.published_result
    where quantity = 'hazard_ratio'
),

published_survival as (
    select study_id, endpoint_id, arm_id, at_years, published_value
    from benchmark.published_result
    where quantity = 'landmark_survival'
),

shown_landmark as (
    select
        l.study_id, l.endpoint_id,
        coalesce(max(p.at_years), max(l.landmark_years) filter (l.survival is not null))
            as landmark_years,
    from survival.landmark as l
    left join published_survival as p using (study_id, endpoint_id)
    where l.policy_id = 'primary'
    group by all
),

landmark as (
    select l.study_id, l.endpoint_id, l.arm_id, l.landmark_years, l.survival, p.published_value
    from survival.landmark as l
    inner join shown_landmark using (study_id, endpoint_id, landmark_years)
    left join published_survival as p
        on l.study_id = p.study_id and l.endpoint_id = p.endpoint_id
        and l.arm_id = p.arm_id and l.landmark_years = p.at_years
    where l.policy_id = 'primary'
)

select
    t.study_id, t.endpoint_id, t.experimental, t.control,
    coalesce(se.events, 0) as events_experimental, coalesce(sc.events, 0) as events_control,
    t.hazard_ratio, t.conf_low, t.conf_high, t.logrank_p, t.reason,
    p.published_value, p.published_low, p.published_high,
    le.landmark_years, le.survival as survival_experimental, lc.survival as survival_control,
    le.published_value as published_experimental, lc.published_value as published_control,
from survival.treatment_effect as t
inner join reference.study_comparison as c using (study_id, experimental, control)
left join survival.summary as se
    on t.study_id = se.study_id and t.endpoint_id = se.endpoint_id
    and t.policy_id = se.policy_id and t.experimental = se.arm_id
left join survival.summary as sc
    on t.study_id = sc.study_id and t.endpoint_id = sc.endpoint_id
    and t.policy_id = sc.policy_id and t.control = sc.arm_id
left join landmark as le
    on t.study_id = le.study_id and t.endpoint_id = le.endpoint_id and t.experimental = le.arm_id
left join landmark as lc
    on t.study_id = lc.study_id and t.endpoint_id = lc.endpoint_id and t.control = lc.arm_id
left join published as p
    on t.study_id = p.study_id and t.endpoint_id = p.endpoint_id
    and t.experimental = p.experimental and t.control = p.control
where t.policy_id = 'primary' and t.model = 'unadjusted' and t.ties = 'efron'
order by t.study_id, c.comparison_order, t.endpoint_id
"""

_STUDIES = """
select
    s.study_id, s.title, s.design, s.data_cutoff, s.nominal_dates, s.citation,
    (
        select case when count(*) = 1 then '1 arm' else count(*) || ' arms' end
        from reference.study_arm as a where a.study_id = s.study_id
    ) as arms_in_words,
    sum(l.rows_accepted - l.rows_not_yet_enrolled)::bigint as participants,
    sum(l.rows_not_yet_enrolled)::bigint as not_yet_enrolled,
    exists (
        from audit.landing as f
        where f.study_id = s.study_id and f.record in ('follow_up', 'disease_events', 'deaths')
    ) as is_followed,
from reference.study as s
inner join audit.landing as l on s.study_id = l.study_id and l.record = 'participants'
group by all
order by s.study_id
"""


def read_rows(con: duckdb.DuckDBPyConnection, query: str, *parameters: str) -> list[dict[str, Any]]:
    """Read a query of a release, one dictionary for each row."""
    relation = con.sql(query, params=list(parameters))
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def read_studies(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Read what each study of a release is, how many participants and arms it has, and if it follows them."""
    return read_rows(con, _STUDIES)


def read_results(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Read one row for each study, endpoint and comparison under the primary policy.

    A row holds events, hazard ratio with interval, survival of both arms at a landmark, and the published
    figures or None. The landmark is the published one where there is one, else the study's last.
    """
    return read_rows(con, _RESULTS)
