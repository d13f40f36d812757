-- Grain: one organ (`all` for every organ) of an arm of a study.
--
-- How many participants had a second primary cancer, in which organ first, and in how much time.
--   1. The first second primary of a participant after the time origin counts, in the same or another organ
--      than the index cancer; an organ that was not recorded is ''.
--   2. A participant is at risk from entry to the first second primary, else to death or the last day known
--      alive. Whose second primary is on or before a delayed entry was never at risk of a first one.
--   3. Everybody of the arm is among its participants (intention to treat).
--   4. Every organ seen in the study has a row in each of its arms, with 0 where nobody had it.
{{ config(materialized='table') }}

with second_primaries as (
    select
        study_id,
        participant_id,
        time_days,
        organ
    from {{ ref('int_recurrence__first_of_group') }}
    where event_group = 'second_primary'
),

stays as (
    select
        alive.study_id,
        alive.arm_id,
        alive.entry_days,
        coalesce(second_primaries.time_days, alive.end_days) as time_days,
        second_primaries.participant_id is not null as is_second_primary,
        second_primaries.organ
    from {{ ref('int_recurrence__alive') }} as alive
    left join second_primaries
        on
            alive.study_id = second_primaries.study_id
            and alive.participant_id = second_primaries.participant_id
),

stays_at_risk as (
    select
        study_id,
        arm_id,
        entry_days,
        time_days,
        is_second_primary,
        organ
    from stays
    where entry_days = 0 or time_days > entry_days
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
        study_id,
        arm_id,
        sum(time_days - entry_days) as person_days
    from stays_at_risk
    group by study_id, arm_id
),

counts as (
    select
        study_id,
        arm_id,
        organ,
        count(*) as n
    from stays_at_risk
    where is_second_primary
    group by study_id, arm_id, organ
    union all
    select
        study_id,
        arm_id,
        'all' as organ,
        count(*) as n
    from stays_at_risk
    where is_second_primary
    group by study_id, arm_id
),

organs as (
    select distinct
        study_id,
        organ
    from counts
    union
    select distinct
        study_id,
        'all' as organ
    from arms
)

select
    arms.study_id,
    arms.arm_id,
    organs.organ,
    cast(coalesce(counts.n, 0) as bigint) as n,
    cast(arms.n_participants as bigint) as n_participants,
    cast(coalesce(times_at_risk.person_days, 0) as bigint) as person_days
from arms
inner join organs on arms.study_id = organs.study_id
left join times_at_risk
    on
        arms.study_id = times_at_risk.study_id
        and arms.arm_id = times_at_risk.arm_id
left join counts
    on
        arms.study_id = counts.study_id
        and arms.arm_id = counts.arm_id
        and organs.organ = counts.organ
