-- Grain: one participant of a study.
--
-- From when to when a participant is known alive under observation, whatever else happens.
--   1. It ends with death, or without one on the last day known alive, as overall survival does.
--   2. Nobody's ends before the start: who starts after the data cutoff has day 0.
--   3. Delayed entry: whose end is on or before a delayed entry was never under observation.
-- Source: left truncation as R survival's Surv(entry, exit, event), which needs exit > entry.
with participants as (
    select
        study_id,
        participant_id,
        arm_id,
        start_date,
        entry_days
    from {{ ref('int_participants__followed') }}
),

deaths as (
    select
        study_id,
        participant_id,
        min(time_days) as death_days
    from {{ ref('int_events__classified') }}
    where is_death and time_days >= 0
    group by study_id, participant_id
),

last_known_alive as (
    select
        study_id,
        participant_id,
        alive_on
    from {{ ref('int_follow_up__last_known_alive') }}
),

ends as (
    select
        participants.study_id,
        participants.participant_id,
        participants.arm_id,
        participants.entry_days,
        deaths.death_days is not null as is_dead,
        coalesce(
            deaths.death_days,
            greatest(0, {{ days_between('participants.start_date', 'last_known_alive.alive_on') }})
        ) as end_days
    from participants
    inner join last_known_alive
        on
            participants.study_id = last_known_alive.study_id
            and participants.participant_id = last_known_alive.participant_id
    left join deaths
        on
            participants.study_id = deaths.study_id
            and participants.participant_id = deaths.participant_id
)

select
    study_id,
    participant_id,
    arm_id,
    entry_days,
    end_days,
    is_dead,
    entry_days = 0 or end_days > entry_days as is_observed
from ends
