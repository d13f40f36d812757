-- Grain: one baseline covariate of a participant that has a value, as text. The columns that every study
-- may deliver (site, sex, age) stand beside the study's own, so that any can be a stratum or a subgroup.
with participants as (
    select
        study_id,
        participant_id,
        site_id,
        sex,
        cast(age_years as varchar) as age_years
    from {{ ref('stg_participants') }}
),

study_covariates as (
    {{ named_values(source('raw', 'participants'), ['study_id', 'participant_id'], 'covariates') | indent(4) }}
),

contract_covariates as (
    select study_id, participant_id, 'site_id' as covariate, site_id as level
    from participants
    union all
    select study_id, participant_id, 'sex' as covariate, sex as level
    from participants
    union all
    select study_id, participant_id, 'age_years' as covariate, age_years as level
    from participants
)

select
    study_id,
    participant_id,
    name as covariate,
    value as level
from study_covariates
union all
select
    study_id,
    participant_id,
    covariate,
    level
from contract_covariates
where level is not null
