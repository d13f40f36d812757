-- Grain: one participant of a study with an adjusted model who has every covariate of it.
--
-- The values of the adjusted model's covariates that a participant has, as one label.
--   1. Complete cases only: who lacks a covariate is in no adjusted model (as R's coxph with na.omit).
--   2. The label names every covariate=value in the order the study names the covariates. A backslash
--      stands before \ | = in names and values, so that no two combinations share a label.
--   3. Values are those at baseline, as text.
--   4. Participants of one study, arm and label have one pattern_number.
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
        covariate_order
    from {{ ref('stg_study_adjustment') }}
),

n_factors as (
    select
        study_id,
        count(*) as n
    from factors
    group by study_id
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
        factors.covariate_order,
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
        count(*) as n_known,
        {{ joined_text('label', '|', 'covariate_order') }} as pattern
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
inner join n_factors on labels.study_id = n_factors.study_id
inner join participants
    on
        labels.study_id = participants.study_id
        and labels.participant_id = participants.participant_id
where labels.n_known = n_factors.n
