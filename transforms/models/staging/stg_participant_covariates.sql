-- Grain: one baseline covariate of a participant that has a value, as text.
--
-- The columns that every study may deliver (site, sex, age) stand beside the study's own, so that any of them
-- can be a stratum or a subgroup. A sex that the contract calls unknown is no level: it is missing.
with study_covariates as (
    {{ named_values(source('raw', 'participants'), ['study_id', 'participant_id'], 'covariates') }}
),

contract_covariates as (
    {%- for covariate, level in [
        ('site_id', 'site_id'), ('sex', "nullif(sex, 'unknown')"), ('age_years', 'cast(age_years as varchar)')
    ] %}
        select
            study_id,
            participant_id,
            '{{ covariate }}' as name,
            {{ level }} as value
        from {{ ref('stg_participants') }}
        {% if not loop.last %}union all{% endif %}
    {%- endfor %}
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
    name as covariate,
    value as level
from contract_covariates
where value is not null
