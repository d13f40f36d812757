-- Grain: one visit of a study that names its visits.
select
    study_id,
    visit,
    visit_order
from {{ source('raw', 'study_visits') }}
