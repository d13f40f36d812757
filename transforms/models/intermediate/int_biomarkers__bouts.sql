-- Grain: one bout of exercise.
--
-- Which bout is a participant's first at a visit, and how long it took.
--   1. The first is the one that started first; of bouts without a start, which come last, and of those
--      that started together, the first by bout_id.
--   2. How long a bout took is known when its start and its end are.
-- Models join by bout_number, which stands for study and bout.
{{ config(materialized='table') }}

with bouts as (
    select
        study_id,
        bout_id,
        participant_id,
        visit,
        modality,
        dense_rank() over (order by study_id, bout_id) as bout_number,
        {{ minutes_between('started_at', 'ended_at') }} as duration_minutes,
        row_number() over (
            partition by study_id, participant_id, visit
            order by case when started_at is null then 1 else 0 end, started_at, bout_id
        ) as place
    from {{ ref('stg_exercise_bouts') }}
)

select
    bouts.study_id,
    bouts.bout_id,
    bouts.bout_number,
    bouts.participant_id,
    participants.arm_id,
    bouts.visit,
    bouts.modality,
    bouts.duration_minutes,
    bouts.place = 1 as is_first_bout
from bouts
inner join {{ ref('int_participants__followed') }} as participants
    on
        bouts.study_id = participants.study_id
        and bouts.participant_id = participants.participant_id
