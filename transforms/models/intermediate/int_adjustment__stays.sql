-- Grain: one distinct stay (entry, exit and how it ended) of an arm and combination of covariate values, by
-- endpoint and policy.
--
-- Who was at risk from when to when, by the covariates of the adjusted model.
--   1. Complete cases only: who lacks a covariate is in no adjusted model (as R's coxph with na.omit).
--   2. Stays are those of int_profiles__stays, for each endpoint and policy of their ending scheme.
{{ config(materialized='table') }}

with stays as (
    select
        patterns.study_id,
        patterns.arm_id,
        patterns.pattern,
        stays.ending_scheme,
        stays.entry_days,
        stays.time_days,
        stays.competing_code,
        cast(sum(stays.n) as bigint) as n
    from {{ ref('int_profiles__stays') }} as stays
    inner join {{ ref('int_profiles__pattern') }} as patterns
        on stays.profile_number = patterns.profile_number
    where
        patterns.used_for = 'adjustment'
        and patterns.is_known
    group by
        patterns.study_id,
        patterns.arm_id,
        patterns.pattern,
        stays.ending_scheme,
        stays.entry_days,
        stays.time_days,
        stays.competing_code
)

select
    stays.study_id,
    endpoints.endpoint_id,
    endpoints.policy_id,
    stays.arm_id,
    stays.pattern,
    stays.entry_days,
    stays.time_days,
    stays.competing_code,
    stays.n
from stays
inner join {{ ref('int_endpoints__in_study') }} as endpoints
    on
        stays.study_id = endpoints.study_id
        and stays.ending_scheme = endpoints.ending_scheme
