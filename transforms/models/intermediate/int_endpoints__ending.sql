-- Grain: one participant of a study, endpoint and policy: everybody has exactly one.
--
-- What ends the time at risk.
--   1. The first event that counts ends it: as an event, or as a competing event, which is a censoring for
--      the hazard of the endpoint.
--   2. Where the policy censors at a new line of therapy, its start ends it when it is before the first
--      event that counts; without such an event, when it is before the end of follow-up.
--   3. Otherwise it is censored where follow-up ends. When a late death was set aside, that is the reason.
--   4. Nobody is censored before the start: who starts after the data cutoff has day 0.
-- Source: FDA guidance Clinical Trial Endpoints for the Approval of Cancer Drugs and Biologics (2018).
with participants as (
    select
        study_id,
        participant_id,
        arm_id,
        start_date,
        entry_days
    from {{ ref('int_participants__followed') }}
),

endpoints as (
    select
        study_id,
        endpoint_id,
        policy_id,
        definition_version,
        censored_at,
        is_censored_at_new_therapy
    from {{ ref('int_endpoints__in_study') }}
),

censorings as (
    select
        study_id,
        participant_id,
        censored_at,
        censored_on,
        censor_reason,
        source_record,
        source_file,
        source_line
    from {{ ref('int_follow_up__censoring') }}
),

first_events as (
    select
        study_id,
        participant_id,
        endpoint_id,
        policy_id,
        is_event,
        is_counted,
        event_class,
        event_on,
        organ,
        source_record,
        source_file,
        source_line
    from {{ ref('int_endpoints__first_event') }}
),

censoring_new_lines as (
    select
        new_lines.study_id,
        new_lines.participant_id,
        endpoints.endpoint_id,
        endpoints.policy_id,
        new_lines.started_on,
        new_lines.source_record,
        new_lines.source_file,
        new_lines.source_line
    from {{ ref('int_therapy__new_line') }} as new_lines
    inner join endpoints on new_lines.study_id = endpoints.study_id
    where endpoints.is_censored_at_new_therapy
),

everybody as (
    select
        participants.study_id,
        participants.participant_id,
        endpoints.endpoint_id,
        endpoints.policy_id,
        participants.arm_id,
        participants.start_date,
        participants.entry_days,
        endpoints.definition_version,
        endpoints.censored_at
    from participants
    inner join endpoints on participants.study_id = endpoints.study_id
),

possible_endings as (
    select
        everybody.study_id,
        everybody.participant_id,
        everybody.endpoint_id,
        everybody.policy_id,
        everybody.arm_id,
        everybody.start_date,
        everybody.entry_days,
        everybody.definition_version,
        first_events.is_event,
        first_events.is_counted,
        first_events.event_class,
        first_events.organ,
        first_events.event_on,
        first_events.source_record as event_source_record,
        first_events.source_file as event_source_file,
        first_events.source_line as event_source_line,
        censoring_new_lines.started_on as new_line_on,
        censoring_new_lines.source_record as new_line_source_record,
        censoring_new_lines.source_file as new_line_source_file,
        censoring_new_lines.source_line as new_line_source_line,
        censorings.censored_on,
        censorings.censor_reason,
        censorings.source_record as censoring_source_record,
        censorings.source_file as censoring_source_file,
        censorings.source_line as censoring_source_line,
        case
            when
                censoring_new_lines.started_on
                < case when first_events.is_counted then first_events.event_on else censorings.censored_on end
                then 'new_line'
            when first_events.is_counted then 'event'
            else 'censoring'
        end as ended_by
    from everybody
    inner join censorings
        on
            everybody.study_id = censorings.study_id
            and everybody.participant_id = censorings.participant_id
            and everybody.censored_at = censorings.censored_at
    left join first_events
        on
            everybody.study_id = first_events.study_id
            and everybody.participant_id = first_events.participant_id
            and everybody.endpoint_id = first_events.endpoint_id
            and everybody.policy_id = first_events.policy_id
    left join censoring_new_lines
        on
            everybody.study_id = censoring_new_lines.study_id
            and everybody.participant_id = censoring_new_lines.participant_id
            and everybody.endpoint_id = censoring_new_lines.endpoint_id
            and everybody.policy_id = censoring_new_lines.policy_id
)

select
    study_id,
    participant_id,
    endpoint_id,
    policy_id,
    arm_id,
    start_date,
    entry_days,
    definition_version,
    greatest(
        start_date,
        case ended_by when 'event' then event_on when 'new_line' then new_line_on else censored_on end
    ) as end_date,
    case
        when ended_by = 'new_line' then 'new_therapy'
        when ended_by = 'event' and is_event then 'event'
        when ended_by = 'event' then 'competing_event'
        when event_on is not null then 'late_death'
        else censor_reason
    end as censor_reason,
    case when ended_by = 'event' then event_class else '' end as event_class,
    case when ended_by = 'event' then organ else '' end as event_organ,
    case ended_by
        when 'event' then event_source_record
        when 'new_line' then new_line_source_record
        else censoring_source_record
    end as source_record,
    case ended_by
        when 'event' then event_source_file
        when 'new_line' then new_line_source_file
        else censoring_source_file
    end as source_file,
    case ended_by
        when 'event' then event_source_line
        when 'new_line' then new_line_source_line
        else censoring_source_line
    end as source_line
from possible_endings
