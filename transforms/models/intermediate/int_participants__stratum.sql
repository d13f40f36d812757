-- Grain: one participant of a study.
--
-- The stratum a participant was randomised in, as a label: factor=level of every stratification factor of
-- the study, in the order the study names them, joined by |. A factor that is not known stands without a
-- level, which makes a stratum of its own and one that is not known; a study without stratification has the
-- one stratum ''. Names and levels that hold the signs of a label are escaped, so that no two strata share
-- one.
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
        covariates.study_id,
        covariates.participant_id,
        covariates.covariate,
        covariates.level
    from {{ ref('stg_participant_covariates') }} as covariates
    inner join factors
        on
            covariates.study_id = factors.study_id
            and covariates.covariate = factors.covariate
),

levels as (
    select
        participants.study_id,
        participants.participant_id,
        factors.stratum_order,
        {{ escaped_label('factors.covariate') }}
        || coalesce('=' || {{ escaped_label('covariates.level') }}, '') as factor_level,
        covariates.level is not null as is_known
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
        {{ joined_text('factor_level', '|', 'stratum_order') }} as stratum,
        count(case when not is_known then 1 end) = 0 as is_stratum_known
    from levels
    group by study_id, participant_id
)

select
    participants.study_id,
    participants.participant_id,
    coalesce(labels.stratum, '') as stratum,
    coalesce(labels.is_stratum_known, true) as is_stratum_known
from participants
left join labels
    on
        participants.study_id = labels.study_id
        and participants.participant_id = labels.participant_id
