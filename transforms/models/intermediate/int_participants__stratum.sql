-- Grain: one participant of a study.
--
-- The stratum a participant was randomised in, as a label: factor=level of every stratification factor of
-- the study, in the order the study names them. A level that is missing is '?', a stratum of its own; a study
-- without stratification has the one stratum ''.
with participants as (
    select
        study_id,
        participant_id
    from {{ ref('int_participants__followed') }}
),

factors as (
    select
        study_id,
        covariate,
        stratum_order
    from {{ ref('stg_study_strata') }}
),

covariates as (
    select
        study_id,
        participant_id,
        covariate,
        level
    from {{ ref('stg_participant_covariates') }}
),

levels as (
    select
        participants.study_id,
        participants.participant_id,
        factors.stratum_order,
        factors.covariate || '=' || coalesce(covariates.level, '?') as level
    from participants
    inner join factors on participants.study_id = factors.study_id
    left join covariates
        on
            participants.study_id = covariates.study_id
            and participants.participant_id = covariates.participant_id
            and factors.covariate = covariates.covariate
),

labels as (
    select
        study_id,
        participant_id,
        {{ joined_text('level', '|', 'stratum_order') }} as stratum
    from levels
    group by study_id, participant_id
)

select
    participants.study_id,
    participants.participant_id,
    coalesce(labels.stratum, '') as stratum
from participants
left join labels
    on
        participants.study_id = labels.study_id
        and participants.participant_id = labels.participant_id
