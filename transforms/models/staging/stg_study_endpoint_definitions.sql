-- Grain: one endpoint that a study defines itself.
select
    study_id,
    endpoint_id,
    label,
    definition_version,
    censored_at,
    description,
    source
from {{ source('raw', 'study_endpoint_definitions') }}
