-- Grain: one study.
select
    study_id,
    coalesce(title, '') as title,
    design,
    index_cancer,
    time_origin,
    nominal_dates,
    data_cutoff,
    rmst_years,
    quarantine_tolerance,
    coalesce(citation, '') as citation,
    coalesce(licence, '') as licence
from {{ ref('stg_study') }}
