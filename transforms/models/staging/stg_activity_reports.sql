-- Grain: one self-report of physical activity.
select
    study_id,
    participant_id,
    reported_on,
    visit,
    instrument,
    met_hours_per_week,
    source_file,
    source_line
from {{ source('raw', 'activity_reports') }}
