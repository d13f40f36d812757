-- Grain: one usable result with a well beyond a limit.
--
-- What a result says when nothing is imputed.
--   1. A result below the limit is at most the lower limit, one above it at least the upper limit; without
--      a stated limit, or when half of the replicates are below and half above, it says nothing.
--   2. Any other result is the mean of its wells within the limits.
-- Source: Helsel, Statistics for Censored Environmental Data (2012), on censored data as intervals.
with results as (
    select
        sample_number,
        analyte_id,
        lower_limit,
        upper_limit,
        is_below_limit,
        is_above_limit
    from {{ ref('int_assay__results') }}
    where n_beyond_limit > 0 and is_usable
),

within_limits as (
    select
        wells.sample_number,
        wells.analyte_id,
        {{ ordered_numbers('wells.number') }} as numbers,
        count(wells.number) as n_numbers
    from {{ ref('int_assay__wells') }} as wells
    inner join results
        on
            wells.sample_number = results.sample_number
            and wells.analyte_id = results.analyte_id
    where not wells.is_below_limit and not wells.is_above_limit
    group by wells.sample_number, wells.analyte_id
),

means as (
    select
        sample_number,
        analyte_id,
        {{ sum_of_numbers('numbers') }} / n_numbers as number
    from within_limits
    where n_numbers > 0
)

select
    results.sample_number,
    results.analyte_id,
    case
        when results.is_above_limit and not results.is_below_limit then results.upper_limit
        when not results.is_below_limit then means.number
    end as at_least,
    case
        when results.is_below_limit and not results.is_above_limit then results.lower_limit
        when not results.is_above_limit then means.number
    end as at_most
from results
left join means
    on
        results.sample_number = means.sample_number
        and results.analyte_id = means.analyte_id
