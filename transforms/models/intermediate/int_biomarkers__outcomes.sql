-- Grain: one endpoint of a participant with an acute or resting ratio of an analyte.
--
-- What became of a participant after a biomarker was measured: a landmark analysis.
--   1. The ratio is that of int_biomarkers__pairs' participants: of the first bout, or from the first visit
--      and not too soon after exercise; under the default policy, uncorrected. An analyte that cannot be
--      reported is here with the reason, so that nothing is missing without one.
--   2. The landmark is the day of the later sample; the time runs from it to the end of
--      survival.time_to_event under the primary policy.
--   3. At risk is who is still followed after that day, and had entered by then. Everybody else is here
--      too, marked: the event came before the biomarker was known.
--   4. Only in studies that deliver follow-up, disease events or deaths. Who has no ratio or no date is not
--      here.
-- Source: Anderson, Cain, Gelber, J Clin Oncol 1983;1:710 (landmark analysis against immortal time).
{{ config(materialized='table') }}

with followed_studies as (
    select study_id from {{ ref('stg_follow_up') }}
    union
    select study_id from {{ ref('stg_disease_events') }}
    union
    select study_id from {{ ref('stg_deaths') }}
),

default_policy as (
    select
        imputed_as,
        imputation
    from {{ ref('int_biomarkers__imputations') }}
    where is_default
),

samples as (
    select
        sample_number,
        cast(collected_at as date) as collected_on
    from {{ ref('int_biomarkers__samples') }}
    where collected_at is not null
),

ends as (
    select
        bouts.study_id,
        'acute' as kind,
        acute.analyte_id,
        bouts.visit,
        acute.timepoint,
        bouts.participant_id,
        default_policy.imputation,
        acute.sample_number,
        acute.baseline_at_most as baseline,
        acute.at_most as value
    from {{ ref('int_biomarkers__acute_ends') }} as acute
    inner join {{ ref('int_biomarkers__bouts') }} as bouts on acute.bout_number = bouts.bout_number
    inner join default_policy on acute.imputed_as = default_policy.imputed_as
    where bouts.is_first_bout and acute.is_comparable and not acute.is_after_cutoff
    union all
    select
        resting.study_id,
        'resting' as kind,
        resting.analyte_id,
        resting.from_visit as visit,
        resting.to_visit as timepoint,
        resting.participant_id,
        default_policy.imputation,
        resting.sample_number,
        resting.baseline_at_most as baseline,
        resting.at_most as value
    from {{ ref('int_biomarkers__resting_ends') }} as resting
    inner join default_policy on resting.imputed_as = default_policy.imputed_as
    where
        resting.is_first_from_visit
        and resting.is_comparable
        and coalesce(resting.is_rested, true)
        and not resting.is_after_cutoff
),

ratios as (
    select
        ends.study_id,
        ends.kind,
        ends.analyte_id,
        ends.visit,
        ends.timepoint,
        ends.participant_id,
        case when ends.baseline > 0 then ends.value / ends.baseline end as ratio,
        samples.collected_on,
        reportability.is_reportable,
        reportability.reason
    from ends
    inner join samples on ends.sample_number = samples.sample_number
    inner join followed_studies on ends.study_id = followed_studies.study_id
    inner join {{ ref('int_biomarkers__reportability') }} as reportability
        on
            ends.study_id = reportability.study_id
            and ends.kind = reportability.kind
            and ends.analyte_id = reportability.analyte_id
            and ends.imputation = reportability.imputation
    where not reportability.is_reportable or (ends.baseline > 0 and ends.value is not null)
),

outcomes as (
    select
        time_to_event.study_id,
        time_to_event.participant_id,
        time_to_event.endpoint_id,
        time_to_event.arm_id,
        time_to_event.start_date,
        time_to_event.entry_days,
        time_to_event.time_days,
        time_to_event.is_event,
        time_to_event.censor_reason
    from {{ ref('time_to_event') }} as time_to_event
    inner join {{ ref('censoring_policies') }} as policies on time_to_event.policy_id = policies.policy_id
    where policies.is_primary
),

landmarks as (
    select
        ratios.study_id,
        ratios.kind,
        ratios.analyte_id,
        ratios.visit,
        ratios.timepoint,
        outcomes.endpoint_id,
        ratios.participant_id,
        outcomes.arm_id,
        ratios.ratio,
        ratios.is_reportable,
        ratios.reason,
        {{ days_between('outcomes.start_date', 'ratios.collected_on') }} as landmark_days,
        outcomes.entry_days,
        outcomes.time_days as end_days,
        outcomes.is_event,
        outcomes.censor_reason
    from ratios
    inner join outcomes
        on
            ratios.study_id = outcomes.study_id
            and ratios.participant_id = outcomes.participant_id
)

select
    study_id,
    kind,
    analyte_id,
    visit,
    timepoint,
    endpoint_id,
    participant_id,
    arm_id,
    ratio,
    landmark_days,
    end_days - landmark_days as time_days,
    is_event,
    censor_reason <> 'not_at_risk' and end_days > landmark_days and landmark_days >= entry_days as is_at_risk,
    is_reportable,
    reason
from landmarks
