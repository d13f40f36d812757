-- Grain: one analyte of a participant at an earlier and a later visit of the study, for each way it is
-- imputed.
--
-- The two ends of a change at rest: the samples of an earlier and of a later visit, none of them of a bout.
--   1. Every pair of visits at which the study measured the analyte at rest. Either end may be missing, but
--      not both.
--   2. Each end as the least and the most it can be; under a policy the two are one, the value.
--   3. Rested: both at least assay_limits.hours_since_exercise after the last exercise; not rested when one
--      is known to be less; otherwise unknown.
--   4. Serum and plasma differ by what clotting releases: an end in the one and an end in the other are not
--      compared.
--   5. Nothing after the study's data cutoff counts: an end drawn later is marked, with the reason.
-- Source: Bettariga 2025 (12-week trial): resting blood at least 48 h after exercise.
{{ config(materialized='table') }}

with limits as (
    select max(case when limit_id = 'hours_since_exercise' then largest_value end) as hours_since_exercise
    from {{ ref('assay_limits') }}
),

samples as (
    select
        samples.sample_number,
        samples.study_id,
        samples.participant_number,
        samples.participant_id,
        samples.arm_id,
        samples.timepoint,
        samples.collected_at,
        samples.matrix,
        samples.is_after_cutoff,
        visits.visit_order,
        hours.hours_since_exercise,
        hours.hours_since_exercise >= limits.hours_since_exercise as is_rested
    from {{ ref('int_biomarkers__samples') }} as samples
    inner join {{ ref('int_biomarkers__visits') }} as visits
        on
            samples.study_id = visits.study_id
            and samples.visit = visits.visit
    left join {{ ref('int_biomarkers__hours_since_exercise') }} as hours
        on samples.sample_number = hours.sample_number
    cross join limits
    where samples.kind = 'resting'
),

measured as (
    select
        samples.study_id,
        samples.participant_number,
        samples.visit_order,
        resting.analyte_id,
        resting.imputed_as,
        resting.sample_number,
        resting.at_least,
        resting.at_most,
        resting.is_censored,
        resting.reason
    from {{ ref('int_biomarkers__values') }} as resting
    inner join samples on resting.sample_number = samples.sample_number
),

measured_visits as (
    select distinct
        study_id,
        analyte_id,
        visit_order
    from measured
),

visit_pairs as (
    select
        earlier.study_id,
        earlier.analyte_id,
        earlier.visit_order as from_visit_order,
        later.visit_order as to_visit_order
    from measured_visits as earlier
    inner join measured_visits as later
        on
            earlier.study_id = later.study_id
            and earlier.analyte_id = later.analyte_id
            and earlier.visit_order < later.visit_order
),

earlier_ends as (
    select
        measured.study_id,
        measured.participant_number,
        measured.analyte_id,
        measured.imputed_as,
        visit_pairs.from_visit_order,
        visit_pairs.to_visit_order,
        measured.sample_number,
        measured.at_least,
        measured.at_most,
        measured.is_censored,
        measured.reason
    from measured
    inner join visit_pairs
        on
            measured.study_id = visit_pairs.study_id
            and measured.analyte_id = visit_pairs.analyte_id
            and measured.visit_order = visit_pairs.from_visit_order
),

later_ends as (
    select
        measured.study_id,
        measured.participant_number,
        measured.analyte_id,
        measured.imputed_as,
        visit_pairs.from_visit_order,
        visit_pairs.to_visit_order,
        measured.sample_number,
        measured.at_least,
        measured.at_most,
        measured.is_censored,
        measured.reason
    from measured
    inner join visit_pairs
        on
            measured.study_id = visit_pairs.study_id
            and measured.analyte_id = visit_pairs.analyte_id
            and measured.visit_order = visit_pairs.to_visit_order
),

