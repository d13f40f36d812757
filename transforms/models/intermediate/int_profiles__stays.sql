-- Grain: one distinct stay (entry, exit and how it ended) of a profile of participants, by ending scheme.
--
-- Who was at risk from when to when: the one pass over the participants from which everything estimated of
-- endpoints is counted.
--   1. Endpoints and policies of one ending scheme (int_endpoints__in_study) have the same outcomes, which
--      are counted once.
--   2. Who was never at risk (delayed entry) is not counted.
-- Source: Surv(entry, exit, event) as in R survival, n being the number of participants who agree in
-- everything.
{{ config(materialized='table') }}

with endpoints as (
    select
        study_id,
        endpoint_id,
        policy_id,
        ending_scheme,
        row_number() over (
            partition by study_id, ending_scheme order by endpoint_id, policy_id
        ) as place_in_scheme
    from {{ ref('int_endpoints__in_study') }}
)

select
    profiles.profile_number,
    endpoints.ending_scheme,
    outcomes.entry_days,
    outcomes.time_days,
    outcomes.competing_code,
    count(*) as n
from {{ ref('time_to_event') }} as outcomes
inner join endpoints
    on
        outcomes.study_id = endpoints.study_id
        and outcomes.endpoint_id = endpoints.endpoint_id
        and outcomes.policy_id = endpoints.policy_id
inner join {{ ref('int_participants__profile') }} as profiles
    on
        outcomes.study_id = profiles.study_id
        and outcomes.participant_id = profiles.participant_id
where
    endpoints.place_in_scheme = 1
    and outcomes.censor_reason <> 'not_at_risk'
group by
    profiles.profile_number,
    endpoints.ending_scheme,
    outcomes.entry_days,
    outcomes.time_days,
    outcomes.competing_code
