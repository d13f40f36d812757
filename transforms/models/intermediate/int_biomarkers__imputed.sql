-- Grain: one usable result with a well beyond a limit, under one imputation policy.
--
-- The value of a result when wells beyond a limit are treated as a policy says.
--   1. A well within the limits has its number. Beyond one, a policy that keeps such numbers has the
--      number; otherwise the well counts as the policy's multiple of its limit, and has no value when the
--      policy names none, or when nobody stated the limit.
--   2. The value is the mean of the wells that have one.
-- Source: reference.imputation_policies; Helsel, Statistics for Censored Environmental Data (2012), on half
-- the limit: acceptable only when few results are below it, so it is never the only policy.
{{ config(materialized='table') }}

with policies as (
    select
        imputation,
        keeps_numbers_beyond_limit,
        below_limit_multiple,
        above_limit_multiple
    from {{ ref('imputation_policies') }}
),

beyond_limit as (
    select
        sample_number,
        analyte_id
    from {{ ref('int_assay__results') }}
    where n_beyond_limit > 0 and is_usable
),

wells as (
    select
        wells.sample_number,
        wells.analyte_id,
        wells.number,
        wells.lower_limit,
        wells.upper_limit,
        wells.is_below_limit,
        wells.is_below_limit or wells.is_above_limit as is_beyond_limit
    from {{ ref('int_assay__wells') }} as wells
    inner join beyond_limit
        on
            wells.sample_number = beyond_limit.sample_number
            and wells.analyte_id = beyond_limit.analyte_id
),

treated_wells as (
    select
        wells.sample_number,
        wells.analyte_id,
        policies.imputation,
        wells.is_beyond_limit and not (policies.keeps_numbers_beyond_limit and wells.number is not null)
            as is_replaced,
        case
            when
                not wells.is_beyond_limit
                or (policies.keeps_numbers_beyond_limit and wells.number is not null)
                then wells.number
            when wells.is_below_limit then policies.below_limit_multiple * wells.lower_limit
            else policies.above_limit_multiple * wells.upper_limit
        end as number
    from wells
    cross join policies
),

results as (
    select
        sample_number,
        analyte_id,
        imputation,
        {{ ordered_numbers('number') }} as numbers,
        count(number) as n_numbers,
        count(case when is_replaced then number end) as n_replaced
    from treated_wells
    group by sample_number, analyte_id, imputation
)

select
    sample_number,
    analyte_id,
    imputation,
    case when n_numbers > 0 then {{ sum_of_numbers('numbers') }} / n_numbers end as value,
    n_replaced > 0 as is_replaced
from results
