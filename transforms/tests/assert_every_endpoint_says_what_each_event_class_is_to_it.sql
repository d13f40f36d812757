-- An event class without a rule would count as ignored without anybody having said so.
with pairs as (
    select
        definitions.endpoint_id,
        classes.event_class
    from {{ ref('endpoint_definitions') }} as definitions
    cross join {{ ref('event_classes') }} as classes
)

select
    coalesce(pairs.endpoint_id, rules.endpoint_id) as endpoint_id,
    coalesce(pairs.event_class, rules.event_class) as event_class,
    rules.rule
from pairs
full outer join {{ ref('endpoint_event_rules') }} as rules
    on
        pairs.endpoint_id = rules.endpoint_id
        and pairs.event_class = rules.event_class
where
    pairs.endpoint_id is null
    or coalesce(rules.rule, '') not in ('event', 'competing', 'ignored')
