-- Grain: one analyte of a study, acute or resting, under one imputation policy or `none`.
--
-- Whether an analyte can be reported at all, or too much of it lies below the limit.
--   1. Not when more than assay_limits.share_below_limit_pct of all its usable results of the kind are.
--   2. Nor when more than assay_limits.baseline_share_below_limit_pct of its baselines are and have no
--      measured number under the policy: a policy that keeps numbers beyond a limit has those that the
--      laboratory extrapolated, the others have none. Where nothing is imputed only the first counts.
--   3. Baselines are those of the bouts; at rest those of the first visit.
-- Source: EPA QA/G-9S (2006), section 4.7: with more than half below the limit no mean can be estimated.
{{ config(materialized='table') }}

with limits as (
    select
        max(case when limit_id = 'share_below_limit_pct' then largest_value end) as share_below_limit_pct,
        max(case when limit_id = 'baseline_share_below_limit_pct' then largest_value end)
            as baseline_share_below_limit_pct
    from {{ ref('assay_limits') }}
),

imputations as (
    select
        imputed_as,
        imputation,
        is_policy,
        keeps_numbers_beyond_limit
    from {{ ref('int_biomarkers__imputations') }}
),

results as (
    select
        samples.study_id,
        samples.kind,
        results.analyte_id,
        count(case when results.is_usable then 1 end) as n_results,
        count(case when results.is_usable and results.is_below_limit then 1 end) as n_below_limit
    from {{ ref('int_assay__results') }} as results
    inner join {{ ref('int_biomarkers__samples') }} as samples
        on results.sample_number = samples.sample_number
    group by samples.study_id, samples.kind, results.analyte_id
),

first_visit_samples as (
    select
        samples.study_id,
        samples.sample_number
    from {{ ref('int_biomarkers__samples') }} as samples
    inner join {{ ref('int_biomarkers__visits') }} as visits
        on
            samples.study_id = visits.study_id
            and samples.visit = visits.visit
    where samples.kind = 'resting' and visits.is_first
),

baselines as (
    select
        bouts.study_id,
        'acute' as kind,
        baseline.analyte_id,
        baseline.imputed_as,
        baseline.is_below_limit,
        baseline.at_least is not null as has_value
    from {{ ref('int_biomarkers__acute_baselines') }} as baseline
    inner join {{ ref('int_biomarkers__bouts') }} as bouts on baseline.bout_number = bouts.bout_number
    where baseline.is_usable
    union all
    select
        samples.study_id,
        'resting' as kind,
        baseline.analyte_id,
        baseline.imputed_as,
        baseline.is_below_limit,
        baseline.at_least is not null as has_value
    from {{ ref('int_biomarkers__values') }} as baseline
    inner join first_visit_samples as samples on baseline.sample_number = samples.sample_number
    where baseline.is_usable
),

baseline_counts as (
    select
        baselines.study_id,
        baselines.kind,
        baselines.analyte_id,
        imputations.imputation,
        count(*) as n_baselines,
        count(
            case
                when
                    baselines.is_below_limit
                    and not (imputations.keeps_numbers_beyond_limit and baselines.has_value)
                    then 1
            end
        ) as n_below_limit
    from baselines
    inner join imputations on baselines.imputed_as = imputations.imputed_as
    where imputations.is_policy
    group by baselines.study_id, baselines.kind, baselines.analyte_id, imputations.imputation
),

reasons as (
    select
        results.study_id,
        results.kind,
        results.analyte_id,
        imputations.imputation,
        case
            when 100 * results.n_below_limit > limits.share_below_limit_pct * results.n_results
                then results.n_below_limit || ' of ' || results.n_results || ' results are below the limit'
            when
                100 * baseline_counts.n_below_limit
                > limits.baseline_share_below_limit_pct * baseline_counts.n_baselines
                then
                    baseline_counts.n_below_limit || ' of ' || baseline_counts.n_baselines
                    || ' baselines are below the limit'
            else ''
        end as reason
    from results
    cross join imputations
    cross join limits
    left join baseline_counts
        on
            results.study_id = baseline_counts.study_id
            and results.kind = baseline_counts.kind
            and results.analyte_id = baseline_counts.analyte_id
            and imputations.imputation = baseline_counts.imputation
    where imputations.imputed_as = imputations.imputation
)

select
    study_id,
    kind,
    analyte_id,
    imputation,
    reason = '' as is_reportable,
    reason
from reasons
