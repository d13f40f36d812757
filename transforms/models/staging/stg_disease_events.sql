-- Grain: one recurrence, second primary or other cancer finding of a participant.
select
    study_id,
    participant_id,
    event_on,
    event_type,
    organ,
    confirmed_by,
    source_file,
    source_line
from {{ source('raw', 'disease_events') }}
