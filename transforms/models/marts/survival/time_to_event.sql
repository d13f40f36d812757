-- Grain: one participant of a study, endpoint and censoring policy; everybody has exactly one row.
with reasons as (
    select
        cnsr,
        censor_reason,
        cnsr = 0 as is_event
    from {{ ref('censor_reasons') }}
),

outcomes as (
    select
        at_risk.study_id,
        at_risk.participant_id,
        at_risk.ending_scheme,
        at_risk.arm_id,
        at_risk.start_date,
        at_risk.entry_days,
        at_risk.end_date,
        at_risk.time_days,
        reasons.is_event,
        reasons.cnsr,
        at_risk.censor_reason,
        at_risk.event_class,
        at_risk.event_organ,
        cast(
            case at_risk.censor_reason when 'event' then 1 when 'competing_event' then 2 else 0 end as bigint
        ) as competing_code,
        at_risk.source_record,
        at_risk.source_file,
        at_risk.source_line
    from {{ ref('int_endpoints__at_risk') }} as at_risk
    left join reasons on at_risk.censor_reason = reasons.censor_reason
),

endpoints as (
    select
        study_id,
        endpoint_id,
        policy_id,
        ending_scheme,
        definition_version
    from {{ ref('int_endpoints__in_study') }}
)

select
    outcomes.study_id,
    outcomes.participant_id,
    endpoints.endpoint_id,
    endpoints.policy_id,
    outcomes.arm_id,
    outcomes.start_date,
    outcomes.entry_days,
    outcomes.end_date,
    outcomes.time_days,
    outcomes.is_event,
    outcomes.cnsr,
    outcomes.censor_reason,
    outcomes.event_class,
    outcomes.event_organ,
    outcomes.competing_code,
    outcomes.source_record,
    outcomes.source_file,
    outcomes.source_line,
    endpoints.definition_version
from outcomes
inner join endpoints
    on
        outcomes.study_id = endpoints.study_id
        and outcomes.ending_scheme = endpoints.ending_scheme
