-- Grain: one distinct stay (entry, exit and how it ended) of an arm and combination of covariate values, by
-- endpoint and policy.
--
-- Who was at risk from when to when, by the covariates of the adjusted model.
--   1. Complete cases only: the participants of int_adjustment__pattern.
--   2. Who was never at risk (delayed entry) is not counted.
-- Source: Surv(entry, exit, event) as in R survival, n being the number of participants who agree in
-- everything.
--
-- Endpoints and policies of one ending scheme are counted once, by whole numbers that stand for the names.
{{ config(materialized='table') }}

with endpoints as (
    select
        study_id,
        endpoint_id,
        policy_id,
        ending_scheme,
        row_number() over (
            partition by study_id, ending_scheme order by endpoint_id, policy_id
        ) as place_in_scheme
    from {{ ref('int_endpoints__in_study') }}
),

stays as (
    select
        patterns.pattern_number,
        endpoints.ending_scheme,
        outcomes.entry_days,
        outcomes.time_days,
        outcomes.competing_code,
        count(*) as n
    from {{ ref('time_to_event') }} as outcomes
    inner join endpoints
        on
            outcomes.study_id = endpoints.study_id
            and outcomes.endpoint_id = endpoints.endpoint_id
            and outcomes.policy_id = endpoints.policy_id
    inner join {{ ref('int_adjustment__pattern') }} as patterns
        on
            outcomes.study_id = patterns.study_id
            and outcomes.participant_id = patterns.participant_id
    where
        endpoints.place_in_scheme = 1
        and outcomes.censor_reason <> 'not_at_risk'
    group by
        patterns.pattern_number,
        endpoints.ending_scheme,
        outcomes.entry_days,
        outcomes.time_days,
        outcomes.competing_code
),

patterns as (
    select distinct
        pattern_number,
        study_id,
        arm_id,
        pattern
    from {{ ref('int_adjustment__pattern') }}
)

select
    patterns.study_id,
    endpoints.endpoint_id,
    endpoints.policy_id,
    patterns.arm_id,
    patterns.pattern,
    stays.entry_days,
    stays.time_days,
    stays.competing_code,
    stays.n
from stays
inner join patterns on stays.pattern_number = patterns.pattern_number
inner join endpoints
    on
        patterns.study_id = endpoints.study_id
        and stays.ending_scheme = endpoints.ending_scheme
