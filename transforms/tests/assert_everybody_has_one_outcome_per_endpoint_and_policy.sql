-- Intention to treat: a participant whom no rule ends, or an endpoint whose definition is missing, would
-- vanish from every analysis in silence. Counts must be those of participants, for each endpoint that a study
-- names and each policy that is built.
with participants as (
    select
        study_id,
        count(*) as n_participants
    from {{ ref('stg_participants') }}
    group by study_id
),

expected as (
    select
        participants.study_id,
        study_endpoints.endpoint_id,
        policies.policy_id,
        participants.n_participants
    from participants
    inner join {{ ref('stg_study_endpoints') }} as study_endpoints
        on participants.study_id = study_endpoints.study_id
    cross join {{ ref('censoring_policies') }} as policies
    where policies.is_built
),

found as (
    select
        study_id,
        endpoint_id,
        policy_id,
        count(*) as n_outcomes
    from {{ ref('time_to_event') }}
    group by study_id, endpoint_id, policy_id
)

select
    expected.study_id,
    expected.endpoint_id,
    expected.policy_id,
    expected.n_participants,
    found.n_outcomes
from expected
left join found
    on
        expected.study_id = found.study_id
        and expected.endpoint_id = found.endpoint_id
        and expected.policy_id = found.policy_id
where coalesce(found.n_outcomes, 0) <> expected.n_participants
