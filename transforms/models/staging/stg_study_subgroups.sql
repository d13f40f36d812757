-- Grain: one subgroup factor of a study.
select
    study_id,
    covariate,
    position as subgroup_order
from {{ source('raw', 'study_subgroups') }}
