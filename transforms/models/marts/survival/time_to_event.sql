-- Grain: one participant of a study, endpoint and censoring policy; everybody has exactly one row.
with outcomes as (
    select
        study_id,
        participant_id,
        endpoint_id,
        policy_id,
        arm_id,
        start_date,
        entry_days,
        end_date,
        time_days,
        censor_reason,
        event_class,
        event_organ,
        source_record,
        source_file,
        source_line,
        definition_version
    from {{ ref('int_endpoints__at_risk') }}
),

reasons as (
    select
        cnsr,
        censor_reason,
        cnsr = 0 as is_event
    from {{ ref('censor_reasons') }}
)

select
    outcomes.study_id,
    outcomes.participant_id,
    outcomes.endpoint_id,
    outcomes.policy_id,
    outcomes.arm_id,
    outcomes.start_date,
    outcomes.entry_days,
    outcomes.end_date,
    outcomes.time_days,
    reasons.is_event,
    reasons.cnsr,
    outcomes.censor_reason,
    outcomes.event_class,
    outcomes.event_organ,
    cast(
        case outcomes.censor_reason when 'event' then 1 when 'competing_event' then 2 else 0 end as bigint
    ) as competing_code,
    outcomes.source_record,
    outcomes.source_file,
    outcomes.source_line,
    outcomes.definition_version
from outcomes
left join reasons on outcomes.censor_reason = reasons.censor_reason
