-- Grain: one analyte of a sample.
--
-- What the laboratory reported, kept apart from what is made of it: imputed beyond a limit, corrected for
-- plasma volume. Nothing is dropped; what cannot be reported says why.
with default_policy as (
    select imputation
    from {{ ref('imputation_policies') }}
    where is_default
),

-- The policy that takes results as they are judges whether an analyte can be reported at all.
as_reported as (
    select min(imputation) as imputation
    from {{ ref('imputation_policies') }}
    where keeps_numbers_beyond_limit and below_limit_multiple is null
),

imputed as (
    select
        imputed.sample_number,
        imputed.analyte_id,
        imputed.imputation,
        imputed.value,
        imputed.is_replaced
    from {{ ref('int_biomarkers__imputed') }} as imputed
    inner join default_policy on imputed.imputation = default_policy.imputation
),

reportability as (
    select
        reportability.study_id,
        reportability.kind,
        reportability.analyte_id,
        reportability.reason
    from {{ ref('int_biomarkers__reportability') }} as reportability
    inner join as_reported on reportability.imputation = as_reported.imputation
),

results as (
    select
        samples.study_id,
        samples.sample_id,
        results.analyte_id,
        samples.participant_id,
        samples.arm_id,
        samples.kind,
        samples.visit,
        samples.bout_id,
        samples.timepoint,
        samples.matrix,
        results.result_as_reported,
        results.number as value_as_reported,
        analytes.canonical_unit as unit,
        results.lower_limit,
        results.upper_limit,
        results.is_below_limit,
        results.is_above_limit,
        results.n_wells,
        results.n_replicates,
        results.n_plates,
        results.replicate_cv_pct,
        results.is_cv_flagged,
        case
            when imputed.sample_number is not null then imputed.value
            when results.is_usable then results.number
        end as imputed_value,
        case when imputed.is_replaced then imputed.imputation else 'none' end as imputation,
        case when analytes.is_plasma_volume_corrected then plasma_volume.plasma_volume_change_pct end
            as plasma_volume_change_pct,
        case
            when results.reason <> '' then results.reason
            when samples.is_after_cutoff then 'drawn after the data cutoff'
            else reportability.reason
        end as reason,
        results.source_file,
        results.source_line
    from {{ ref('int_assay__results') }} as results
    inner join {{ ref('int_biomarkers__samples') }} as samples
        on results.sample_number = samples.sample_number
    inner join {{ ref('analytes') }} as analytes on results.analyte_id = analytes.analyte_id
    inner join reportability
        on
            samples.study_id = reportability.study_id
            and samples.kind = reportability.kind
            and results.analyte_id = reportability.analyte_id
    left join {{ ref('int_biomarkers__plasma_volume') }} as plasma_volume
        on samples.sample_number = plasma_volume.sample_number
    left join imputed
        on
            results.sample_number = imputed.sample_number
            and results.analyte_id = imputed.analyte_id
)

select
    study_id,
    sample_id,
    analyte_id,
    participant_id,
    arm_id,
    kind,
    visit,
    bout_id,
    timepoint,
    matrix,
    result_as_reported,
    value_as_reported,
    unit,
    lower_limit,
    upper_limit,
    is_below_limit,
    is_above_limit,
    n_wells,
    n_replicates,
    n_plates,
    replicate_cv_pct,
    is_cv_flagged,
    imputed_value,
    imputation,
    plasma_volume_change_pct,
    value_as_reported * (1 + plasma_volume_change_pct / 100) as corrected_value,
    imputed_value * (1 + plasma_volume_change_pct / 100) as corrected_imputed_value,
    reason = '' as is_reportable,
    reason,
    source_file,
    source_line
from results
