-- Intention to treat: a participant whom no rule ends, or an endpoint whose definition is missing, would
-- vanish from every analysis in silence; one who is there twice would be counted twice. Everybody must have
-- one row for each endpoint and each policy that the study names.
--
-- The pairs of endpoint and policy are numbered, thirty to a block, and each weighs the power of two of its
-- number: m such weights add up to 2^m - 1 only when each of the m is there once. So one count and one sum
-- for each participant say it, where counting distinct rows would need memory for all of them.
with pairs as (
    select
        endpoints.study_id,
        endpoints.endpoint_id,
        policies.policy_id,
        row_number() over (
            partition by endpoints.study_id
            order by endpoints.endpoint_id, policies.policy_id
        ) - 1 as place
    from {{ ref('stg_study_endpoints') }} as endpoints
    inner join {{ ref('stg_study_policies') }} as policies on endpoints.study_id = policies.study_id
),

weights as (
    select
        study_id,
        endpoint_id,
        policy_id,
        cast(floor(place / 30) as bigint) as pair_block,
        cast(power(2, place % 30) as bigint) as weight
    from pairs
),

blocks as (
    select
        study_id,
        pair_block,
        count(*) as n_pairs,
        cast(sum(weight) as bigint) as total_weight
    from weights
    group by study_id, pair_block
),

expected as (
    select
        participants.study_id,
        participants.participant_id,
        blocks.pair_block,
        blocks.n_pairs,
        blocks.total_weight
    from {{ ref('stg_participants') }} as participants
    inner join blocks on participants.study_id = blocks.study_id
),

found as (
    select
        time_to_event.study_id,
        time_to_event.participant_id,
        coalesce(weights.pair_block, -1) as pair_block,
        count(*) as n_pairs,
        sum(weights.weight) as total_weight
    from {{ ref('time_to_event') }} as time_to_event
    left join weights
        on
            time_to_event.study_id = weights.study_id
            and time_to_event.endpoint_id = weights.endpoint_id
            and time_to_event.policy_id = weights.policy_id
    group by time_to_event.study_id, time_to_event.participant_id, coalesce(weights.pair_block, -1)
)

select
    coalesce(expected.study_id, found.study_id) as study_id,
    coalesce(expected.participant_id, found.participant_id) as participant_id,
    expected.n_pairs as n_expected,
    found.n_pairs as n_found
from expected
full outer join found
    on
        expected.study_id = found.study_id
        and expected.participant_id = found.participant_id
        and expected.pair_block = found.pair_block
where
    expected.study_id is null
    or found.study_id is null
    or expected.n_pairs <> found.n_pairs
    or expected.total_weight <> found.total_weight
