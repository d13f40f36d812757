-- Grain: one sampling timepoint of a study.
select
    study_id,
    timepoint,
    role,
    minutes_from_bout_end,
    timepoint_order
from {{ ref('stg_study_timepoints') }}
