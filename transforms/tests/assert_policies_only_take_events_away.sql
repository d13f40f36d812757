-- A policy says when participants are censored. It may take events away, by setting late deaths aside or by
-- censoring at a new line of therapy, but can add none; one that does neither has the events of every other
-- that does neither.
with policies as (
    select
        study_id,
        endpoint_id,
        policy_id,
        late_death_days is not null or is_censored_at_new_therapy as takes_away
    from {{ ref('int_endpoints__in_study') }}
),

counts as (
    select
        study_id,
        endpoint_id,
        policy_id,
        count(case when is_event then 1 end) as n_events
    from {{ ref('time_to_event') }}
    group by study_id, endpoint_id, policy_id
),

events as (
    select
        counts.study_id,
        counts.endpoint_id,
        counts.policy_id,
        counts.n_events,
        policies.takes_away
    from counts
    inner join policies
        on
            counts.study_id = policies.study_id
            and counts.endpoint_id = policies.endpoint_id
            and counts.policy_id = policies.policy_id
)

select
    events.study_id,
    events.endpoint_id,
    events.policy_id,
    events.n_events,
    full_counts.policy_id as policy_id_with_all_events,
    full_counts.n_events as n_all_events
from events
inner join events as full_counts
    on
        events.study_id = full_counts.study_id
        and events.endpoint_id = full_counts.endpoint_id
        and not full_counts.takes_away
where
    events.n_events > full_counts.n_events
    or (not events.takes_away and events.n_events < full_counts.n_events)
