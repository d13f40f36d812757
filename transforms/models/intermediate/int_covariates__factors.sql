-- Grain: one covariate of one use that a study makes of its participants' covariates.
--
-- What covariates are used for: stratification (as randomised), subgroups and adjustment (the adjusted
-- model). A covariate may have several uses; its position is that in the study's list for the use.
select
    study_id,
    'stratification' as used_for,
    covariate,
    position,
    'categorical' as kind
from {{ ref('stg_study_strata') }}
union all
select
    study_id,
    'subgroups' as used_for,
    covariate,
    position,
    'categorical' as kind
from {{ ref('stg_study_subgroups') }}
union all
select
    study_id,
    'adjustment' as used_for,
    covariate,
    position,
    kind
from {{ ref('stg_study_adjustment') }}
