-- Grain: one study.
select
    study_id,
    title,
    design,
    index_cancer,
    time_origin,
    nominal_dates,
    data_cutoff,
    rmst_years,
    quarantine_tolerance,
    citation,
    licence
from {{ source('raw', 'study') }}
