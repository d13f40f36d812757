-- Grain: one replicate measurement of an analyte in a sample.
select
    study_id,
    sample_id,
    analyte_id,
    replicate,
    result_text,
    unit,
    plate_id,
    well,
    dilution,
    lower_limit,
    upper_limit,
    kit_lot,
    assayed_on,
    source_file,
    source_line
from {{ source('raw', 'assay_results') }}
