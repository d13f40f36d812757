-- Grain: one endpoint of a study under one censoring policy that is built.
--
-- How an endpoint is censored.
--   1. A policy is built when reference.censoring_policies says so.
--   2. An endpoint that is censored `by policy` follows the policy in everything.
--   3. Any other endpoint, overall survival, has its own date of censoring under every policy, and no
--      policy's late deaths or new lines of therapy touch it: death ends it whenever it comes.
with study_endpoints as (
    select
        study_id,
        endpoint_id
    from {{ ref('stg_study_endpoints') }}
),

definitions as (
    select
        endpoint_id,
        definition_version,
        censored_at,
        censored_at = 'policy' as is_by_policy
    from {{ ref('endpoint_definitions') }}
),

policies as (
    select
        policy_id,
        censored_at,
        late_death_days,
        is_censored_at_new_therapy
    from {{ ref('censoring_policies') }}
    where is_built
)

select
    study_endpoints.study_id,
    study_endpoints.endpoint_id,
    policies.policy_id,
    definitions.definition_version,
    case
        when definitions.is_by_policy then policies.censored_at
        else definitions.censored_at
    end as censored_at,
    case when definitions.is_by_policy then policies.late_death_days end as late_death_days,
    definitions.is_by_policy and policies.is_censored_at_new_therapy as is_censored_at_new_therapy
from study_endpoints
inner join definitions on study_endpoints.endpoint_id = definitions.endpoint_id
cross join policies
