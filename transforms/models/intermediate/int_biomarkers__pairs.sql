-- Grain: one analyte of a participant at a response timepoint of the visit's first bout, or at a visit at
-- rest after the first, under one imputation policy or `none`; acute ones with and without correction for
-- plasma volume.
--
-- Who contributes what to an effect: baseline, value, or what is known of their ratio.
--   1. Acute: the first bout of the participant at the visit. Resting: from the study's first visit; whose
--      blood is known to have been drawn too soon after exercise is left out.
--   2. Under a policy everybody counts who was measured at either end, for some estimators need no pairs.
--   3. Under `none` nothing is imputed, and the ratio lies between ratio_low and ratio_high: the two are
--      equal when both ends are numbers; one is null where it is only known to be less or more than the
--      other. Only who was measured at both ends is here; both bounds are null where both ends lie beyond
--      the same limit, which says nothing.
--   4. Beyond a limit: the result of either end is, whatever the policy makes of it.
--   5. Nothing drawn after the study's data cutoff counts.
--   6. A value in another matrix than the baseline's is no value to compare with it.
-- Source: Helsel, Statistics for Censored Environmental Data (2012), on censored data as intervals.
-- A table: the estimators read it once, the expectations of myokine.effect often.
{{ config(materialized='table') }}

with bouts as (
    select
        study_id,
        bout_number,
        participant_id,
        arm_id,
        visit
    from {{ ref('int_biomarkers__bouts') }}
    where is_first_bout
),

acute_ends as (
    select
        ends.bout_number,
        ends.analyte_id,
        ends.timepoint,
        ends.imputed_as,
        ends.is_censored,
        ends.baseline_at_least,
        ends.baseline_at_most,
        case when ends.is_comparable then ends.at_least end as at_least,
        case when ends.is_comparable then ends.at_most end as at_most,
        ends.baseline_plasma_volume_ratio,
        ends.plasma_volume_ratio,
        analytes.is_plasma_volume_corrected
    from {{ ref('int_biomarkers__acute_ends') }} as ends
    inner join {{ ref('analytes') }} as analytes on ends.analyte_id = analytes.analyte_id
    where not ends.is_after_cutoff
),

acute as (
    select
        bout_number,
        analyte_id,
        timepoint,
        imputed_as,
        is_censored,
        false as is_plasma_volume_corrected,
        baseline_at_least,
        baseline_at_most,
        at_least,
        at_most
    from acute_ends
    union all
    select
        bout_number,
        analyte_id,
        timepoint,
        imputed_as,
        is_censored,
        true as is_plasma_volume_corrected,
        baseline_at_least * baseline_plasma_volume_ratio as baseline_at_least,
        baseline_at_most * baseline_plasma_volume_ratio as baseline_at_most,
        at_least * plasma_volume_ratio as at_least,
        at_most * plasma_volume_ratio as at_most
    from acute_ends
    where is_plasma_volume_corrected
),

ends as (
    select
        bouts.study_id,
        'acute' as kind,
        bouts.arm_id,
        bouts.visit,
        acute.analyte_id,
        acute.timepoint,
        acute.imputed_as,
        acute.is_censored,
        acute.is_plasma_volume_corrected,
        bouts.participant_id,
        acute.baseline_at_least,
        acute.baseline_at_most,
        acute.at_least,
        acute.at_most
    from acute
    inner join bouts on acute.bout_number = bouts.bout_number
    union all
    select
        resting.study_id,
        'resting' as kind,
        resting.arm_id,
        resting.from_visit as visit,
        resting.analyte_id,
        resting.to_visit as timepoint,
        resting.imputed_as,
        resting.is_censored,
        false as is_plasma_volume_corrected,
        resting.participant_id,
        resting.baseline_at_least,
        resting.baseline_at_most,
        case when resting.is_comparable then resting.at_least end as at_least,
        case when resting.is_comparable then resting.at_most end as at_most
    from {{ ref('int_biomarkers__resting_ends') }} as resting
    where
        resting.is_first_from_visit
        and coalesce(resting.is_rested, true)
        and not resting.is_after_cutoff
),

known as (
    select
        ends.study_id,
        ends.kind,
        ends.arm_id,
        ends.visit,
        ends.analyte_id,
        ends.timepoint,
        imputations.imputation,
        ends.is_plasma_volume_corrected,
        ends.participant_id,
        case when imputations.is_policy then ends.baseline_at_most end as baseline,
        case when imputations.is_policy then ends.at_most end as value,
        case when not imputations.is_policy then ends.at_least / nullif(ends.baseline_at_most, 0) end
            as ratio_low,
        case when not imputations.is_policy then ends.at_most / nullif(ends.baseline_at_least, 0) end
            as ratio_high,
        ends.is_censored as is_beyond_limit
    from ends
    inner join {{ ref('int_biomarkers__imputations') }} as imputations
        on ends.imputed_as = imputations.imputed_as
    where
        imputations.is_policy
        or (
            coalesce(ends.baseline_at_least, ends.baseline_at_most) is not null
            and coalesce(ends.at_least, ends.at_most) is not null
        )
)

select
    known.study_id,
    known.kind,
    known.arm_id,
    known.visit,
    known.analyte_id,
    known.timepoint,
    known.imputation,
    known.is_plasma_volume_corrected,
    known.participant_id,
    known.baseline,
    known.value,
    known.ratio_low,
    known.ratio_high,
    known.is_beyond_limit,
    reportability.is_reportable,
    reportability.reason
from known
inner join {{ ref('int_biomarkers__reportability') }} as reportability
    on
        known.study_id = reportability.study_id
        and known.kind = reportability.kind
        and known.analyte_id = reportability.analyte_id
        and known.imputation = reportability.imputation
