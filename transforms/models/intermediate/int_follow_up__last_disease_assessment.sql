-- Grain: one participant of a study who had an evaluable disease assessment.
--
-- The last day on which somebody looked for disease.
--   1. It is on or after index_date.
--   2. Follow-up after the data cutoff is truncated to it: who was assessed later was still followed then.
-- Source: FDA guidance Clinical Trial Endpoints for the Approval of Cancer Drugs and Biologics (2018), last
-- adequate assessment.
{{ config(materialized='table') }}

with participants as (
    select
        study_id,
        participant_id,
        start_date,
        data_cutoff
    from {{ ref('int_participants__followed') }}
),

assessments as (
    select
        contacts.study_id,
        contacts.participant_id,
        contacts.followed_on,
        participants.data_cutoff,
        contacts.source_file,
        contacts.source_line
    from {{ ref('int_follow_up__last_contacts') }} as contacts
    inner join participants
        on
            contacts.study_id = participants.study_id
            and contacts.participant_id = participants.participant_id
    where
        contacts.is_disease_assessment
        and contacts.followed_on >= participants.start_date
),

last_days as (
    select
        study_id,
        participant_id,
        max(followed_on) as followed_on
    from assessments
    group by study_id, participant_id
),

last_assessments as (
    select
        assessments.study_id,
        assessments.participant_id,
        assessments.followed_on,
        assessments.data_cutoff,
        assessments.source_file,
        assessments.source_line,
        row_number() over (
            partition by assessments.study_id, assessments.participant_id
            order by assessments.source_file, assessments.source_line
        ) as place
    from assessments
    inner join last_days
        on
            assessments.study_id = last_days.study_id
            and assessments.participant_id = last_days.participant_id
            and assessments.followed_on = last_days.followed_on
)

select
    study_id,
    participant_id,
    least(followed_on, data_cutoff) as assessed_on,
    followed_on > data_cutoff as is_truncated,
    'follow_up' as source_record,
    source_file,
    source_line
from last_assessments
where place = 1
