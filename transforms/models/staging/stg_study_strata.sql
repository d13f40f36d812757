-- Grain: one stratification factor of a study.
select
    study_id,
    covariate,
    position as stratum_order
from {{ source('raw', 'study_strata') }}
