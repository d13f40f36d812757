-- Endpoint definitions disagree, but they nest: where one counts every event class of another and nothing
-- competes with it, it has at least as many events (DFS >= RFS >= TTR, OS >= DSS), under each policy that
-- takes no more away from it than from the other. Only among participants without delayed entry: an earlier
-- event before entry can hide a later one.
with rules as (
    select
        study_id,
        endpoint_id,
        event_class,
        rule
    from {{ ref('int_endpoints__rules') }}
),

counted as (
    select
        study_id,
        endpoint_id,
        event_class
    from rules
    where rule = 'event'
),

without_competition as (
    select
        study_id,
        endpoint_id
    from rules
    group by study_id, endpoint_id
    having count(case when rule = 'competing' then 1 end) = 0
),

class_counts as (
    select
        study_id,
        endpoint_id,
        count(*) as n_classes
    from counted
    group by study_id, endpoint_id
),

shared_classes as (
    select
        wider.study_id,
        wider.endpoint_id as wider_endpoint_id,
        narrower.endpoint_id as narrower_endpoint_id,
        count(*) as n_classes
    from counted as wider
    inner join counted as narrower
        on
            wider.study_id = narrower.study_id
            and wider.event_class = narrower.event_class
            and wider.endpoint_id <> narrower.endpoint_id
    group by wider.study_id, wider.endpoint_id, narrower.endpoint_id
),

nested as (
    select
        shared_classes.study_id,
        shared_classes.wider_endpoint_id,
        shared_classes.narrower_endpoint_id
    from shared_classes
    inner join class_counts
        on
            shared_classes.study_id = class_counts.study_id
            and shared_classes.narrower_endpoint_id = class_counts.endpoint_id
            and shared_classes.n_classes = class_counts.n_classes
    inner join without_competition
        on
            shared_classes.study_id = without_competition.study_id
            and shared_classes.wider_endpoint_id = without_competition.endpoint_id
),

counts as (
    select
        study_id,
        endpoint_id,
        policy_id,
        count(case when is_event and entry_days = 0 then 1 end) as n_events
    from {{ ref('time_to_event') }}
    group by study_id, endpoint_id, policy_id
),

events as (
    select
        counts.study_id,
        counts.endpoint_id,
        counts.policy_id,
        counts.n_events,
        endpoints.late_death_days,
        endpoints.is_censored_at_new_therapy
    from counts
    inner join {{ ref('int_endpoints__in_study') }} as endpoints
        on
            counts.study_id = endpoints.study_id
            and counts.endpoint_id = endpoints.endpoint_id
            and counts.policy_id = endpoints.policy_id
)

select
    nested.study_id,
    wider.policy_id,
    nested.wider_endpoint_id,
    wider.n_events as n_events_of_wider,
    nested.narrower_endpoint_id,
    narrower.n_events as n_events_of_narrower
from nested
inner join events as wider
    on
        nested.study_id = wider.study_id
        and nested.wider_endpoint_id = wider.endpoint_id
inner join events as narrower
    on
        nested.study_id = narrower.study_id
        and nested.narrower_endpoint_id = narrower.endpoint_id
        and wider.policy_id = narrower.policy_id
where
    wider.n_events < narrower.n_events
    and (wider.late_death_days is null or wider.late_death_days = narrower.late_death_days)
    and (narrower.is_censored_at_new_therapy or not wider.is_censored_at_new_therapy)
