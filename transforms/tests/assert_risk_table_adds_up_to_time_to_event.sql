-- Every curve, test and model is computed from the risk table, so it must hold each participant who was ever
-- at risk once on the way in and once on the way out, with the same outcome.
with outcomes as (
    select
        study_id,
        endpoint_id,
        policy_id,
        arm_id,
        count(*) as n_entered,
        count(case when competing_code = 1 then 1 end) as n_event,
        count(case when competing_code = 2 then 1 end) as n_competing,
        count(case when competing_code = 0 then 1 end) as n_censored
    from {{ ref('time_to_event') }}
    where censor_reason <> 'not_at_risk'
    group by study_id, endpoint_id, policy_id, arm_id
),

risk as (
    select
        study_id,
        endpoint_id,
        policy_id,
        arm_id,
        sum(n_entered) as n_entered,
        sum(n_event) as n_event,
        sum(n_competing) as n_competing,
        sum(n_censored) as n_censored,
        min(n_at_risk - n_event - n_competing - n_censored) as smallest_remainder
    from {{ ref('risk_table') }}
    group by study_id, endpoint_id, policy_id, arm_id
)

select
    outcomes.study_id,
    outcomes.endpoint_id,
    outcomes.policy_id,
    outcomes.arm_id,
    outcomes.n_entered,
    risk.n_entered as n_entered_in_risk_table,
    outcomes.n_event,
    risk.n_event as n_event_in_risk_table,
    risk.smallest_remainder
from outcomes
left join risk
    on
        outcomes.study_id = risk.study_id
        and outcomes.endpoint_id = risk.endpoint_id
        and outcomes.policy_id = risk.policy_id
        and outcomes.arm_id = risk.arm_id
where
    risk.study_id is null
    or outcomes.n_entered <> risk.n_entered
    or outcomes.n_event <> risk.n_event
    or outcomes.n_competing <> risk.n_competing
    or outcomes.n_censored <> risk.n_censored
    or risk.smallest_remainder < 0
