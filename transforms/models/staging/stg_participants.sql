-- Grain: one participant of a study.
select
    study_id,
    participant_id,
    index_date,
    entry_date,
    site_id,
    arm_id,
    age_years,
    sex,
    source_file,
    source_line
from {{ source('raw', 'participants') }}
