-- Grain: one participant of a study.
--
-- Who is followed, from which day, in which arm, until when.
--   1. Everybody is followed as randomised, whatever happened later (intention to treat, ICH E9).
--   2. In a study that has one arm only, it is the arm of those who name none.
--   3. Time starts at index_date, which is day 0.
--   4. Delayed entry: who came under observation after index_date is at risk from that day on; without
--      an entry_date, or with one before index_date, from day 0 (left truncation, as Surv(entry, exit] in R).
--   5. Nothing after the study's data cutoff counts.
{{ config(materialized='table') }}

with participants as (
    select
        study_id,
        participant_id,
        arm_id,
        index_date,
        entry_date,
        source_file,
        source_line
    from {{ ref('stg_participants') }}
),

studies as (
    select
        study_id,
        data_cutoff
    from {{ ref('stg_study') }}
),

only_arms as (
    select
        study_id,
        min(arm_id) as arm_id
    from {{ ref('stg_study_arms') }}
    group by study_id
    having count(*) = 1
)

select
    participants.study_id,
    participants.participant_id,
    coalesce(participants.arm_id, only_arms.arm_id) as arm_id,
    participants.index_date as start_date,
    case
        when participants.entry_date > participants.index_date
            then {{ days_between('participants.index_date', 'participants.entry_date') }}
        else 0
    end as entry_days,
    case
        when participants.entry_date > participants.index_date then participants.entry_date
        else participants.index_date
    end as entered_on,
    studies.data_cutoff,
    participants.source_file,
    participants.source_line
from participants
inner join studies on participants.study_id = studies.study_id
left join only_arms on participants.study_id = only_arms.study_id
