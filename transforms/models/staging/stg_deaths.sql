-- Grain: one death.
select
    study_id,
    participant_id,
    died_on,
    cause,
    source_file,
    source_line
from {{ source('raw', 'deaths') }}
