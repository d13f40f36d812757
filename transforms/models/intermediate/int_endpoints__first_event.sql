-- Grain: one participant and event scheme with at least one candidate event.
--
-- The event that decides an endpoint.
--   1. The first candidate that counts, in the order of int_events__classified.
--   2. When none counts, the first that was set aside (a late death), marked as not counted.
with candidates as (
    select
        study_id,
        participant_id,
        event_scheme,
        event_order,
        is_event,
        is_counted
    from {{ ref('int_endpoints__candidate_events') }}
),

events as (
    select
        study_id,
        participant_id,
        event_order,
        event_class,
        event_on,
        organ,
        source_record,
        source_file,
        source_line
    from {{ ref('int_events__classified') }}
),

first_candidates as (
    select
        study_id,
        participant_id,
        event_scheme,
        min(event_order) as first_order,
        min(case when is_counted then event_order end) as first_counted_order,
        min(case when is_counted and is_event then event_order end) as first_counted_event_order
    from candidates
    group by study_id, participant_id, event_scheme
),

deciding as (
    select
        study_id,
        participant_id,
        event_scheme,
        coalesce(first_counted_order, first_order) as event_order,
        first_counted_order is not null as is_counted,
        coalesce(first_counted_event_order = first_counted_order, false) as is_event
    from first_candidates
)

select
    deciding.study_id,
    deciding.participant_id,
    deciding.event_scheme,
    deciding.is_event,
    deciding.is_counted,
    events.event_class,
    events.event_on,
    events.organ,
    events.source_record,
    events.source_file,
    events.source_line
from deciding
inner join events
    on
        deciding.study_id = events.study_id
        and deciding.participant_id = events.participant_id
        and deciding.event_order = events.event_order
