-- Grain: one analyte of a participant at an earlier and a later visit with samples of it, under one
-- imputation policy.
--
-- The change of a resting level: how a later visit differs from an earlier one.
--   1. The ratio is value over baseline and needs a baseline above 0; the percent change is 100 (ratio -
--      1).
--   2. Two ends that cannot be compared stand as they are, without a difference.
--   3. A change between samples of which one was drawn too soon after exercise is computed and not
--      reportable; where nobody knows how soon, it stays reportable.
--   4. What is missing leaves nulls, and the reason; an analyte that cannot be reported is computed, marked
--      and explained.
-- The estimators read it once, and add the logarithm.

with compared as (
    select
        ends.study_id,
        ends.participant_id,
        ends.analyte_id,
        ends.from_visit,
        ends.to_visit,
        imputations.imputation,
        ends.arm_id,
        ends.from_timepoint,
        ends.to_timepoint,
        ends.baseline_at_most as baseline,
        ends.at_most as value,
        case when ends.is_comparable then ends.at_most - ends.baseline_at_most end as difference,
        case
            when ends.is_comparable and ends.baseline_at_most > 0 then ends.at_most / ends.baseline_at_most
        end as ratio,
        {{ days_between('cast(ends.from_collected_at as date)', 'cast(ends.to_collected_at as date)') }}
            as days_between,
        ends.from_hours_since_exercise,
        ends.to_hours_since_exercise,
        ends.is_rested,
        ends.is_first_from_visit,
        case
            when ends.reason = '' and ends.baseline_at_most <= 0 then 'baseline is 0: there is no ratio to it'
            else ends.reason
        end as reason
    from {{ ref('int_biomarkers__resting_ends') }} as ends
    inner join {{ ref('int_biomarkers__imputations') }} as imputations
        on ends.imputed_as = imputations.imputed_as
    where
        imputations.is_policy
        and ends.baseline_sample_number is not null
        and ends.sample_number is not null
)

select
    compared.study_id,
    compared.participant_id,
    compared.analyte_id,
    compared.from_visit,
    compared.to_visit,
    compared.imputation,
    compared.arm_id,
    analytes.canonical_unit as unit,
    compared.from_timepoint,
    compared.to_timepoint,
    compared.baseline,
    compared.value,
    compared.difference,
    compared.ratio,
    100 * (compared.ratio - 1) as pct_change,
    compared.days_between,
    compared.from_hours_since_exercise,
    compared.to_hours_since_exercise,
    compared.is_rested,
    compared.is_first_from_visit,
    compared.reason = '' and reportability.is_reportable as is_reportable,
    case when compared.reason <> '' then compared.reason else reportability.reason end as reason
from compared
inner join {{ ref('analytes') }} as analytes on compared.analyte_id = analytes.analyte_id
inner join {{ ref('int_biomarkers__reportability') }} as reportability
    on
        compared.study_id = reportability.study_id
        and reportability.kind = 'resting'
        and compared.analyte_id = reportability.analyte_id
        and compared.imputation = reportability.imputation
