-- Grain: one bout of exercise in the laboratory.
select
    study_id,
    bout_id,
    participant_id,
    visit,
    modality,
    started_at,
    ended_at,
    protocol,
    source_file,
    source_line
from {{ source('raw', 'exercise_bouts') }}
