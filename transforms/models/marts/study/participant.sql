-- Grain: one participant of a study.
with followed as (
    select
        study_id,
        participant_id,
        arm_id,
        start_date,
        entry_days,
        source_file,
        source_line
    from {{ ref('int_participants__followed') }}
),

enrolled as (
    select
        study_id,
        participant_id,
        site_id,
        age_years,
        sex
    from {{ ref('stg_participants') }}
)

select
    followed.study_id,
    followed.participant_id,
    followed.arm_id,
    coalesce(enrolled.site_id, '') as site_id,
    followed.start_date as index_date,
    followed.entry_days,
    enrolled.age_years,
    coalesce(enrolled.sex, '') as sex,
    followed.source_file,
    followed.source_line
from followed
inner join enrolled
    on
        followed.study_id = enrolled.study_id
        and followed.participant_id = enrolled.participant_id
