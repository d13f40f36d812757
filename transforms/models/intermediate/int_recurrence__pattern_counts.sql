-- Grain: one event class and organ (`all` for every class or organ) of an arm of a study, by endpoint.
--
-- How many participants had which first event of an endpoint, where, and in how much time at risk.
--   1. The first event is that of recurrence.first_event, under the primary censoring policy; an organ that
--      was not recorded is ''.
--   2. The time at risk runs from entry to the end under that policy; who was never at risk (delayed entry)
--      has none.
--   3. Everybody of the arm is among its participants (intention to treat).
--   4. Every class and organ seen in the study has a row in each of its arms, with 0 where nobody had it.
{{ config(materialized='table') }}

with first_events as (
    select
        study_id,
        endpoint_id,
        arm_id,
        event_class,
        organ,
        count(*) as n
    from {{ ref('first_event') }}
    group by study_id, endpoint_id, arm_id, event_class, organ
),

endpoints as (
    select distinct
        endpoints.study_id,
        endpoints.endpoint_id
    from {{ ref('int_endpoints__in_study') }} as endpoints
    inner join {{ ref('censoring_policies') }} as policies on endpoints.policy_id = policies.policy_id
    where policies.is_primary
),

arms as (
    select
        arms.study_id,
        arms.arm_id,
        count(participants.participant_id) as n_participants
    from {{ ref('stg_study_arms') }} as arms
    left join {{ ref('int_participants__followed') }} as participants
        on
            arms.study_id = participants.study_id
            and arms.arm_id = participants.arm_id
    group by arms.study_id, arms.arm_id
),

times_at_risk as (
    select
        time_to_event.study_id,
        time_to_event.endpoint_id,
        time_to_event.arm_id,
        sum(time_to_event.time_days - time_to_event.entry_days) as person_days
    from {{ ref('time_to_event') }} as time_to_event
    inner join {{ ref('censoring_policies') }} as policies on time_to_event.policy_id = policies.policy_id
    where
        policies.is_primary
        and time_to_event.censor_reason <> 'not_at_risk'
    group by time_to_event.study_id, time_to_event.endpoint_id, time_to_event.arm_id
),

counts as (
    select
        study_id,
        endpoint_id,
        arm_id,
        event_class,
        organ,
        n
    from first_events
    union all
    select
        study_id,
        endpoint_id,
        arm_id,
        event_class,
        'all' as organ,
        sum(n) as n
    from first_events
    group by study_id, endpoint_id, arm_id, event_class
    union all
    select
        study_id,
        endpoint_id,
        arm_id,
        'all' as event_class,
        'all' as organ,
        sum(n) as n
    from first_events
    group by study_id, endpoint_id, arm_id
),

patterns as (
    select
        study_id,
        endpoint_id,
        event_class,
        organ
    from counts
    union
    select
        study_id,
        endpoint_id,
        'all' as event_class,
        'all' as organ
    from endpoints
)

select
    patterns.study_id,
    patterns.endpoint_id,
    arms.arm_id,
    patterns.event_class,
    patterns.organ,
    cast(coalesce(counts.n, 0) as bigint) as n,
    cast(arms.n_participants as bigint) as n_participants,
    cast(coalesce(times_at_risk.person_days, 0) as bigint) as person_days
from patterns
inner join arms on patterns.study_id = arms.study_id
left join times_at_risk
    on
        patterns.study_id = times_at_risk.study_id
        and patterns.endpoint_id = times_at_risk.endpoint_id
        and arms.arm_id = times_at_risk.arm_id
left join counts
    on
        patterns.study_id = counts.study_id
        and patterns.endpoint_id = counts.endpoint_id
        and arms.arm_id = counts.arm_id
        and patterns.event_class = counts.event_class
        and patterns.organ = counts.organ
