-- Grain: one comparison of two arms.
select
    study_id,
    experimental,
    control,
    comparison_order
from {{ source('raw', 'study_comparisons') }}
