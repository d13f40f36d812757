-- A well that dropped out of its result, or went into two, would change a mean without a word: for every
-- sample and analyte there is one result, and its n_wells is the number of rows that landing accepted.
with accepted as (
    select
        wells.study_id,
        wells.sample_id,
        vocabulary.analyte_id,
        count(*) as n_wells
    from {{ ref('stg_assay_results') }} as wells
    left join {{ ref('stg_assay_vocabulary') }} as vocabulary
        on
            wells.analyte_id = vocabulary.analyte_text
            and wells.unit = vocabulary.unit_text
    group by wells.study_id, wells.sample_id, vocabulary.analyte_id
)

select
    coalesce(accepted.study_id, results.study_id) as study_id,
    coalesce(accepted.sample_id, results.sample_id) as sample_id,
    coalesce(accepted.analyte_id, results.analyte_id) as analyte_id,
    accepted.n_wells as n_accepted,
    results.n_wells
from accepted
full outer join {{ ref('result') }} as results
    on
        accepted.study_id = results.study_id
        and accepted.sample_id = results.sample_id
        and accepted.analyte_id = results.analyte_id
where
    accepted.study_id is null
    or results.study_id is null
    or accepted.n_wells <> results.n_wells
