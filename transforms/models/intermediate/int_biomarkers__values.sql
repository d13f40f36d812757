-- Grain: one analyte of an occasion on which blood was drawn, for each way it is imputed (imputed_as).
--
-- What the chosen result of an occasion counts as, as the least and the most it can be.
--   1. Under a policy the two are one: the value. Within the limits all policies agree on the number;
--      beyond a limit they differ (int_biomarkers__imputed).
--   2. Under `none` nothing is imputed: a result beyond a limit has one of the two only
--      (int_biomarkers__bounds).
--   3. A result that is not usable has neither. Where there is no value the reason says what there was
--      instead.
--   4. Where no result of the bout (of the participant at rest) is beyond a limit all agree, and there is
--      one row for `any`.
{{ config(materialized='table') }}

with results as (
    select
        results.sample_number,
        results.analyte_id,
        chosen.participant_number,
        coalesce(chosen.bout_number, 0) as bout_number,
        case when results.is_usable then results.number end as number,
        results.n_beyond_limit > 0 and results.is_usable as is_beyond_limit,
        results.is_below_limit and results.is_usable as is_below_limit,
        (results.is_below_limit or results.is_above_limit) and results.is_usable as is_censored,
        results.is_usable,
        case
            when results.n_replicates > 0 and not results.is_usable
                then 'is not reportable: ' || results.reason
            when results.n_numbers > 0 then 'has no number within the limits: ' || results.result_as_reported
            else 'has no number: ' || results.result_as_reported
        end as reason_without_value
    from {{ ref('int_biomarkers__chosen') }} as chosen
    inner join {{ ref('int_assay__results') }} as results
        on
            chosen.sample_number = results.sample_number
            and chosen.analyte_id = results.analyte_id
),

series as (
    select
        participant_number,
        bout_number,
        analyte_id,
        count(case when is_beyond_limit then 1 end) > 0 as is_beyond_limit
    from results
    group by participant_number, bout_number, analyte_id
),

imputations as (
    select
        imputed_as,
        imputed_as <> 'any' as is_beyond_limit
    from {{ ref('int_biomarkers__imputations') }}
    group by imputed_as
),

beyond_limit as (
    select
        sample_number,
        analyte_id,
        imputation as imputed_as,
        value as at_least,
        value as at_most
    from {{ ref('int_biomarkers__imputed') }}
    union all
    select
        sample_number,
        analyte_id,
        'none' as imputed_as,
        at_least,
        at_most
    from {{ ref('int_biomarkers__bounds') }}
),

known as (
    select
        results.sample_number,
        results.analyte_id,
        imputations.imputed_as,
        results.number as at_least,
        results.number as at_most,
        results.is_usable,
        results.is_below_limit,
        results.is_censored,
        results.reason_without_value
    from results
    inner join series
        on
            results.participant_number = series.participant_number
            and results.bout_number = series.bout_number
            and results.analyte_id = series.analyte_id
    inner join imputations on series.is_beyond_limit = imputations.is_beyond_limit
    where not results.is_beyond_limit
    union all
    select
        results.sample_number,
        results.analyte_id,
        beyond_limit.imputed_as,
        beyond_limit.at_least,
        beyond_limit.at_most,
        results.is_usable,
        results.is_below_limit,
        results.is_censored,
        results.reason_without_value
    from results
    inner join beyond_limit
        on
            results.sample_number = beyond_limit.sample_number
            and results.analyte_id = beyond_limit.analyte_id
    where results.is_beyond_limit
)

select
    sample_number,
    analyte_id,
    imputed_as,
    at_least,
    at_most,
    is_usable,
    is_below_limit,
    is_censored,
    case when coalesce(at_least, at_most) is null then reason_without_value else '' end as reason
from known
