-- Grain: one contact with a participant.
select
    study_id,
    participant_id,
    followed_on,
    kind,
    outcome,
    source_file,
    source_line
from {{ source('raw', 'follow_up') }}
