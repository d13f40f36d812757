-- Grain: one analyte of a sample on one plate.
--
-- What the wells of a sample say on one plate: as int_assay__results, plate by plate.
--   1. A replicate is a well with a number or a limit; the sample is below the limit when at least half
--      are.
--   2. Mean and coefficient of variation are those of the numbers on the plate.
--   3. A baseline is a sample at a baseline timepoint of a bout, or at rest one of the study's first visit.
--   4. A sample is bridging when the analyte was measured in it on another plate too; a well whose plate is
--      not known bridges nothing.
{{ config(materialized='table') }}

with replicates as (
    select
        plate_id,
        analyte_id,
        sample_number,
        {{ ordered_numbers('number') }} as numbers,
        count(*) as n_wells,
        count(case when not_measured_reason = '' then 1 end) as n_replicates,
        count(number) as n_numbers,
        count(case when is_below_limit then 1 end) as n_below_limit
    from {{ ref('int_assay__wells') }}
    group by plate_id, analyte_id, sample_number
),

averaged as (
    select
        plate_id,
        analyte_id,
        sample_number,
        numbers,
        {{ sum_of_numbers('numbers') }} / n_numbers as mean_number,
        n_wells,
        n_replicates,
        n_numbers,
        n_below_limit
    from replicates
),

bridging as (
    select
        sample_number,
        analyte_id
    from replicates
    where plate_id <> ''
    group by sample_number, analyte_id
    having count(*) > 1
),

first_visits as (
    select
        study_id,
        visit
    from {{ ref('int_biomarkers__visits') }}
    where is_first
)

select
    samples.study_id,
    averaged.plate_id,
    averaged.analyte_id,
    averaged.sample_number,
    averaged.n_wells,
    averaged.n_replicates,
    averaged.mean_number,
    {{ variation_pct('averaged.numbers', 'averaged.n_numbers', 'averaged.mean_number') }} as replicate_cv_pct,
    averaged.n_replicates > 0 and 2 * averaged.n_below_limit >= averaged.n_replicates as is_below_limit,
    case
        when samples.kind = 'acute' then coalesce(samples.role = 'baseline', false)
        else first_visits.visit is not null
    end as is_baseline,
    bridging.sample_number is not null and averaged.plate_id <> '' as is_bridging
from averaged
inner join {{ ref('int_biomarkers__samples') }} as samples on averaged.sample_number = samples.sample_number
left join first_visits
    on
        samples.study_id = first_visits.study_id
        and samples.visit = first_visits.visit
left join bridging
    on
        averaged.sample_number = bridging.sample_number
        and averaged.analyte_id = bridging.analyte_id
