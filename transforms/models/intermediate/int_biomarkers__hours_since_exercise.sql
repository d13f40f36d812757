-- Grain: one resting sample.
--
-- How long before a sample the participant exercised last.
--   1. Exercise is a bout, from its end (its start, when the end was not recorded), and a session that was
--      attended; where attendance was not recorded, one with minutes completed.
--   2. A session has a day only: it counts as ended at the end of the day, and one on the day of the sample
--      as no hours before it.
--   3. Without a time of the sample, or without any exercise before it, the hours are unknown.
-- Source: Bettariga 2025 (12-week trial): resting blood at least 48 h after exercise.
{{ config(materialized='table') }}

with exercise as (
    select
        study_id,
        participant_id,
        coalesce(ended_at, started_at) as begins_to_count_at,
        coalesce(ended_at, started_at) as ended_at
    from {{ ref('stg_exercise_bouts') }}
    where coalesce(ended_at, started_at) is not null
    union all
    select
        study_id,
        participant_id,
        cast(session_on as timestamp) as begins_to_count_at,
        cast(session_on as timestamp) + interval '1' day as ended_at
    from {{ ref('stg_exercise_sessions') }}
    where coalesce(is_attended, completed_minutes > 0)
),

last_exercise as (
    select
        samples.sample_number,
        max(exercise.ended_at) as ended_at
    from {{ ref('int_biomarkers__samples') }} as samples
    inner join exercise
        on
            samples.study_id = exercise.study_id
            and samples.participant_id = exercise.participant_id
            and samples.collected_at >= exercise.begins_to_count_at
    where samples.kind = 'resting'
    group by samples.sample_number
)

select
    samples.sample_number,
    greatest(0, {{ minutes_between('last_exercise.ended_at', 'samples.collected_at') }} / 60)
        as hours_since_exercise
from {{ ref('int_biomarkers__samples') }} as samples
inner join last_exercise on samples.sample_number = last_exercise.sample_number
