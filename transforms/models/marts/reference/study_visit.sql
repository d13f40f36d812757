-- Grain: one visit of a study at which resting blood was drawn.
select
    study_id,
    visit,
    visit_order
from {{ ref('int_biomarkers__visits') }}
