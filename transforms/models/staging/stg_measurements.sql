-- Grain: one measurement of fitness, strength, body composition or patient-reported outcome.
select
    study_id,
    participant_id,
    measured_on,
    visit,
    measure_id,
    value,
    unit,
    source_file,
    source_line
from {{ source('raw', 'measurements') }}
