-- Grain: one day that an accepted record of a participant tells and that could bear on an endpoint.
--
-- Everything that endpoints are derived from, and what decides nothing beside it: events after the data
-- cutoff or before the start, contacts followed by others, assessments without a verdict, missed sessions.
--   1. The start of everybody, and the day of a delayed entry.
--   2. Disease events and deaths in their class, every follow-up contact, every course of anticancer therapy,
--      and every other record by the day it tells, if it tells one.
--   3. In order: by day; on one day the start first, then what only shows life, then events in the order of
--      int_events__classified. Records that agree in all they say are ordered by file and line.
with participants as (
    select
        study_id,
        participant_id,
        start_date,
        entry_days,
        entered_on,
        data_cutoff,
        source_file,
        source_line
    from {{ ref('int_participants__followed') }}
),

recorded as (
    select
        study_id,
        participant_id,
        start_date as dated_on,
        'start' as evidence,
        '' as recorded_as,
        '' as organ,
        '' as confirmed_by,
        'participants' as source_record,
        source_file,
        source_line
    from participants
    union all
    select
        study_id,
        participant_id,
        entered_on as dated_on,
        'delayed_entry' as evidence,
        '' as recorded_as,
        '' as organ,
        '' as confirmed_by,
        'participants' as source_record,
        source_file,
        source_line
    from participants
    where entry_days > 0
    union all
    select
        study_id,
        participant_id,
        event_on as dated_on,
        'disease_event' as evidence,
        event_type as recorded_as,
        coalesce(organ, '') as organ,
        coalesce(confirmed_by, '') as confirmed_by,
        'disease_events' as source_record,
        source_file,
        source_line
    from {{ ref('stg_disease_events') }}
    union all
    select
        study_id,
        participant_id,
        died_on as dated_on,
        'death' as evidence,
        cause as recorded_as,
        '' as organ,
        '' as confirmed_by,
        'deaths' as source_record,
        source_file,
        source_line
    from {{ ref('stg_deaths') }}
    union all
    select
        follow_up.study_id,
        follow_up.participant_id,
        follow_up.followed_on as dated_on,
        case
            when rules.is_disease_assessment then 'disease_assessment'
            when rules.is_withdrawal then 'withdrawal'
            else 'contact'
        end as evidence,
        follow_up.kind || coalesce(' ' || follow_up.outcome, '') as recorded_as,
        '' as organ,
        '' as confirmed_by,
        'follow_up' as source_record,
        follow_up.source_file,
        follow_up.source_line
    from {{ ref('stg_follow_up') }} as follow_up
    left join {{ ref('follow_up_rules') }} as rules
        on
            follow_up.kind = rules.kind
            and coalesce(follow_up.outcome, '') = rules.outcome
    union all
    select
        therapies.study_id,
        therapies.participant_id,
        therapies.started_on as dated_on,
        case when intents.is_new_line then 'new_line' else 'therapy' end as evidence,
        coalesce(therapies.intent, '') as recorded_as,
        '' as organ,
        '' as confirmed_by,
        'anticancer_therapies' as source_record,
        therapies.source_file,
        therapies.source_line
    from {{ ref('stg_anticancer_therapies') }} as therapies
    left join {{ ref('therapy_intents') }} as intents on therapies.intent = intents.intent
    {%- for record, day, condition in signs_of_life()
        if record not in ('disease_events', 'anticancer_therapies') %}
        union all
        select
            study_id,
            participant_id,
            {{ day }} as dated_on,
            case when {{ condition }} then 'sign_of_life' else 'no_sign_of_life' end as evidence,
            '' as recorded_as,
            '' as organ,
            '' as confirmed_by,
            '{{ record }}' as source_record,
            source_file,
            source_line
        from {{ ref('stg_' ~ record) }}
        where {{ day }} is not null
    {%- endfor %}
),

classes as (
    select
        event_class,
        record,
        record_value,
        same_day_order
    from {{ ref('event_classes') }}
)

select
    recorded.study_id,
    recorded.participant_id,
    row_number() over (
        partition by recorded.study_id, recorded.participant_id
        order by
            recorded.dated_on,
            case recorded.evidence when 'start' then 0 else coalesce(classes.same_day_order, 0) + 1 end,
            recorded.organ,
            recorded.confirmed_by,
            recorded.evidence,
            recorded.recorded_as,
            recorded.source_record,
            recorded.source_file,
            recorded.source_line
    ) as evidence_order,
    recorded.dated_on,
    {{ days_between('participants.start_date', 'recorded.dated_on') }} as time_days,
    recorded.evidence,
    coalesce(classes.event_class, '') as event_class,
    recorded.organ,
    recorded.recorded_as,
    recorded.dated_on > participants.data_cutoff as is_after_cutoff,
    recorded.dated_on < participants.start_date as is_before_start,
    recorded.source_record,
    recorded.source_file,
    recorded.source_line
from recorded
inner join participants
    on
        recorded.study_id = participants.study_id
        and recorded.participant_id = participants.participant_id
left join classes
    on
        recorded.source_record = classes.record
        and recorded.recorded_as = classes.record_value
