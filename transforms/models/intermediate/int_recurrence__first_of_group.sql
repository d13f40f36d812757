-- Grain: one participant of a study and group of events (reference.event_classes.event_group) that
-- happened.
--
-- The first recurrence, the first second primary and so on of a participant.
--   1. What happened before index_date is history, not an event of the follow-up.
--   2. The first is the first in the order of int_events__classified: by day, on one day by same_day_order,
--      then by organ, so that no order of rows decides anything.
with events as (
    select
        study_id,
        participant_id,
        event_order,
        event_class,
        time_days,
        organ
    from {{ ref('int_events__classified') }}
    where time_days >= 0
),

classes as (
    select
        event_class,
        event_group
    from {{ ref('event_classes') }}
),

placed as (
    select
        events.study_id,
        events.participant_id,
        classes.event_group,
        events.event_class,
        events.time_days,
        events.organ,
        row_number() over (
            partition by events.study_id, events.participant_id, classes.event_group
            order by events.event_order
        ) as place
    from events
    inner join classes on events.event_class = classes.event_class
)

select
    study_id,
    participant_id,
    event_group,
    event_class,
    time_days,
    organ
from placed
where place = 1
