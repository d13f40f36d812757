-- Grain: one prescribed or completed session of the exercise programme.
select
    study_id,
    session_id,
    participant_id,
    session_on,
    modality,
    prescribed_minutes,
    completed_minutes,
    intensity_met,
    supervised as is_supervised,
    attended as is_attended,
    source_file,
    source_line
from {{ source('raw', 'exercise_sessions') }}
