-- Grain: one analyte of a bout that was measured at a baseline timepoint, for each way it is imputed.
--
-- The baseline of a bout: its sample at the last-listed timepoint of role baseline that has a value.
--   1. What has a value depends on the imputation, so the baseline may too.
--   2. When none has, it is the last-listed, and its reason says what there was instead.
{{ config(materialized='table') }}

with measured as (
    select
        samples.bout_number,
        samples.sample_number,
        samples.timepoint_order,
        baseline.analyte_id,
        baseline.imputed_as,
        baseline.at_least,
        baseline.at_most,
        baseline.is_usable,
        baseline.is_below_limit,
        baseline.is_censored,
        baseline.reason
    from {{ ref('int_biomarkers__values') }} as baseline
    inner join {{ ref('int_biomarkers__samples') }} as samples
        on baseline.sample_number = samples.sample_number
    where samples.kind = 'acute' and samples.role = 'baseline'
),

last_listed as (
    select
        bout_number,
        analyte_id,
        imputed_as,
        coalesce(
            max(case when at_least is not null or at_most is not null then timepoint_order end),
            max(timepoint_order)
        ) as timepoint_order
    from measured
    group by bout_number, analyte_id, imputed_as
)

select
    measured.bout_number,
    measured.analyte_id,
    measured.imputed_as,
    measured.sample_number,
    measured.at_least,
    measured.at_most,
    measured.is_usable,
    measured.is_below_limit,
    measured.is_censored,
    measured.reason
from measured
inner join last_listed
    on
        measured.bout_number = last_listed.bout_number
        and measured.analyte_id = last_listed.analyte_id
        and measured.imputed_as = last_listed.imputed_as
        and measured.timepoint_order = last_listed.timepoint_order
