-- Grain: one factor of a use of covariates (int_covariates__factors) in a profile of participants.
--
-- The levels of a profile, those of any participant who has it; no level where it is missing. Profiles that
-- agree in study, arm, use, factor and level have one level_number.
{{ config(materialized='table') }}

with profiles as (
    select
        study_id,
        arm_id,
        profile_number,
        min(participant_id) as participant_id
    from {{ ref('int_participants__profile') }}
    group by study_id, arm_id, profile_number
)

select
    profiles.profile_number,
    profiles.study_id,
    profiles.arm_id,
    factors.used_for,
    factors.covariate,
    factors.position,
    factors.kind,
    levels.level,
    dense_rank() over (
        order by profiles.study_id, profiles.arm_id, factors.used_for, factors.covariate, levels.level
    ) as level_number
from profiles
inner join {{ ref('int_covariates__factors') }} as factors on profiles.study_id = factors.study_id
left join {{ ref('stg_participant_covariates') }} as levels
    on
        profiles.study_id = levels.study_id
        and profiles.participant_id = levels.participant_id
        and factors.covariate = levels.covariate
