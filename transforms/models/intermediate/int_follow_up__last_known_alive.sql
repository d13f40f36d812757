-- Grain: one participant of a study.
--
-- The last day on which a participant is known to have been alive, over all record types.
--   1. The latest of the days in int_follow_up__alive_evidence; the start of follow-up when nothing is later.
--   2. Follow-up after the data cutoff is truncated to it.
--   3. Of several records on that day a withdrawal decides, for it says why nothing follows; then the order
--      is by record type, file and line, so that no order of rows decides anything.
{{ config(materialized='table') }}

with participants as (
    select
        study_id,
        participant_id,
        data_cutoff
    from {{ ref('int_participants__followed') }}
),

evidence as (
    select
        study_id,
        participant_id,
        alive_on,
        is_withdrawal,
        source_record,
        source_file,
        source_line
    from {{ ref('int_follow_up__alive_evidence') }}
),

last_days as (
    select
        study_id,
        participant_id,
        max(alive_on) as alive_on
    from evidence
    group by study_id, participant_id
),

last_evidence as (
    select
        evidence.study_id,
        evidence.participant_id,
        evidence.alive_on,
        evidence.is_withdrawal,
        evidence.source_record,
        evidence.source_file,
        evidence.source_line,
        row_number() over (
            partition by evidence.study_id, evidence.participant_id
            order by
                evidence.is_withdrawal desc,
                evidence.source_record asc,
                evidence.source_file asc,
                evidence.source_line asc
        ) as place
    from evidence
    inner join last_days
        on
            evidence.study_id = last_days.study_id
            and evidence.participant_id = last_days.participant_id
            and evidence.alive_on = last_days.alive_on
)

select
    last_evidence.study_id,
    last_evidence.participant_id,
    least(last_evidence.alive_on, participants.data_cutoff) as alive_on,
    last_evidence.alive_on > participants.data_cutoff as is_truncated,
    last_evidence.is_withdrawal,
    last_evidence.source_record,
    last_evidence.source_file,
    last_evidence.source_line
from last_evidence
inner join participants
    on
        last_evidence.study_id = participants.study_id
        and last_evidence.participant_id = participants.participant_id
where last_evidence.place = 1
