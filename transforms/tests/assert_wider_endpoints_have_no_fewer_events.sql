-- Endpoint definitions disagree, but they nest: where one counts every event class of another and nothing
-- competes with it, it has at least as many events (DFS >= RFS >= TTR, OS >= DSS). Only among participants
-- without delayed entry: an earlier event before entry can hide a later one.
with counted as (
    select
        endpoint_id,
        event_class
    from {{ ref('endpoint_event_rules') }}
    where rule = 'event'
),

without_competition as (
    select endpoint_id
    from {{ ref('endpoint_event_rules') }}
    group by endpoint_id
    having count(case when rule = 'competing' then 1 end) = 0
),

class_counts as (
    select
        endpoint_id,
        count(*) as n_classes
    from counted
    group by endpoint_id
),

shared_classes as (
    select
        wider.endpoint_id as wider_endpoint_id,
        narrower.endpoint_id as narrower_endpoint_id,
        count(*) as n_classes
    from counted as wider
    inner join counted as narrower
        on
            wider.event_class = narrower.event_class
            and wider.endpoint_id <> narrower.endpoint_id
    group by wider.endpoint_id, narrower.endpoint_id
),

nested as (
    select
        shared_classes.wider_endpoint_id,
        shared_classes.narrower_endpoint_id
    from shared_classes
    inner join class_counts
        on
            shared_classes.narrower_endpoint_id = class_counts.endpoint_id
            and shared_classes.n_classes = class_counts.n_classes
    inner join without_competition on shared_classes.wider_endpoint_id = without_competition.endpoint_id
),

events as (
    select
        time_to_event.study_id,
        time_to_event.endpoint_id,
        count(case when time_to_event.is_event then 1 end) as n_events
    from {{ ref('time_to_event') }} as time_to_event
    inner join {{ ref('censoring_policies') }} as policies on time_to_event.policy_id = policies.policy_id
    where policies.is_primary and time_to_event.entry_days = 0
    group by time_to_event.study_id, time_to_event.endpoint_id
)

select
    wider.study_id,
    nested.wider_endpoint_id,
    wider.n_events as n_events_of_wider,
    nested.narrower_endpoint_id,
    narrower.n_events as n_events_of_narrower
from nested
inner join events as wider on nested.wider_endpoint_id = wider.endpoint_id
inner join events as narrower
    on
        nested.narrower_endpoint_id = narrower.endpoint_id
        and wider.study_id = narrower.study_id
where wider.n_events < narrower.n_events
