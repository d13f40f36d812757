-- Grain: one follow-up contact on the last day of contact of a participant, or on the last day of a disease
-- assessment.
--
-- The contacts by which follow-up can end; the many before them decide nothing.
--   1. What a contact shows is what reference.follow_up_rules says of its kind and outcome: an assessment
--      that was not evaluable is no disease assessment, but a contact.
{{ config(materialized='table') }}

with contacts as (
    select
        follow_up.study_id,
        follow_up.participant_id,
        follow_up.followed_on,
        coalesce(rules.is_disease_assessment, false) as is_disease_assessment,
        coalesce(rules.is_withdrawal, false) as is_withdrawal,
        follow_up.source_file,
        follow_up.source_line
    from {{ ref('stg_follow_up') }} as follow_up
    left join {{ ref('follow_up_rules') }} as rules
        on
            follow_up.kind = rules.kind
            and coalesce(follow_up.outcome, '') = rules.outcome
),

last_days as (
    select
        study_id,
        participant_id,
        max(followed_on) as contacted_on,
        max(case when is_disease_assessment then followed_on end) as assessed_on
    from contacts
    group by study_id, participant_id
)

select
    contacts.study_id,
    contacts.participant_id,
    contacts.followed_on,
    contacts.is_disease_assessment,
    contacts.is_withdrawal,
    contacts.source_file,
    contacts.source_line
from contacts
inner join last_days
    on
        contacts.study_id = last_days.study_id
        and contacts.participant_id = last_days.participant_id
where
    contacts.followed_on = last_days.contacted_on
    or (contacts.is_disease_assessment and contacts.followed_on = last_days.assessed_on)
