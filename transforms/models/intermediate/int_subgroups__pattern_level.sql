-- Grain: one subgroup whose level is known in a pattern of int_subgroups__pattern.
--
-- The levels behind a pattern: those of any participant who has it, for a pattern says every one of them.
-- Patterns that agree in study, arm, subgroup and level have one level_number.
{{ config(materialized='table') }}

with bearers as (
    select
        study_id,
        arm_id,
        pattern_number,
        min(participant_id) as participant_id
    from {{ ref('int_subgroups__pattern') }}
    group by study_id, arm_id, pattern_number
),

factors as (
    select
        study_id,
        covariate
    from {{ ref('stg_study_subgroups') }}
),

covariates as (
    select
        study_id,
        participant_id,
        covariate,
        level
    from {{ ref('stg_participant_covariates') }}
    where level is not null
)

select
    bearers.pattern_number,
    bearers.study_id,
    bearers.arm_id,
    covariates.covariate as subgroup,
    covariates.level,
    dense_rank() over (
        order by bearers.study_id, bearers.arm_id, covariates.covariate, covariates.level
    ) as level_number
from bearers
inner join covariates
    on
        bearers.study_id = covariates.study_id
        and bearers.participant_id = covariates.participant_id
inner join factors
    on
        covariates.study_id = factors.study_id
        and covariates.covariate = factors.covariate
