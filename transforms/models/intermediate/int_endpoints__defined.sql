-- Grain: one endpoint that a study is analysed by.
--
-- What an endpoint is: as reference.endpoint_definitions says, or as the study itself does in study.yaml.
with study_endpoints as (
    select
        study_id,
        endpoint_id
    from {{ ref('stg_study_endpoints') }}
)

select
    study_endpoints.study_id,
    study_endpoints.endpoint_id,
    definitions.label,
    definitions.definition_version,
    definitions.censored_at,
    definitions.description,
    definitions.source,
    false as is_custom
from study_endpoints
inner join {{ ref('endpoint_definitions') }} as definitions
    on study_endpoints.endpoint_id = definitions.endpoint_id
union all
select
    study_endpoints.study_id,
    study_endpoints.endpoint_id,
    definitions.label,
    definitions.definition_version,
    definitions.censored_at,
    definitions.description,
    definitions.source,
    true as is_custom
from study_endpoints
inner join {{ ref('stg_study_endpoint_definitions') }} as definitions
    on
        study_endpoints.study_id = definitions.study_id
        and study_endpoints.endpoint_id = definitions.endpoint_id
