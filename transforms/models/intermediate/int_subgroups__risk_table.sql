-- Grain: one day on which somebody of an arm and level of a subgroup enters or leaves, by endpoint and
-- policy.
--
-- The risk table of every level of every subgroup of the study, from which effects in subgroups are
-- estimated.
--   1. A participant counts in each subgroup whose level is known, and in none whose level is missing.
--   2. Entries and exits are those of survival.risk_table; who was never at risk (delayed entry) is not
--      counted.
-- Source: risk sets as in R survival, Surv(entry, exit, event).
--
-- Three things keep it small: endpoints and policies of one ending scheme are counted once; participants are
-- counted once by their pattern of levels, and only the counts are added up by level; and what is grouped by
-- is whole numbers, which stand for the names until the end.
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
    inner join {{ ref('int_subgroups__pattern') }} as patterns
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

changes as (
    select
        pattern_number,
        ending_scheme,
        time_days,
        case when competing_code = 1 then n else 0 end as n_event,
        case when competing_code = 2 then n else 0 end as n_competing,
        case when competing_code = 0 then n else 0 end as n_censored,
        0 as n_entered
    from stays
    union all
    select
        pattern_number,
        ending_scheme,
        entry_days as time_days,
        0 as n_event,
        0 as n_competing,
        0 as n_censored,
        sum(n) as n_entered
    from stays
    group by pattern_number, ending_scheme, entry_days
),

pattern_levels as (
    select
        pattern_number,
        level_number
    from {{ ref('int_subgroups__pattern_level') }}
),

levels as (
    select distinct
        level_number,
        study_id,
        arm_id,
        subgroup,
        level
    from {{ ref('int_subgroups__pattern_level') }}
),

days as (
    select
        pattern_levels.level_number,
        changes.ending_scheme,
        changes.time_days,
        cast(sum(changes.n_event) as bigint) as n_event,
        cast(sum(changes.n_competing) as bigint) as n_competing,
        cast(sum(changes.n_censored) as bigint) as n_censored,
        cast(sum(changes.n_entered) as bigint) as n_entered
    from changes
    inner join pattern_levels on changes.pattern_number = pattern_levels.pattern_number
    group by pattern_levels.level_number, changes.ending_scheme, changes.time_days
)

select
    levels.study_id,
    endpoints.endpoint_id,
    endpoints.policy_id,
    levels.subgroup,
    levels.level,
    levels.arm_id,
    days.time_days,
    days.n_event,
    days.n_competing,
    days.n_censored,
    days.n_entered
from days
inner join levels on days.level_number = levels.level_number
inner join endpoints
    on
        levels.study_id = endpoints.study_id
        and days.ending_scheme = endpoints.ending_scheme