ends as (
    select
        coalesce(earlier_ends.study_id, later_ends.study_id) as study_id,
        coalesce(earlier_ends.participant_number, later_ends.participant_number) as participant_number,
        coalesce(earlier_ends.analyte_id, later_ends.analyte_id) as analyte_id,
        coalesce(earlier_ends.imputed_as, later_ends.imputed_as) as imputed_as,
        coalesce(earlier_ends.from_visit_order, later_ends.from_visit_order) as from_visit_order,
        coalesce(earlier_ends.to_visit_order, later_ends.to_visit_order) as to_visit_order,
        earlier_ends.sample_number as baseline_sample_number,
        earlier_ends.at_least as baseline_at_least,
        earlier_ends.at_most as baseline_at_most,
        earlier_ends.is_censored as baseline_is_censored,
        earlier_ends.reason as baseline_reason,
        later_ends.sample_number,
        later_ends.at_least,
        later_ends.at_most,
        later_ends.is_censored,
        later_ends.reason
    from earlier_ends
    full outer join later_ends
        on
            earlier_ends.participant_number = later_ends.participant_number
            and earlier_ends.analyte_id = later_ends.analyte_id
            and earlier_ends.imputed_as = later_ends.imputed_as
            and earlier_ends.from_visit_order = later_ends.from_visit_order
            and earlier_ends.to_visit_order = later_ends.to_visit_order
)

select
    ends.study_id,
    coalesce(from_samples.participant_id, to_samples.participant_id) as participant_id,
    coalesce(from_samples.arm_id, to_samples.arm_id) as arm_id,
    ends.analyte_id,
    from_visits.visit as from_visit,
    to_visits.visit as to_visit,
    from_visits.is_first as is_first_from_visit,
    ends.imputed_as,
    ends.baseline_sample_number,
    ends.sample_number,
    coalesce(from_samples.timepoint, '') as from_timepoint,
    coalesce(to_samples.timepoint, '') as to_timepoint,
    from_samples.collected_at as from_collected_at,
    to_samples.collected_at as to_collected_at,
    from_samples.hours_since_exercise as from_hours_since_exercise,
    to_samples.hours_since_exercise as to_hours_since_exercise,
    from_samples.is_rested and to_samples.is_rested as is_rested,
    ends.baseline_at_least,
    ends.baseline_at_most,
    ends.at_least,
    ends.at_most,
    coalesce(ends.baseline_is_censored, false) or coalesce(ends.is_censored, false) as is_censored,
    coalesce(from_samples.is_after_cutoff, false) or coalesce(to_samples.is_after_cutoff, false)
        as is_after_cutoff,
    coalesce(from_samples.matrix = to_samples.matrix, true)
    or from_samples.matrix = ''
    or to_samples.matrix = '' as is_comparable,
    case
        when ends.baseline_reason <> '' then 'baseline ' || ends.baseline_reason
        when ends.reason <> '' then 'value ' || ends.reason
        when from_samples.is_after_cutoff or to_samples.is_after_cutoff then 'drawn after the data cutoff'
        when
            from_samples.matrix <> to_samples.matrix
            and from_samples.matrix <> ''
            and to_samples.matrix <> ''
            then 'baseline in ' || from_samples.matrix || ', value in ' || to_samples.matrix
        when not from_samples.is_rested
            then
                'baseline only ' || {{ figure_text('from_samples.hours_since_exercise') }}
                || ' h after exercise'
        when not to_samples.is_rested
            then
                'value only ' || {{ figure_text('to_samples.hours_since_exercise') }} || ' h after exercise'
        else ''
    end as reason
from ends
inner join {{ ref('int_biomarkers__visits') }} as from_visits
    on
        ends.study_id = from_visits.study_id
        and ends.from_visit_order = from_visits.visit_order
inner join {{ ref('int_biomarkers__visits') }} as to_visits
    on
        ends.study_id = to_visits.study_id
        and ends.to_visit_order = to_visits.visit_order
left join samples as from_samples on ends.baseline_sample_number = from_samples.sample_number
left join samples as to_samples on ends.sample_number = to_samples.sample_number
