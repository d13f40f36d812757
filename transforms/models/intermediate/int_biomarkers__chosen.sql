-- Grain: one analyte of an occasion on which blood was drawn: a bout and timepoint, or at rest a visit.
--
-- Which sample speaks for an occasion, where the analyte was measured in several.
--   1. One with a usable result goes before one without.
--   2. Then as the samples of the occasion are placed: serum, plasma, unknown; the earliest; by sample_id.
with results as (
    select
        samples.occasion_number,
        samples.place_at_occasion,
        results.analyte_id,
        results.is_usable
    from {{ ref('int_assay__results') }} as results
    inner join {{ ref('int_biomarkers__samples') }} as samples
        on results.sample_number = samples.sample_number
),

chosen as (
    select
        occasion_number,
        analyte_id,
        coalesce(min(case when is_usable then place_at_occasion end), min(place_at_occasion))
            as place_at_occasion
    from results
    group by occasion_number, analyte_id
)

select
    samples.sample_number,
    samples.participant_number,
    samples.bout_number,
    chosen.analyte_id
from chosen
inner join {{ ref('int_biomarkers__samples') }} as samples
    on
        chosen.occasion_number = samples.occasion_number
        and chosen.place_at_occasion = samples.place_at_occasion
