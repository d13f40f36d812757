-- Grain: one analyte and unit as laboratories wrote them.
select
    analyte_text,
    unit_text,
    analyte_id,
    unit_id,
    to_canonical
from {{ source('raw', 'assay_vocabulary') }}
