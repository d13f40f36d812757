-- Grain: one endpoint of a study under one of its censoring policies.
--
-- How an endpoint is censored.
--   1. The policies are those that the study names; all of them when it names none.
--   2. An endpoint that is censored `by policy` follows the policy in everything.
--   3. Any other endpoint, overall survival, has its own date of censoring under every policy, and no
--      policy's late deaths or new lines of therapy touch it: death ends it whenever it comes.
--
-- Endpoints and policies that agree in what they look at have the same outcomes, and these are derived once:
--   event_scheme: endpoints and policies that are decided by the same events;
--   ending_scheme: those of them that are censored in the same way too.
{{ config(materialized='table') }}

with endpoints as (
    select
        study_id,
        endpoint_id,
        definition_version,
        censored_at,
        censored_at = 'policy' as is_by_policy
    from {{ ref('int_endpoints__defined') }}
),

policies as (
    select
        study_policies.study_id,
        policies.policy_id,
        policies.censored_at,
        policies.late_death_days,
        policies.is_censored_at_new_therapy
    from {{ ref('stg_study_policies') }} as study_policies
    inner join {{ ref('censoring_policies') }} as policies on study_policies.policy_id = policies.policy_id
),

counted as (
    select
        study_id,
        endpoint_id,
        {{ joined_text("event_class || '=' || rule", ' ', 'event_class') }} as rules
    from {{ ref('int_endpoints__rules') }}
    where rule in ('event', 'competing')
    group by study_id, endpoint_id
),

censored as (
    select
        endpoints.study_id,
        endpoints.endpoint_id,
        policies.policy_id,
        endpoints.definition_version,
        counted.rules,
        case
            when endpoints.is_by_policy then policies.censored_at
            else endpoints.censored_at
        end as censored_at,
        case when endpoints.is_by_policy then policies.late_death_days end as late_death_days,
        endpoints.is_by_policy and policies.is_censored_at_new_therapy as is_censored_at_new_therapy
    from endpoints
    inner join policies on endpoints.study_id = policies.study_id
    left join counted
        on
            endpoints.study_id = counted.study_id
            and endpoints.endpoint_id = counted.endpoint_id
)

select
    study_id,
    endpoint_id,
    policy_id,
    definition_version,
    censored_at,
    late_death_days,
    is_censored_at_new_therapy,
    dense_rank() over (partition by study_id order by rules, late_death_days) as event_scheme,
    dense_rank() over (
        partition by study_id order by rules, late_death_days, censored_at, is_censored_at_new_therapy
    ) as ending_scheme
from censored
