-- Grain: one baseline covariate of a participant that has a value, as text.
--
-- The columns that every study may deliver (site, sex, age) stand beside the study's own, so that any of them
-- can be a stratum or a subgroup.
with study_covariates as (
    {{ named_values(source('raw', 'participants'), ['study_id', 'participant_id'], 'covariates') }}
),

contract_covariates as (
    {%- for covariate in ['site_id', 'sex', 'age_years'] %}
        select
            study_id,
            participant_id,
            '{{ covariate }}' as name,
            cast({{ covariate }} as varchar) as value
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
