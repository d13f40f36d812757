-- Grain: one endpoint that a study is analysed by.
select
    study_id,
    endpoint_id,
    label,
    definition_version,
    censored_at,
    description,
    source,
    is_custom
from {{ ref('int_endpoints__defined') }}
