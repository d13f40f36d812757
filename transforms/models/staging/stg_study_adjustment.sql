-- Grain: one covariate of a study's adjusted model.
select
    study_id,
    covariate,
    kind,
    position
from {{ source('raw', 'study_adjustment') }}
