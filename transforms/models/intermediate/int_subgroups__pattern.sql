-- Grain: one participant of a study with subgroups who has a known level of at least one of them.
--
-- Which levels of the study's subgroups a participant has, as one label.
--   1. The label names the known levels, factor=level, in the order the study names the factors; a factor
--      whose level is missing is not in it. A backslash stands before \ | = in names and levels, so that no
--      two combinations share a label.
--   2. Levels are those at baseline, as text.
--   3. Participants of one study, arm and label have one pattern_number.
{{ config(materialized='table') }}

with participants as (
    select
        study_id,
        participant_id,
        arm_id
    from {{ ref('int_participants__followed') }}
),

factors as (
    select
        study_id,
        covariate,
        subgroup_order
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
),

levels as (
    select
        covariates.study_id,
        covariates.participant_id,
        factors.subgroup_order,
        {{ escaped_label('factors.covariate') }} || '=' || {{ escaped_label('covariates.level') }} as label
    from covariates
    inner join factors
        on
            covariates.study_id = factors.study_id
            and covariates.covariate = factors.covariate
),

labels as (
    select
        study_id,
        participant_id,
        {{ joined_text('label', '|', 'subgroup_order') }} as pattern
    from levels
    group by study_id, participant_id
)

select
    labels.study_id,
    labels.participant_id,
    participants.arm_id,
    labels.pattern,
    dense_rank() over (order by labels.study_id, participants.arm_id, labels.pattern) as pattern_number
from labels
inner join participants
    on
        labels.study_id = participants.study_id
        and labels.participant_id = participants.participant_id
