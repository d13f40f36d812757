-- Grain: one arm of a study.
select
    study_id,
    arm_id,
    coalesce(label, '') as label,
    role,
    arm_order
from {{ ref('stg_study_arms') }}
