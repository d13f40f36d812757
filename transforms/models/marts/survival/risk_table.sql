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
with days as (
    select
        strata.study_id,
        strata.arm_id,
        strata.pattern as stratum,
        strata.is_known as is_stratum_known,
        movements.ending_scheme,
        movements.time_days,
        cast(sum(movements.n_event) as bigint) as n_event,
        cast(sum(movements.n_competing) as bigint) as n_competing,
        cast(sum(movements.n_censored) as bigint) as n_censored,
        cast(sum(movements.n_entered) as bigint) as n_entered
    from {{ ref('int_profiles__movements') }} as movements
    inner join {{ ref('int_profiles__pattern') }} as strata
        on movements.profile_number = strata.profile_number
    where strata.used_for = 'stratification'
    group by
        strata.study_id,
        strata.arm_id,
        strata.pattern,
        strata.is_known,
        movements.ending_scheme,
        movements.time_days
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
inner join {{ ref('int_endpoints__in_study') }} as endpoints
    on
        risk_sets.study_id = endpoints.study_id
        and risk_sets.ending_scheme = endpoints.ending_scheme
