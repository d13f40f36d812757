-- Grain: one analyte of a plate.
--
-- The figures by which a plate is judged; shares are in percent of the samples that were measured.
{{ config(materialized='table') }}

with limits as (
    select largest_value as replicate_cv_pct
    from {{ ref('assay_limits') }}
    where limit_id = 'replicate_cv_pct'
),

plates as (
    select
        samples.study_id,
        samples.plate_id,
        samples.analyte_id,
        count(*) as n_samples,
        count(case when samples.n_replicates > 0 then 1 end) as n_measured,
        count(case when samples.is_below_limit then 1 end) as n_below_limit,
        count(case when samples.is_baseline and samples.n_replicates > 0 then 1 end) as n_baseline,
        count(case when samples.is_baseline and samples.is_below_limit then 1 end) as n_baseline_below_limit,
        {{ median_of('samples.replicate_cv_pct') }} as median_replicate_cv_pct,
        max(samples.replicate_cv_pct) as largest_replicate_cv_pct,
        count(samples.replicate_cv_pct) as n_with_cv,
        count(case when samples.replicate_cv_pct > limits.replicate_cv_pct then 1 end) as n_over_cv,
        count(case when samples.n_replicates = 1 then 1 end) as n_single_replicate,
        count(case when samples.is_bridging then 1 end) as n_bridging_samples
    from {{ ref('int_assay__plate_samples') }} as samples
    cross join limits
    group by samples.study_id, samples.plate_id, samples.analyte_id
),

wells as (
    select
        samples.study_id,
        wells.plate_id,
        wells.analyte_id,
        count(*) as n_wells,
        count(case when wells.not_measured_reason <> '' then 1 end) as n_not_measured,
        count(distinct wells.unit_id) as n_units,
        count(distinct wells.kit_lot) as n_kit_lots
    from {{ ref('int_assay__wells') }} as wells
    inner join {{ ref('int_biomarkers__samples') }} as samples on wells.sample_number = samples.sample_number
    group by samples.study_id, wells.plate_id, wells.analyte_id
)

select
    plates.study_id,
    plates.plate_id,
    plates.analyte_id,
    plates.n_samples,
    wells.n_wells,
    wells.n_not_measured,
    plates.n_below_limit,
    100.0 * plates.n_below_limit / nullif(plates.n_measured, 0) as share_below_limit_pct,
    plates.n_baseline,
    plates.n_baseline_below_limit,
    100.0 * plates.n_baseline_below_limit / nullif(plates.n_baseline, 0) as baseline_share_below_limit_pct,
    plates.median_replicate_cv_pct,
    plates.largest_replicate_cv_pct,
    100.0 * plates.n_over_cv / nullif(plates.n_with_cv, 0) as samples_over_cv_pct,
    plates.n_single_replicate,
    100.0 * plates.n_single_replicate / nullif(plates.n_measured, 0) as single_replicate_pct,
    wells.n_units,
    wells.n_kit_lots,
    plates.n_bridging_samples,
    drift.drift_pct
from plates
inner join wells
    on
        plates.study_id = wells.study_id
        and plates.plate_id = wells.plate_id
        and plates.analyte_id = wells.analyte_id
left join {{ ref('int_assay__plate_drift') }} as drift
    on
        plates.study_id = drift.study_id
        and plates.plate_id = drift.plate_id
        and plates.analyte_id = drift.analyte_id
