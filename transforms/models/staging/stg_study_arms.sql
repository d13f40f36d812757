-- Grain: one arm of a study.
select
    study_id,
    arm_id,
    label,
    role,
    arm_order
from {{ source('raw', 'study_arms') }}
