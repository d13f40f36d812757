-- Grain: one analyte of a bout for each way it is imputed, with and without correction for plasma volume.
--
-- The course of an analyte over a bout, in one number: the peak and the area under the response.
--   1. The response timepoints count that have a value which can be compared with the baseline's.
--   2. The peak is the largest value; of equal ones the first in the order of the timepoints.
--   3. The net incremental area is that of value less baseline over time, by trapezoids from the baseline
--      sample through every response with a time after it; the positive one is the part above the baseline,
--      with the time of a crossing interpolated.
--   4. How many responses have such a value, how many there would be, and when the area ends are told: a
--      peak or an area of part of a course is not that of the whole.
--   5. Without a baseline, its time, or a response with a time there is no area.
-- Source: Wolever, Am J Clin Nutr 1991;54:846 (incremental areas under glucose curves).
{{ config(materialized='table') }}

with ends as (
    select
        ends.bout_number,
        ends.analyte_id,
        ends.imputed_as,
        ends.timepoint,
        ends.timepoint_order,
        ends.minutes_from_bout_end,
        ends.baseline_minutes,
        ends.baseline_at_most as baseline,
        ends.at_most as value,
        ends.baseline_plasma_volume_ratio,
        ends.plasma_volume_ratio,
        analytes.is_plasma_volume_corrected
    from {{ ref('int_biomarkers__acute_ends') }} as ends
    inner join {{ ref('analytes') }} as analytes on ends.analyte_id = analytes.analyte_id
    where ends.is_comparable and ends.at_most is not null and ends.imputed_as <> 'none'
),

responses as (
    select
        bout_number,
        analyte_id,
        imputed_as,
        false as is_plasma_volume_corrected,
        timepoint,
        timepoint_order,
        minutes_from_bout_end,
        baseline_minutes,
        baseline,
        value
    from ends
    union all
    select
        bout_number,
        analyte_id,
        imputed_as,
        true as is_plasma_volume_corrected,
        timepoint,
        timepoint_order,
        minutes_from_bout_end,
        baseline_minutes,
        baseline * baseline_plasma_volume_ratio as baseline,
        value * plasma_volume_ratio as value
    from ends
    where is_plasma_volume_corrected and plasma_volume_ratio is not null
),

steps as (
    select
        bout_number,
        analyte_id,
        imputed_as,
        is_plasma_volume_corrected,
        minutes_from_bout_end,
        minutes_from_bout_end - coalesce(lag(minutes_from_bout_end) over course, baseline_minutes) as minutes,
        coalesce(lag(value - baseline) over course, 0) as rise_before,
        value - baseline as rise
    from responses
    where minutes_from_bout_end > baseline_minutes and baseline is not null
    window course as (
        partition by bout_number, analyte_id, imputed_as, is_plasma_volume_corrected
        order by minutes_from_bout_end, timepoint_order
    )
),

parts as (
    select
        bout_number,
        analyte_id,
        imputed_as,
        is_plasma_volume_corrected,
        minutes_from_bout_end,
        minutes * (rise_before + rise) / 2 as net_area,
        case
            when rise_before >= 0 and rise >= 0 then minutes * (rise_before + rise) / 2
            when rise_before > 0 then minutes * rise_before / (rise_before - rise) * rise_before / 2
            when rise > 0 then minutes * rise / (rise - rise_before) * rise / 2
            else 0
        end as positive_area
    from steps
),

areas as (
    select
        bout_number,
        analyte_id,
        imputed_as,
        is_plasma_volume_corrected,
        {{ sum_of_numbers(ordered_numbers('net_area')) }} as net_incremental_auc,
        {{ sum_of_numbers(ordered_numbers('positive_area')) }} as positive_incremental_auc,
        max(minutes_from_bout_end) as auc_end_minutes
    from parts
    group by bout_number, analyte_id, imputed_as, is_plasma_volume_corrected
),

peaks as (
    select
        bout_number,
        analyte_id,
        imputed_as,
        is_plasma_volume_corrected,
        max(value) as peak,
        count(*) as n_responses
    from responses
    group by bout_number, analyte_id, imputed_as, is_plasma_volume_corrected
),

peak_orders as (
    select
        peaks.bout_number,
        peaks.analyte_id,
        peaks.imputed_as,
        peaks.is_plasma_volume_corrected,
        peaks.peak,
        peaks.n_responses,
        min(responses.timepoint_order) as timepoint_order
    from peaks
    inner join responses
        on
            peaks.bout_number = responses.bout_number
            and peaks.analyte_id = responses.analyte_id
            and peaks.imputed_as = responses.imputed_as
            and peaks.is_plasma_volume_corrected = responses.is_plasma_volume_corrected
            and peaks.peak = responses.value
    group by
        peaks.bout_number,
        peaks.analyte_id,
        peaks.imputed_as,
        peaks.is_plasma_volume_corrected,
        peaks.peak,
        peaks.n_responses
)

select
    peak_orders.bout_number,
    peak_orders.analyte_id,
    peak_orders.imputed_as,
    peak_orders.is_plasma_volume_corrected,
    peak_orders.peak,
    peak_samples.timepoint as peak_timepoint,
    peak_samples.minutes_from_bout_end as peak_minutes,
    peak_orders.n_responses,
    areas.net_incremental_auc,
    areas.positive_incremental_auc,
    areas.auc_end_minutes
from peak_orders
inner join responses as peak_samples
    on
        peak_orders.bout_number = peak_samples.bout_number
        and peak_orders.analyte_id = peak_samples.analyte_id
        and peak_orders.imputed_as = peak_samples.imputed_as
        and peak_orders.is_plasma_volume_corrected = peak_samples.is_plasma_volume_corrected
        and peak_orders.timepoint_order = peak_samples.timepoint_order
left join areas
    on
        peak_orders.bout_number = areas.bout_number
        and peak_orders.analyte_id = areas.analyte_id
        and peak_orders.imputed_as = areas.imputed_as
        and peak_orders.is_plasma_volume_corrected = areas.is_plasma_volume_corrected
