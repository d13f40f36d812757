-- Grain: one participant of a study and ending scheme of its endpoints: everybody has exactly one.
--
-- What ends the time at risk.
--   1. The first event that counts ends it: as an event, or as a competing event, which is a censoring for
--      the hazard of the endpoint.
--   2. Where the policy censors at a new line of therapy, its start ends it when it is before the first
--      event that counts; without such an event, when it is before the end of follow-up.
--   3. Otherwise it is censored where follow-up ends. When a late death was set aside, that is the reason;
--      the row that decided is still the one that ended follow-up.
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

schemes as (
    select distinct
        study_id,
        ending_scheme,
        event_scheme,
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
        event_scheme,
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

new_lines as (
    select
        study_id,
        participant_id,
        started_on,
        source_record,
        source_file,
        source_line
    from {{ ref('int_therapy__new_line') }}
),

-- One row for each participant so far: schemes multiply them last.
followed as (
    select
        participants.study_id,
        participants.participant_id,
        participants.arm_id,
        participants.start_date,
        participants.entry_days,
        new_lines.started_on as new_line_on,
        new_lines.source_record as new_line_source_record,
        new_lines.source_file as new_line_source_file,
        new_lines.source_line as new_line_source_line
    from participants
    left join new_lines
        on
            participants.study_id = new_lines.study_id
            and participants.participant_id = new_lines.participant_id
),

possible_endings as (
    select
        followed.study_id,
        followed.participant_id,
        schemes.ending_scheme,
        followed.arm_id,
        followed.start_date,
        followed.entry_days,
        first_events.is_event,
        first_events.event_class,
        first_events.organ,
        first_events.event_on,
        first_events.source_record as event_source_record,
        first_events.source_file as event_source_file,
        first_events.source_line as event_source_line,
        followed.new_line_on,
        followed.new_line_source_record,
        followed.new_line_source_file,
        followed.new_line_source_line,
        censorings.censored_on,
        censorings.censor_reason,
        censorings.source_record as censoring_source_record,
        censorings.source_file as censoring_source_file,
        censorings.source_line as censoring_source_line,
        case
            when
                schemes.is_censored_at_new_therapy
                and followed.new_line_on
                < case when first_events.is_counted then first_events.event_on else censorings.censored_on end
                then 'new_line'
            when first_events.is_counted then 'event'
            else 'censoring'
        end as ended_by
    from followed
    inner join schemes on followed.study_id = schemes.study_id
    inner join censorings
        on
            followed.study_id = censorings.study_id
            and followed.participant_id = censorings.participant_id
            and schemes.censored_at = censorings.censored_at
    left join first_events
        on
            followed.study_id = first_events.study_id
            and followed.participant_id = first_events.participant_id
            and schemes.event_scheme = first_events.event_scheme
)

select
    study_id,
    participant_id,
    ending_scheme,
    arm_id,
    start_date,
    entry_days,
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
