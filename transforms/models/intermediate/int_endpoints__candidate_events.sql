-- Grain: one event of a participant that could decide endpoints, by event scheme.
--
-- Which events could decide an endpoint.
--   1. An event is a candidate when the rules of the endpoint call its class an event, or competing with it;
--      classes that are ignored are not.
--   2. What happened before index_date is history, not an event of the follow-up.
--   3. Late deaths: where the policy names a limit, a death more than that many days after the last disease
--      assessment (after the start, when there is none) does not count, for nobody looked for disease in
--      between. It stays here, marked, because it explains the censoring.
-- Source: FDA guidance Clinical Trial Endpoints for the Approval of Cancer Drugs and Biologics (2018).
with events as (
    select
        study_id,
        participant_id,
        event_order,
        event_class,
        is_death,
        event_on,
        time_days
    from {{ ref('int_events__classified') }}
    where time_days >= 0
),

assessments as (
    select
        study_id,
        participant_id,
        assessed_on
    from {{ ref('int_follow_up__last_disease_assessment') }}
),

-- Endpoints of one scheme have the same rules: any of them tells.
schemes as (
    select
        study_id,
        event_scheme,
        late_death_days,
        min(endpoint_id) as endpoint_id
    from {{ ref('int_endpoints__in_study') }}
    group by study_id, event_scheme, late_death_days
),

rules as (
    select
        schemes.study_id,
        schemes.event_scheme,
        schemes.late_death_days,
        rules.event_class,
        rules.rule = 'event' as is_event
    from schemes
    inner join {{ ref('int_endpoints__rules') }} as rules
        on
            schemes.study_id = rules.study_id
            and schemes.endpoint_id = rules.endpoint_id
    where rules.rule in ('event', 'competing')
),

unassessed_time as (
    select
        events.study_id,
        events.participant_id,
        events.event_order,
        events.event_class,
        events.is_death,
        coalesce({{ days_between('assessments.assessed_on', 'events.event_on') }}, events.time_days)
            as days_since_assessment
    from events
    left join assessments
        on
            events.study_id = assessments.study_id
            and events.participant_id = assessments.participant_id
)

select
    unassessed_time.study_id,
    unassessed_time.participant_id,
    rules.event_scheme,
    unassessed_time.event_order,
    rules.is_event,
    not unassessed_time.is_death
    or coalesce(unassessed_time.days_since_assessment <= rules.late_death_days, true) as is_counted
from unassessed_time
inner join rules
    on
        unassessed_time.study_id = rules.study_id
        and unassessed_time.event_class = rules.event_class
