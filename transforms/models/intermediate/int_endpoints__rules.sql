-- Grain: one event class of an endpoint that a study is analysed by.
--
-- What each class of event is to an endpoint (event, competing, ignored): as reference.endpoint_event_rules
-- says, or as the study itself does in study.yaml.
with study_endpoints as (
    select
        study_id,
        endpoint_id
    from {{ ref('stg_study_endpoints') }}
)

select
    study_endpoints.study_id,
    study_endpoints.endpoint_id,
    rules.event_class,
    rules.rule
from study_endpoints
inner join {{ ref('endpoint_event_rules') }} as rules
    on study_endpoints.endpoint_id = rules.endpoint_id
union all
select
    study_endpoints.study_id,
    study_endpoints.endpoint_id,
    rules.event_class,
    rules.rule
from study_endpoints
inner join {{ ref('stg_study_endpoint_rules') }} as rules
    on
        study_endpoints.study_id = rules.study_id
        and study_endpoints.endpoint_id = rules.endpoint_id
