-- Grain: one course of anticancer therapy of a participant.
select
    study_id,
    participant_id,
    started_on,
    therapy,
    intent,
    source_file,
    source_line
from {{ source('raw', 'anticancer_therapies') }}
