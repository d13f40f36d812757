-- Grain: one day on which somebody of an arm and level of a subgroup enters or leaves, by endpoint and
-- policy.
--
-- The risk table of every level of every subgroup of the study, from which effects in subgroups are
-- estimated.
--   1. A participant counts in each subgroup whose level is known, and in none whose level is missing.
--   2. Entries and exits are those of survival.risk_table; who was never at risk (delayed entry) is not
--      counted.
-- Source: risk sets as in R survival, Surv(entry, exit, event).
{{ config(materialized='table') }}

with profile_levels as (
    select
        profile_number,
        level_number,
        study_id,
        arm_id,
        covariate,
        level
    from {{ ref('int_profiles__level') }}
    where
        used_for = 'subgroups'
        and level is not null
),

levels as (
    select distinct
        level_number,
        study_id,
        arm_id,
        covariate,
        level
    from profile_levels
),

days as (
    select
        profile_levels.level_number,
        movements.ending_scheme,
        movements.time_days,
        cast(sum(movements.n_event) as bigint) as n_event,
        cast(sum(movements.n_competing) as bigint) as n_competing,
        cast(sum(movements.n_censored) as bigint) as n_censored,
        cast(sum(movements.n_entered) as bigint) as n_entered
    from {{ ref('int_profiles__movements') }} as movements
    inner join profile_levels on movements.profile_number = profile_levels.profile_number
    group by profile_levels.level_number, movements.ending_scheme, movements.time_days
)

select
    levels.study_id,
    endpoints.endpoint_id,
    endpoints.policy_id,
    levels.covariate as subgroup,
    levels.level,
    levels.arm_id,
    days.time_days,
    days.n_event,
    days.n_competing,
    days.n_censored,
    days.n_entered
from days
inner join levels on days.level_number = levels.level_number
inner join {{ ref('int_endpoints__in_study') }} as endpoints
    on
        levels.study_id = endpoints.study_id
        and days.ending_scheme = endpoints.ending_scheme
