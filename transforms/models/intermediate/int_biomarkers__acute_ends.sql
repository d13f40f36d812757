-- Grain: one analyte of a bout, at a response timepoint at which the study measured the analyte at the
-- visit, for each way it is imputed.
--
-- The two ends of an acute response: the bout's baseline and the sample at a response timepoint.
--   1. Each as the least and the most it can be; under a policy the two are one, the value. Either end may
--      be missing, but not both.
--   2. Both corrected for the change in plasma volume, where the analyte is a concentration in plasma:
--      times (1 + change / 100).
--   3. A baseline without a time was at the start of the bout, when it is known how long the bout took.
--   4. Serum and plasma differ by what clotting releases: an end in the one and an end in the other are not
--      compared.
--   5. Nothing after the study's data cutoff counts: an end drawn later is marked, with the reason.
-- Source: Dill and Costill, J Appl Physiol 1974;37:247-248.
{{ config(materialized='table') }}

with bouts as (
    select
        study_id,
        bout_number,
        visit,
        duration_minutes
    from {{ ref('int_biomarkers__bouts') }}
),

samples as (
    select
        samples.sample_number,
        samples.bout_number,
        samples.timepoint,
        samples.role,
        samples.timepoint_order,
        samples.minutes_from_bout_end,
        samples.matrix,
        samples.is_after_cutoff,
        1 + plasma_volume.plasma_volume_change_pct / 100 as plasma_volume_ratio
    from {{ ref('int_biomarkers__samples') }} as samples
    inner join {{ ref('int_biomarkers__plasma_volume') }} as plasma_volume
        on samples.sample_number = plasma_volume.sample_number
),

responses as (
    select
        samples.bout_number,
        response.analyte_id,
        response.imputed_as,
        samples.timepoint,
        samples.timepoint_order,
        response.sample_number,
        response.at_least,
        response.at_most,
        response.is_censored,
        response.reason
    from {{ ref('int_biomarkers__values') }} as response
    inner join samples on response.sample_number = samples.sample_number
    where samples.role = 'response'
),

baselines as (
    select
        bout_number,
        analyte_id,
        imputed_as,
        sample_number,
        at_least,
        at_most,
        is_censored,
        reason
    from {{ ref('int_biomarkers__acute_baselines') }}
),

timepoints as (
    select distinct
        bouts.study_id,
        bouts.visit,
        responses.analyte_id,
        responses.timepoint,
        responses.timepoint_order
    from responses
    inner join bouts on responses.bout_number = bouts.bout_number
),

expected as (
    select
        baselines.bout_number,
        baselines.analyte_id,
        baselines.imputed_as,
        timepoints.timepoint,
        timepoints.timepoint_order,
        baselines.sample_number,
        baselines.at_least,
        baselines.at_most,
        baselines.is_censored,
        baselines.reason
    from baselines
    inner join bouts on baselines.bout_number = bouts.bout_number
    inner join timepoints
        on
            bouts.study_id = timepoints.study_id
            and bouts.visit = timepoints.visit
            and baselines.analyte_id = timepoints.analyte_id
),

ends as (
    select
        coalesce(expected.bout_number, responses.bout_number) as bout_number,
        coalesce(expected.analyte_id, responses.analyte_id) as analyte_id,
        coalesce(expected.imputed_as, responses.imputed_as) as imputed_as,
        coalesce(expected.timepoint, responses.timepoint) as timepoint,
        coalesce(expected.timepoint_order, responses.timepoint_order) as timepoint_order,
        expected.sample_number as baseline_sample_number,
        expected.at_least as baseline_at_least,
        expected.at_most as baseline_at_most,
        expected.is_censored as baseline_is_censored,
        expected.reason as baseline_reason,
        responses.sample_number,
        responses.at_least,
        responses.at_most,
        responses.is_censored,
        responses.reason
    from expected
    full outer join responses
        on
            expected.bout_number = responses.bout_number
            and expected.analyte_id = responses.analyte_id
            and expected.imputed_as = responses.imputed_as
            and expected.timepoint = responses.timepoint
)

select
    ends.bout_number,
    ends.analyte_id,
    ends.timepoint,
    ends.timepoint_order,
    ends.imputed_as,
    ends.sample_number,
    coalesce(baseline_samples.timepoint, '') as baseline_timepoint,
    case
        when ends.baseline_sample_number is not null
            then coalesce(baseline_samples.minutes_from_bout_end, -bouts.duration_minutes)
    end as baseline_minutes,
    ends.baseline_at_least,
    ends.baseline_at_most,
    baseline_samples.plasma_volume_ratio as baseline_plasma_volume_ratio,
    samples.minutes_from_bout_end,
    ends.at_least,
    ends.at_most,
    samples.plasma_volume_ratio,
    coalesce(ends.baseline_is_censored, false) or coalesce(ends.is_censored, false) as is_censored,
    coalesce(baseline_samples.is_after_cutoff, false) or coalesce(samples.is_after_cutoff, false)
        as is_after_cutoff,
    coalesce(baseline_samples.matrix = samples.matrix, true)
    or baseline_samples.matrix = ''
    or samples.matrix = '' as is_comparable,
    case
        when ends.baseline_sample_number is null then 'no baseline sample'
        when ends.baseline_reason <> '' then 'baseline ' || ends.baseline_reason
        when ends.reason <> '' then 'value ' || ends.reason
        when baseline_samples.is_after_cutoff or samples.is_after_cutoff then 'drawn after the data cutoff'
        when
            baseline_samples.matrix <> samples.matrix
            and baseline_samples.matrix <> ''
            and samples.matrix <> ''
            then 'baseline in ' || baseline_samples.matrix || ', value in ' || samples.matrix
        else ''
    end as reason
from ends
inner join bouts on ends.bout_number = bouts.bout_number
left join samples as baseline_samples on ends.baseline_sample_number = baseline_samples.sample_number
left join samples on ends.sample_number = samples.sample_number
