-- Grain: one endpoint that a study is analysed by.
select
    study_id,
    endpoint_id
from {{ source('raw', 'study_endpoints') }}
