-- Grain: one analyte of a sample.
--
-- What the wells of a sample say together.
--   1. Every well counts once, on whatever plate. A replicate is a well with a number or a limit.
--   2. The value as reported is the mean of the wells that have a number, those beyond a limit too.
--   3. The result is below (above) the limit when at least half of its replicates are. Where wells name
--      different limits it is the narrowest range: the largest lower and the smallest upper limit.
--   4. The coefficient of variation is the sample standard deviation of the numbers over their mean; above
--      assay_limits.replicate_cv_pct it is a flag, and the value stays.
--   5. Not usable: nothing was measured in any well; a number is negative; or replicates are more than
--      assay_limits.replicate_fold apart, for then the mean is the value of neither, and none is made. A
--      text `<0.17` is at most 0.17, `>500` at least 500.
-- Source: FDA Bioanalytical Method Validation (2018): replicates and their CV; reference.assay_limits.
{{ config(materialized='table') }}

with limits as (
    select
        max(case when limit_id = 'replicate_cv_pct' then largest_value end) as replicate_cv_pct,
        max(case when limit_id = 'replicate_fold' then largest_value end) as replicate_fold
    from {{ ref('assay_limits') }}
),

wells as (
    select
        sample_number,
        analyte_id,
        plate_id,
        replicate,
        result_text,
        number,
        lower_limit,
        upper_limit,
        is_below_limit,
        is_above_limit,
        not_measured_reason,
        case when is_above_limit and number is null then upper_limit else number end as at_least,
        case when is_below_limit and number is null then lower_limit else number end as at_most,
        source_file,
        source_line
    from {{ ref('int_assay__wells') }}
),

replicates as (
    select
        sample_number,
        analyte_id,
        {{ ordered_records(['plate_id', 'replicate', 'result_text', 'source_file', 'source_line']) }}
            as wells,
        {{ ordered_numbers('number') }} as numbers,
        count(*) as n_wells,
        count(case when not_measured_reason = '' then 1 end) as n_replicates,
        count(number) as n_numbers,
        count(distinct plate_id) as n_plates,
        count(case when is_below_limit then 1 end) as n_below_limit,
        count(case when is_above_limit then 1 end) as n_above_limit,
        min(number) as smallest_number,
        max(at_least) as highest_at_least,
        min(at_most) as lowest_at_most,
        max(lower_limit) as lower_limit,
        min(upper_limit) as upper_limit,
        min(nullif(not_measured_reason, '')) as not_measured_reason
    from wells
    group by sample_number, analyte_id
),

averaged as (
    select
        replicates.sample_number,
        replicates.analyte_id,
        replicates.wells,
        replicates.numbers,
        {{ sum_of_numbers('replicates.numbers') }} / replicates.n_numbers as mean_number,
        replicates.n_wells,
        replicates.n_replicates,
        replicates.n_numbers,
        replicates.n_plates,
        replicates.n_below_limit,
        replicates.n_above_limit,
        replicates.lower_limit,
        replicates.upper_limit,
        coalesce(
            replicates.lowest_at_most >= 0
            and replicates.highest_at_least > limits.replicate_fold * replicates.lowest_at_most,
            false
        ) as is_apart,
        limits.replicate_cv_pct as largest_cv_pct,
        case
            when replicates.n_replicates = 0 then replicates.not_measured_reason
            when replicates.smallest_number < 0 then 'a well has a negative number'
            when replicates.highest_at_least > limits.replicate_fold * replicates.lowest_at_most
                then
                    'replicates are more than ' || {{ figure_text('limits.replicate_fold') }}
                    || '-fold apart and are not averaged'
            else ''
        end as reason
    from replicates
    cross join limits
),

varied as (
    select
        sample_number,
        analyte_id,
        wells,
        mean_number,
        lower_limit,
        upper_limit,
        n_wells,
        n_replicates,
        n_numbers,
        n_plates,
        n_below_limit,
        n_above_limit,
        is_apart,
        reason,
        largest_cv_pct,
        {{ variation_pct('numbers', 'n_numbers', 'mean_number') }} as replicate_cv_pct
    from averaged
)

select
    sample_number,
    analyte_id,
    {{ texts_of_records('wells', 'result_text', '; ') }} as result_as_reported,
    case when not is_apart then mean_number end as number,
    lower_limit,
    upper_limit,
    n_replicates > 0 and 2 * n_below_limit >= n_replicates as is_below_limit,
    n_replicates > 0 and 2 * n_above_limit >= n_replicates as is_above_limit,
    n_wells,
    n_replicates,
    n_numbers,
    n_below_limit + n_above_limit as n_beyond_limit,
    n_plates,
    replicate_cv_pct,
    coalesce(replicate_cv_pct > largest_cv_pct, false) as is_cv_flagged,
    reason = '' as is_usable,
    reason,
    {{ first_of_records('wells', 'source_file') }} as source_file,
    {{ first_of_records('wells', 'source_line') }} as source_line
from varied
