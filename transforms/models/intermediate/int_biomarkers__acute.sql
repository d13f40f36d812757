-- Grain: one analyte of a bout at a response timepoint with a sample of it, under one imputation policy,
-- with and without correction for plasma volume.
--
-- The acute response: how a value after the bout differs from the bout's baseline.
--   1. The ratio is value over baseline and needs a baseline above 0; the percent change is 100 (ratio -
--      1).
--   2. Two ends that cannot be compared stand as they are, without a difference.
--   3. Analytes that plasma volume changes have a second row, corrected: C (1 + change / 100) at both ends.
--   4. Planned are the response timepoints at which the study measured the analyte at the visit.
--   5. What is missing leaves nulls, and the reason; an analyte that cannot be reported is computed, marked
--      and explained.
-- The estimators read it once, and add the logarithm.

with ends as (
    select
        ends.bout_number,
        ends.analyte_id,
        ends.timepoint,
        ends.imputed_as,
        ends.baseline_timepoint,
        ends.baseline_minutes,
        ends.minutes_from_bout_end,
        ends.baseline_at_most as baseline,
        ends.at_most as value,
        ends.baseline_plasma_volume_ratio,
        ends.plasma_volume_ratio,
        ends.is_comparable,
        ends.reason,
        analytes.is_plasma_volume_corrected,
        analytes.canonical_unit as unit
    from {{ ref('int_biomarkers__acute_ends') }} as ends
    inner join {{ ref('analytes') }} as analytes on ends.analyte_id = analytes.analyte_id
    where ends.sample_number is not null
),

planned as (
    select
        bouts.study_id,
        bouts.visit,
        ends.analyte_id,
        count(distinct ends.timepoint) as n_planned_responses
    from {{ ref('int_biomarkers__acute_ends') }} as ends
    inner join {{ ref('int_biomarkers__bouts') }} as bouts on ends.bout_number = bouts.bout_number
    group by bouts.study_id, bouts.visit, ends.analyte_id
),

corrected as (
    select
        bout_number,
        analyte_id,
        timepoint,
        imputed_as,
        false as is_plasma_volume_corrected,
        baseline_timepoint,
        baseline_minutes,
        minutes_from_bout_end,
        baseline,
        value,
        is_comparable,
        reason,
        unit
    from ends
    union all
    select
        bout_number,
        analyte_id,
        timepoint,
        imputed_as,
        true as is_plasma_volume_corrected,
        baseline_timepoint,
        baseline_minutes,
        minutes_from_bout_end,
        baseline * baseline_plasma_volume_ratio as baseline,
        value * plasma_volume_ratio as value,
        is_comparable,
        case
            when reason <> '' then reason
            when baseline_plasma_volume_ratio is null or plasma_volume_ratio is null
                then 'haemoglobin or haematocrit is missing'
            else ''
        end as reason,
        unit
    from ends
    where is_plasma_volume_corrected
),

compared as (
    select
        bout_number,
        analyte_id,
        timepoint,
        imputed_as,
        is_plasma_volume_corrected,
        baseline_timepoint,
        baseline_minutes,
        minutes_from_bout_end,
        baseline,
        value,
        case when is_comparable then value - baseline end as difference,
        case when is_comparable and baseline > 0 then value / baseline end as ratio,
        case when baseline > 0 then baseline end as positive_baseline,
        case
            when reason = '' and baseline <= 0 then 'baseline is 0: there is no ratio to it'
            else reason
        end as reason,
        unit
    from corrected
)

select
    bouts.study_id,
    bouts.participant_id,
    bouts.bout_id,
    compared.analyte_id,
    compared.timepoint,
    imputations.imputation,
    compared.is_plasma_volume_corrected,
    bouts.arm_id,
    bouts.visit,
    bouts.modality,
    bouts.is_first_bout,
    compared.unit,
    compared.minutes_from_bout_end,
    compared.baseline_timepoint,
    compared.baseline_minutes,
    compared.baseline,
    compared.value,
    compared.difference,
    compared.ratio,
    100 * (compared.ratio - 1) as pct_change,
    courses.peak,
    coalesce(courses.peak_timepoint, '') as peak_timepoint,
    courses.peak_minutes,
    courses.peak / compared.positive_baseline as peak_ratio,
    coalesce(courses.n_responses, 0) as n_responses,
    planned.n_planned_responses,
    courses.net_incremental_auc,
    courses.positive_incremental_auc,
    courses.auc_end_minutes,
    compared.reason = '' and reportability.is_reportable as is_reportable,
    case when compared.reason <> '' then compared.reason else reportability.reason end as reason
from compared
inner join {{ ref('int_biomarkers__bouts') }} as bouts on compared.bout_number = bouts.bout_number
inner join {{ ref('int_biomarkers__imputations') }} as imputations
    on
        compared.imputed_as = imputations.imputed_as
        and imputations.is_policy
inner join {{ ref('int_biomarkers__reportability') }} as reportability
    on
        bouts.study_id = reportability.study_id
        and reportability.kind = 'acute'
        and compared.analyte_id = reportability.analyte_id
        and imputations.imputation = reportability.imputation
inner join planned
    on
        bouts.study_id = planned.study_id
        and bouts.visit = planned.visit
        and compared.analyte_id = planned.analyte_id
left join {{ ref('int_biomarkers__acute_courses') }} as courses
    on
        compared.bout_number = courses.bout_number
        and compared.analyte_id = courses.analyte_id
        and compared.imputed_as = courses.imputed_as
        and compared.is_plasma_volume_corrected = courses.is_plasma_volume_corrected
