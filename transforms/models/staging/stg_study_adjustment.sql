-- Grain: one covariate of a study's adjusted model.
select
    study_id,
    covariate,
    kind,
    position as covariate_order
from {{ source('raw', 'study_adjustment') }}
