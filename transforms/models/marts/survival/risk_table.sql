-- Grain: one day on which somebody of a stratum and arm enters or leaves, by endpoint and policy.
--
-- How many are at risk, by day: the one aggregate from which every curve, test and model is derived.
--   1. A participant enters at entry_days and leaves at time_days, by an event, a competing event or a
--      censoring.
--   2. At risk on day t are those who entered before t and have not left before t. Who enters on day 0 is at
--      risk on day 0 already.
--   3. Who was never at risk (delayed entry) is not counted.
-- Source: risk sets as in R survival, Surv(entry, exit, event).
with outcomes as (
    select
        time_to_event.study_id,
        time_to_event.endpoint_id,
        time_to_event.policy_id,
        time_to_event.arm_id,
        strata.stratum,
        time_to_event.entry_days,
        time_to_event.time_days,
        time_to_event.competing_code
    from {{ ref('time_to_event') }} as time_to_event
    inner join {{ ref('int_participants__stratum') }} as strata
        on
            time_to_event.study_id = strata.study_id
            and time_to_event.participant_id = strata.participant_id
    where time_to_event.censor_reason <> 'not_at_risk'
),

-- Few distinct stays, so everything after this pass over the participants is small.
stays as (
    select
        study_id,
        endpoint_id,
        policy_id,
        arm_id,
        stratum,
        entry_days,
        time_days,
        competing_code,
        count(*) as n
    from outcomes
    group by study_id, endpoint_id, policy_id, arm_id, stratum, entry_days, time_days, competing_code
),

changes as (
    select
        study_id,
        endpoint_id,
        policy_id,
        arm_id,
        stratum,
        time_days,
        case when competing_code = 1 then n else 0 end as n_event,
        case when competing_code = 2 then n else 0 end as n_competing,
        case when competing_code = 0 then n else 0 end as n_censored,
        0 as n_entered
    from stays
    union all
    select
        study_id,
        endpoint_id,
        policy_id,
        arm_id,
        stratum,
        entry_days as time_days,
        0 as n_event,
        0 as n_competing,
        0 as n_censored,
        n as n_entered
    from stays
),

days as (
    select
        study_id,
        endpoint_id,
        policy_id,
        arm_id,
        stratum,
        time_days,
        cast(sum(n_event) as bigint) as n_event,
        cast(sum(n_competing) as bigint) as n_competing,
        cast(sum(n_censored) as bigint) as n_censored,
        cast(sum(n_entered) as bigint) as n_entered
    from changes
    group by study_id, endpoint_id, policy_id, arm_id, stratum, time_days
)

select
    study_id,
    endpoint_id,
    policy_id,
    arm_id,
    stratum,
    time_days,
    cast(
        coalesce(
            sum(n_entered - n_event - n_competing - n_censored) over (
                partition by study_id, endpoint_id, policy_id, arm_id, stratum
                order by time_days
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) + case when time_days = 0 then n_entered else 0 end as bigint
    ) as n_at_risk,
    n_event,
    n_competing,
    n_censored,
    n_entered
from days
