-- Grain: one visit of a study at which blood was drawn at rest.
--
-- Which visit comes before which.
--   1. Where the study says the order of its visits, that is the order.
--   2. Otherwise visits come in the order of the first day on which blood was drawn at rest; those of one
--      day, and those without a day, which come last, by name.
--   3. The first of them is the one that changes start from.
{{ config(materialized='table') }}

with drawn as (
    select
        study_id,
        visit,
        min(collected_at) as first_collected_at
    from {{ ref('int_biomarkers__samples') }}
    where kind = 'resting'
    group by study_id, visit
),

ordered as (
    select
        drawn.study_id,
        drawn.visit,
        row_number() over (
            partition by drawn.study_id
            order by
                case when visits.visit_order is null then 1 else 0 end,
                visits.visit_order,
                case when drawn.first_collected_at is null then 1 else 0 end,
                cast(drawn.first_collected_at as date),
                drawn.visit
        ) as visit_order
    from drawn
    left join {{ ref('stg_study_visits') }} as visits
        on
            drawn.study_id = visits.study_id
            and drawn.visit = visits.visit
)

select
    study_id,
    visit,
    visit_order,
    visit_order = 1 as is_first
from ordered
