-- Grain: one participant of a study and endpoint who had its event, under the primary censoring policy.
with primary_policy as (
    select policy_id
    from {{ ref('censoring_policies') }}
    where is_primary
)

select
    time_to_event.study_id,
    time_to_event.participant_id,
    time_to_event.endpoint_id,
    time_to_event.arm_id,
    time_to_event.event_class,
    time_to_event.event_organ as organ,
    time_to_event.end_date as event_on,
    time_to_event.time_days
from {{ ref('time_to_event') }} as time_to_event
inner join primary_policy on time_to_event.policy_id = primary_policy.policy_id
where time_to_event.is_event
