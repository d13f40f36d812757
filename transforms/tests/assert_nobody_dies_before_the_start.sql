-- What happened before index_date is history that no endpoint counts; a death there is an error of a date,
-- and would leave the participant alive for ever.
select
    study_id,
    participant_id,
    event_on,
    time_days,
    source_file,
    source_line
from {{ ref('int_events__classified') }}
where is_death and time_days < 0
