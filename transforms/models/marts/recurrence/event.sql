-- Grain: one disease event of a participant on or before the data cutoff, in order.
--
-- Every recurrence, second primary, skin cancer and carcinoma in situ, whether or not an endpoint counts it.
-- An event before index_date has a negative time_days: it is history, and no endpoint counts it.
with events as (
    select
        study_id,
        participant_id,
        row_number() over (partition by study_id, participant_id order by event_order) as event_number,
        event_class,
        organ,
        event_on,
        time_days,
        time_days - lag(time_days) over (partition by study_id, participant_id order by event_order)
            as days_since_previous,
        source_file,
        source_line
    from {{ ref('int_events__classified') }}
    where not is_death
),

participants as (
    select
        study_id,
        participant_id,
        arm_id
    from {{ ref('int_participants__followed') }}
)

select
    events.study_id,
    events.participant_id,
    events.event_number,
    participants.arm_id,
    events.event_class,
    events.organ,
    events.event_on,
    events.time_days,
    events.days_since_previous,
    events.source_file,
    events.source_line
from events
inner join participants
    on
        events.study_id = participants.study_id
        and events.participant_id = participants.participant_id
