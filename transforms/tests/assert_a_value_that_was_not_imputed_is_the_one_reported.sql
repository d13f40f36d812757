-- Imputation stands beside what was reported and never in its place: where no well was replaced, the value
-- under the default policy is the reported one, or there is none; where one was, the result has a well
-- beyond a limit, and text results (`<0.17`) keep an empty reported value.
select
    results.study_id,
    results.sample_id,
    results.analyte_id,
    results.result_as_reported,
    results.value_as_reported,
    results.imputed_value,
    results.imputation
from {{ ref('result') }} as results
inner join {{ ref('int_biomarkers__samples') }} as samples
    on
        results.study_id = samples.study_id
        and results.sample_id = samples.sample_id
inner join {{ ref('int_assay__results') }} as measured
    on
        samples.sample_number = measured.sample_number
        and results.analyte_id = measured.analyte_id
where
    (results.imputation <> 'none' and measured.n_beyond_limit = 0)
    or (measured.n_beyond_limit = 0 and results.imputed_value <> results.value_as_reported)
    or (measured.n_numbers = 0 and results.value_as_reported is not null)
