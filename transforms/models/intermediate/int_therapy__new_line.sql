-- Grain: one participant of a study who started a new line of anticancer therapy.
--
-- The first day of a new line of anticancer therapy.
--   1. A course is a new line when reference.therapy_intents says so of its intent; a course without an
--      intent is not.
--   2. It starts on or after index_date and on or before the data cutoff.
--   3. Of several courses on that day the first by file and line is named.
with participants as (
    select
        study_id,
        participant_id,
        start_date,
        data_cutoff
    from {{ ref('int_participants__followed') }}
),

new_line_intents as (
    select intent
    from {{ ref('therapy_intents') }}
    where is_new_line
),

new_lines as (
    select
        therapies.study_id,
        therapies.participant_id,
        therapies.started_on,
        therapies.source_file,
        therapies.source_line,
        row_number() over (
            partition by therapies.study_id, therapies.participant_id
            order by therapies.started_on, therapies.source_file, therapies.source_line
        ) as place
    from {{ ref('stg_anticancer_therapies') }} as therapies
    inner join new_line_intents on therapies.intent = new_line_intents.intent
    inner join participants
        on
            therapies.study_id = participants.study_id
            and therapies.participant_id = participants.participant_id
    where therapies.started_on between participants.start_date and participants.data_cutoff
)

select
    study_id,
    participant_id,
    started_on,
    'anticancer_therapies' as source_record,
    source_file,
    source_line
from new_lines
where place = 1
