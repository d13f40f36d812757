-- Grain: one use of covariates (int_covariates__factors) of a profile of participants.
--
-- The levels of the factors of a use, as one label: for stratification, the stratum.
--   1. The label names every factor, factor=level, in the order of the study, joined by |. A backslash stands
--      before \ | = in names and levels, so that no two combinations share a label.
--   2. A factor whose level is missing stands without one, which makes a pattern of its own, and one that is
--      not known.
--   3. Everybody has a stratum: in a study without stratification the known one ''.
{{ config(materialized='table') }}

with profiles as (
    select distinct
        study_id,
        arm_id,
        profile_number
    from {{ ref('int_participants__profile') }}
),

uses as (
    select
        study_id,
        used_for
    from {{ ref('int_covariates__factors') }}
    union distinct
    select
        study_id,
        'stratification' as used_for
    from {{ ref('stg_study') }}
),

levels as (
    select
        profile_number,
        used_for,
        position,
        level,
        {{ escaped_label('covariate') }} || coalesce('=' || {{ escaped_label('level') }}, '') as label
    from {{ ref('int_profiles__level') }}
)

select
    profiles.profile_number,
    profiles.study_id,
    profiles.arm_id,
    uses.used_for,
    coalesce({{ joined_text('levels.label', '|', 'levels.position') }}, '') as pattern,
    count(levels.label) = count(levels.level) as is_known
from profiles
inner join uses on profiles.study_id = uses.study_id
left join levels
    on
        profiles.profile_number = levels.profile_number
        and uses.used_for = levels.used_for
group by profiles.profile_number, profiles.study_id, profiles.arm_id, uses.used_for
