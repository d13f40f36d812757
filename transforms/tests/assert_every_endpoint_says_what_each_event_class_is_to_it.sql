-- An event class without a rule would count as ignored without anybody having said so: neither in the
-- reference (study '') nor in an endpoint that a study is analysed by may one be missing.
with endpoints as (
    select
        '' as study_id,
        endpoint_id
    from {{ ref('endpoint_definitions') }}
    union all
    select
        study_id,
        endpoint_id
    from {{ ref('int_endpoints__defined') }}
),

pairs as (
    select
        endpoints.study_id,
        endpoints.endpoint_id,
        classes.event_class
    from endpoints
    cross join {{ ref('event_classes') }} as classes
),

rules as (
    select
        '' as study_id,
        endpoint_id,
        event_class,
        rule
    from {{ ref('endpoint_event_rules') }}
    union all
    select
        study_id,
        endpoint_id,
        event_class,
        rule
    from {{ ref('int_endpoints__rules') }}
)

select
    coalesce(pairs.study_id, rules.study_id) as study_id,
    coalesce(pairs.endpoint_id, rules.endpoint_id) as endpoint_id,
    coalesce(pairs.event_class, rules.event_class) as event_class,
    rules.rule
from pairs
full outer join rules
    on
        pairs.study_id = rules.study_id
        and pairs.endpoint_id = rules.endpoint_id
        and pairs.event_class = rules.event_class
where
    pairs.endpoint_id is null
    or coalesce(rules.rule, '') not in ('event', 'competing', 'ignored')
