-- Whoever doubts an outcome must find the row it comes from: record type, file and line are never empty, not
-- even for a participant of whom nothing but the enrolment is known.
select
    study_id,
    participant_id,
    endpoint_id,
    policy_id,
    source_record,
    source_file,
    source_line
from {{ ref('time_to_event') }}
where
    source_record = ''
    or source_file = ''
    or source_line < 1
