-- Grain: one disease event or death of a participant, on or before the data cutoff.
--
-- What happened, in the classes that endpoints are defined by, and in one order.
--   1. The class of an event is the one that reference.event_classes gives its type or cause.
--   2. Events after the data cutoff do not exist.
--   3. The earliest event goes first. On the same day a recurrence goes before a second primary, and that
--      before death (same_day_order). Events that agree in this too are ordered by what they say, so that no
--      order of rows decides anything.
{{ config(materialized='table') }}

with participants as (
    select
        study_id,
        participant_id,
        start_date,
        data_cutoff
    from {{ ref('int_participants__followed') }}
),

recorded as (
    select
        study_id,
        participant_id,
        'disease_events' as record,
        event_type as record_value,
        event_on,
        false as is_death,
        coalesce(organ, '') as organ,
        coalesce(confirmed_by, '') as confirmed_by,
        source_file,
        source_line
    from {{ ref('stg_disease_events') }}
    union all
    select
        study_id,
        participant_id,
        'deaths' as record,
        cause as record_value,
        died_on as event_on,
        true as is_death,
        '' as organ,
        '' as confirmed_by,
        source_file,
        source_line
    from {{ ref('stg_deaths') }}
),

classes as (
    select
        event_class,
        record,
        record_value,
        same_day_order
    from {{ ref('event_classes') }}
),

classified as (
    select
        recorded.study_id,
        recorded.participant_id,
        classes.event_class,
        classes.same_day_order,
        recorded.is_death,
        recorded.event_on,
        {{ days_between('participants.start_date', 'recorded.event_on') }} as time_days,
        recorded.organ,
        recorded.confirmed_by,
        recorded.record as source_record,
        recorded.source_file,
        recorded.source_line
    from recorded
    inner join participants
        on
            recorded.study_id = participants.study_id
            and recorded.participant_id = participants.participant_id
    inner join classes
        on
            recorded.record = classes.record
            and recorded.record_value = classes.record_value
    where recorded.event_on <= participants.data_cutoff
)

select
    study_id,
    participant_id,
    row_number() over (
        partition by study_id, participant_id
        order by event_on, same_day_order, event_class, organ, confirmed_by, source_file, source_line
    ) as event_order,
    event_class,
    is_death,
    event_on,
    time_days,
    organ,
    source_record,
    source_file,
    source_line
from classified
