-- Grain: one participant of a study.
--
-- Who is alike in every covariate that the study uses for anything (int_covariates__factors). What is counted
-- for strata, subgroups and adjusted models is counted once by profile and added up.
--   1. The profile names the known levels, covariate=level, joined by |; a covariate whose level is missing
--      is not in it. Levels are those at baseline, as text.
--   2. A backslash stands before \ | = in names and levels, so that no two combinations share a profile.
--   3. Participants of one study, arm and profile have one profile_number.
{{ config(materialized='table') }}

with covariates as (
    select distinct
        study_id,
        covariate
    from {{ ref('int_covariates__factors') }}
),

labels as (
    select
        levels.study_id,
        levels.participant_id,
        levels.covariate,
        {{ escaped_label('levels.covariate') }} || '=' || {{ escaped_label('levels.level') }} as label
    from {{ ref('stg_participant_covariates') }} as levels
    inner join covariates
        on
            levels.study_id = covariates.study_id
            and levels.covariate = covariates.covariate
    where levels.level is not null
),

profiles as (
    select
        study_id,
        participant_id,
        {{ joined_text('label', '|', 'covariate') }} as profile
    from labels
    group by study_id, participant_id
),

participants as (
    select
        participants.study_id,
        participants.participant_id,
        participants.arm_id,
        coalesce(profiles.profile, '') as profile
    from {{ ref('int_participants__followed') }} as participants
    left join profiles
        on
            participants.study_id = profiles.study_id
            and participants.participant_id = profiles.participant_id
)

select
    study_id,
    participant_id,
    arm_id,
    profile,
    dense_rank() over (order by study_id, arm_id, profile) as profile_number
from participants
