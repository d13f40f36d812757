-- Grain: one event class of an endpoint that a study defines itself.
select
    study_id,
    endpoint_id,
    event_class,
    rule
from {{ source('raw', 'study_endpoint_rules') }}
