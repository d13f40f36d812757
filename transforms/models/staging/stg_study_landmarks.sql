-- Grain: one landmark time of a study.
select
    study_id,
    landmark_years
from {{ source('raw', 'study_landmarks') }}
