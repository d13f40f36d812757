-- Grain: one stratification factor of a study.
select
    study_id,
    covariate,
    position
from {{ source('raw', 'study_strata') }}
