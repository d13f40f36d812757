-- A plate is judged by its own wells: over all plates, unknown ones included, there are as many wells of an
-- analyte as in its results, and as many plates to a sample as the result says.
with plates as (
    select
        study_id,
        analyte_id,
        sum(n_wells) as n_wells,
        sum(n_samples) as n_plates
    from {{ ref('plate_quality') }}
    group by study_id, analyte_id
),

results as (
    select
        study_id,
        analyte_id,
        sum(n_wells) as n_wells,
        sum(n_plates) as n_plates
    from {{ ref('result') }}
    group by study_id, analyte_id
)

select
    coalesce(plates.study_id, results.study_id) as study_id,
    coalesce(plates.analyte_id, results.analyte_id) as analyte_id,
    plates.n_wells as n_wells_on_plates,
    results.n_wells,
    plates.n_plates as n_samples_on_plates,
    results.n_plates
from plates
full outer join results
    on
        plates.study_id = results.study_id
        and plates.analyte_id = results.analyte_id
where
    plates.study_id is null
    or results.study_id is null
    or plates.n_wells <> results.n_wells
    or plates.n_plates <> results.n_plates
