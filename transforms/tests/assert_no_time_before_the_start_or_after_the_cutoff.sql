-- A negative time or one beyond the data cutoff would be counted by every estimator without a word. Who
-- starts after the cutoff ends on the day of the start.
select
    time_to_event.study_id,
    time_to_event.participant_id,
    time_to_event.endpoint_id,
    time_to_event.policy_id,
    time_to_event.end_date,
    time_to_event.time_days
from {{ ref('time_to_event') }} as time_to_event
inner join {{ ref('study') }} as studies on time_to_event.study_id = studies.study_id
where
    time_to_event.time_days < 0
    or (time_to_event.end_date > studies.data_cutoff and time_to_event.time_days > 0)
