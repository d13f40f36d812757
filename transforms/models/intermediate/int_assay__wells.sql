-- Grain: one well, which is one accepted row of assay_results.
--
-- What a well says, as numbers in the analyte's canonical unit.
--   1. Both spellings of an analyte are one analyte, and every number is multiplied into the canonical unit
--      by the factor that landing found for the delivered pair of analyte and unit.
--   2. Results and limits are those of the undiluted sample: the dilution is never applied again.
--   3. A number is the result. It is below the limit when it is less than the lower limit (extrapolated),
--      above when it is more than the upper one; compared in the delivered unit, where both stand as
--      written.
--   4. A text with a sign is no number but a limit: that of the text (`<0.17`, `>500`), or the one
--      delivered beside it (`<LOD`). Words beyond a limit (BLQ) are the same.
--   5. Any other word says that nothing was measured, and reference.result_words why.
-- Source: ICH M10, Bioanalytical Method Validation (2022): results outside the limits of quantification
-- are reported as such.
{{ config(materialized='table') }}

with delivered as (
    select
        study_id,
        sample_id,
        analyte_id as analyte_text,
        coalesce(plate_id, '') as plate_id,
        replicate,
        result_text,
        unit as unit_text,
        kit_lot,
        lower_limit,
        upper_limit,
        source_file,
        source_line,
        upper(replace(result_text, ' ', '')) as result_form
    from {{ ref('stg_assay_results') }}
),

words as (
    select
        upper(replace(result_word, ' ', '')) as result_form,
        max(outcome) as outcome,
        max(reason) as reason
    from {{ ref('result_words') }}
    group by upper(replace(result_word, ' ', ''))
),

read as (
    select
        samples.sample_number,
        vocabulary.analyte_id,
        delivered.plate_id,
        delivered.replicate,
        delivered.result_text,
        vocabulary.unit_id,
        vocabulary.to_canonical,
        delivered.kit_lot,
        delivered.lower_limit,
        delivered.upper_limit,
        left(delivered.result_form, 1) as sign,
        {{ number_of_text('delivered.result_form') }} as number,
        case
            when left(delivered.result_form, 1) in ('<', '>')
                then {{ number_of_text('substr(delivered.result_form, 2)') }}
        end as stated_limit,
        words.outcome,
        words.reason,
        delivered.source_file,
        delivered.source_line
    from delivered
    inner join {{ ref('stg_assay_vocabulary') }} as vocabulary
        on
            delivered.analyte_text = vocabulary.analyte_text
            and delivered.unit_text = vocabulary.unit_text
    inner join {{ ref('int_biomarkers__samples') }} as samples
        on
            delivered.study_id = samples.study_id
            and delivered.sample_id = samples.sample_id
    left join words on delivered.result_form = words.result_form
)

select
    sample_number,
    analyte_id,
    plate_id,
    replicate,
    result_text,
    unit_id,
    kit_lot,
    number * to_canonical as number,
    case when sign = '<' then coalesce(stated_limit, lower_limit) else lower_limit end * to_canonical
        as lower_limit,
    case when sign = '>' then coalesce(stated_limit, upper_limit) else upper_limit end * to_canonical
        as upper_limit,
    coalesce(sign = '<' or outcome = 'below_limit' or number < lower_limit, false) as is_below_limit,
    coalesce(sign = '>' or outcome = 'above_limit' or number > upper_limit, false) as is_above_limit,
    case
        when number is not null or sign in ('<', '>') or outcome in ('below_limit', 'above_limit') then ''
        else coalesce(reason, 'nobody knows what the result means: ' || result_text)
    end as not_measured_reason,
    source_file,
    source_line
from read
