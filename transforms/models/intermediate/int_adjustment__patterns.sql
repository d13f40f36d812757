-- Grain: one covariate of a combination of covariate values that somebody has, by study.
--
-- What the labels of int_adjustment__pattern say: kind and value (`level`, as text) of each covariate of
-- the adjusted model, of any participant who has the label, for a label says every one of them.
{{ config(materialized='table') }}

with patterns as (
    select
        study_id,
        participant_id,
        pattern
    from {{ ref('int_adjustment__pattern') }}
),

bearers as (
    select
        study_id,
        pattern,
        min(participant_id) as participant_id
    from patterns
    group by study_id, pattern
),

factors as (
    select
        study_id,
        covariate,
        covariate_order,
        kind
    from {{ ref('stg_study_adjustment') }}
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
    bearers.study_id,
    bearers.pattern,
    factors.covariate,
    factors.covariate_order as position,
    factors.kind,
    covariates.level
from bearers
inner join covariates
    on
        bearers.study_id = covariates.study_id
        and bearers.participant_id = covariates.participant_id
inner join factors
    on
        covariates.study_id = factors.study_id
        and covariates.covariate = factors.covariate
