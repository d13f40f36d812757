-- Grain: one day on which somebody of a stratum and arm enters or leaves, by endpoint and policy.
--
-- How many are at risk, by day: the one aggregate from which every curve, test and model is derived.
--   1. A participant enters at entry_days and leaves at time_days, by an event, a competing event or a
--      censoring.
--   2. At risk on day t are those who entered before t and have not left before t. Who enters on day 0 is at
--      risk on day 0 already.
--   3. Who was never at risk (delayed entry) is not counted.
--   4. Endpoints and policies with the same outcomes (int_endpoints__in_study) have the same numbers, which
--      are counted once.
-- Source: risk sets as in R survival, Surv(entry, exit, event).
with endpoints as (
    select
        study_id,
        endpoint_id,
        policy_id,
        ending_scheme,
        row_number() over (partition by study_id, ending_scheme order by endpoint_id, policy_id) as place
    from {{ ref('int_endpoints__in_study') }}
),

outcomes as (
    select
        time_to_event.study_id,
        endpoints.ending_scheme,
        time_to_event.arm_id,
        strata.stratum,
        strata.is_stratum_known,
        time_to_event.entry_days,
        time_to_event.time_days,
        time_to_event.competing_code
    from {{ ref('time_to_event') }} as time_to_event
    inner join endpoints
        on
            time_to_event.study_id = endpoints.study_id
            and time_to_event.endpoint_id = endpoints.endpoint_id
            and time_to_event.policy_id = endpoints.policy_id
    inner join {{ ref('int_participants__stratum') }} as strata
        on
            time_to_event.study_id = strata.study_id
            and time_to_event.participant_id = strata.participant_id
    where
        endpoints.place = 1
        and time_to_event.censor_reason <> 'not_at_risk'
),

-- Few distinct stays, so everything after this pass over the participants is small.
stays as (
    select
        study_id,
        ending_scheme,
        arm_id,
        stratum,
        is_stratum_known,
        entry_days,
        time_days,
        competing_code,
        count(*) as n
    from outcomes
    group by study_id, ending_scheme, arm_id, stratum, is_stratum_known, entry_days, time_days, competing_code
),

changes as (
    select
        study_id,
        ending_scheme,
        arm_id,
        stratum,
        is_stratum_known,
        time_days,
        case when competing_code = 1 then n else 0 end as n_event,
        case when competing_code = 2 then n else 0 end as n_competing,
        case when competing_code = 0 then n else 0 end as n_censored,
        0 as n_entered
    from stays
    union all
    select
        study_id,
        ending_scheme,
        arm_id,
        stratum,
        is_stratum_known,
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
        ending_scheme,
        arm_id,
        stratum,
        is_stratum_known,
        time_days,
        cast(sum(n_event) as bigint) as n_event,
        cast(sum(n_competing) as bigint) as n_competing,
        cast(sum(n_censored) as bigint) as n_censored,
        cast(sum(n_entered) as bigint) as n_entered
    from changes
    group by study_id, ending_scheme, arm_id, stratum, is_stratum_known, time_days
),

risk_sets as (
    select
        study_id,
        ending_scheme,
        arm_id,
        stratum,
        is_stratum_known,
        time_days,
        cast(
            coalesce(
                sum(n_entered - n_event - n_competing - n_censored) over (
                    partition by study_id, ending_scheme, arm_id, stratum
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
)

select
    risk_sets.study_id,
    endpoints.endpoint_id,
    endpoints.policy_id,
    risk_sets.arm_id,
    risk_sets.stratum,
    risk_sets.is_stratum_known,
    risk_sets.time_days,
    risk_sets.n_at_risk,
    risk_sets.n_event,
    risk_sets.n_competing,
    risk_sets.n_censored,
    risk_sets.n_entered
from risk_sets
inner join endpoints
    on
        risk_sets.study_id = endpoints.study_id
        and risk_sets.ending_scheme = endpoints.ending_scheme
