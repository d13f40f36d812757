-- Grain: one event class of an endpoint that a study is analysed by.
select
    study_id,
    endpoint_id,
    event_class,
    rule
from {{ ref('int_endpoints__rules') }}
