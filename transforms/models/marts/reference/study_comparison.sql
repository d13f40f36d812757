-- Grain: one comparison of two arms of a study.
select
    study_id,
    experimental,
    control,
    comparison_order
from {{ ref('stg_study_comparisons') }}
