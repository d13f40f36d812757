-- Grain: one distinct stay (entry, exit and how it ended) of an arm with delayed entry, by endpoint and
-- policy.
--
-- Who was at risk from when to when, where a risk table says too little: with delayed entry, how exact an
-- incidence is depends on who left when having entered when.
--   1. Only arms in which somebody at risk entered after day 0 have rows; in those everybody at risk counts.
--   2. Stays are those of int_profiles__stays, strata added up, for each endpoint and policy of their ending
--      scheme; who was never at risk is not counted.
-- Source: infinitesimal jackknife of the Aalen-Johansen estimator, as R survival's survfit.
{{ config(materialized='table') }}

with profiles as (
    select
        study_id,
        arm_id,
        profile_number
    from {{ ref('int_profiles__pattern') }}
    where used_for = 'stratification'
),

delayed as (
    select distinct
        profiles.study_id,
        profiles.arm_id,
        stays.ending_scheme
    from {{ ref('int_profiles__stays') }} as stays
    inner join profiles on stays.profile_number = profiles.profile_number
    where stays.entry_days > 0
),

arms as (
    select
        profiles.study_id,
        profiles.arm_id,
        stays.ending_scheme,
        stays.entry_days,
        stays.time_days,
        stays.competing_code,
        cast(sum(stays.n) as bigint) as n
    from {{ ref('int_profiles__stays') }} as stays
    inner join profiles on stays.profile_number = profiles.profile_number
    inner join delayed
        on
            profiles.study_id = delayed.study_id
            and profiles.arm_id = delayed.arm_id
            and stays.ending_scheme = delayed.ending_scheme
    group by
        profiles.study_id,
        profiles.arm_id,
        stays.ending_scheme,
        stays.entry_days,
        stays.time_days,
        stays.competing_code
)

select
    arms.study_id,
    endpoints.endpoint_id,
    endpoints.policy_id,
    arms.arm_id,
    arms.entry_days,
    arms.time_days,
    arms.competing_code,
    arms.n
from arms
inner join {{ ref('int_endpoints__in_study') }} as endpoints
    on
        arms.study_id = endpoints.study_id
        and arms.ending_scheme = endpoints.ending_scheme
