-- Grain: one participant of a study and way of censoring (`censored_at`).
--
-- Where the follow-up of a participant without an event ends, and why.
--   1. last_known_alive: at the last day known alive. The reason is the data cutoff when follow-up went on
--      after it, the withdrawal when that gave the day, else simply the last day known alive.
--   2. last_disease_assessment: at the last evaluable disease assessment, or at the data cutoff when it was
--      later. Without any assessment: at the last day known alive, which is then the reason.
with last_known_alive as (
    select
        study_id,
        participant_id,
        alive_on,
        is_truncated,
        is_withdrawal,
        source_record,
        source_file,
        source_line
    from {{ ref('int_follow_up__last_known_alive') }}
),

assessments as (
    select
        study_id,
        participant_id,
        assessed_on,
        is_truncated,
        source_record,
        source_file,
        source_line
    from {{ ref('int_follow_up__last_disease_assessment') }}
)

select
    study_id,
    participant_id,
    'last_known_alive' as censored_at,
    alive_on as censored_on,
    case
        when is_truncated then 'data_cutoff'
        when is_withdrawal then 'withdrawal'
        else 'last_known_alive'
    end as censor_reason,
    source_record,
    source_file,
    source_line
from last_known_alive
union all
select
    last_known_alive.study_id,
    last_known_alive.participant_id,
    'last_disease_assessment' as censored_at,
    coalesce(assessments.assessed_on, last_known_alive.alive_on) as censored_on,
    case
        when assessments.assessed_on is null then 'no_disease_assessment'
        when assessments.is_truncated then 'data_cutoff'
        else 'last_disease_assessment'
    end as censor_reason,
    coalesce(assessments.source_record, last_known_alive.source_record) as source_record,
    coalesce(assessments.source_file, last_known_alive.source_file) as source_file,
    coalesce(assessments.source_line, last_known_alive.source_line) as source_line
from last_known_alive
left join assessments
    on
        last_known_alive.study_id = assessments.study_id
        and last_known_alive.participant_id = assessments.participant_id
