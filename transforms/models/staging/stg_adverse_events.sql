-- Grain: one adverse event of a participant.
select
    study_id,
    participant_id,
    started_on as started_text,
    {{ date_of_text('started_on') }} as started_on,
    ended_on,
    term,
    system_organ_class,
    grade,
    serious as is_serious,
    related_to_exercise as is_related_to_exercise,
    source_file,
    source_line
from {{ source('raw', 'adverse_events') }}
