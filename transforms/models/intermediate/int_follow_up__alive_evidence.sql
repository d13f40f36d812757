-- Grain: one record that shows a participant alive on a day (a participant and day may have several).
--
-- Whoever did or underwent something was alive that day, whichever record tells it: a last contact taken from
-- one table only overestimates or underestimates survival.
--   1. Being there at the start: the index date, or the entry date of a delayed entry.
--   2. Follow-up contacts, a withdrawal among them; those that can be a participant's last are enough.
--   3. Disease events, starts of anticancer therapy, bouts, samples, activity reports and measurements.
--   4. Exercise sessions that were attended; without a word on attendance, those with minutes completed.
--   5. The start of a period in which doses of a therapy were taken: which day after it nobody says.
--   6. Adverse events, start and end, where the date is complete.
--   7. A death after the data cutoff shows the participant alive at the cutoff. An earlier one shows nothing:
--      it is the event itself.
--   8. The day a sample was assayed says nothing of its donor.
with participants as (
    select
        study_id,
        participant_id,
        entered_on,
        data_cutoff,
        source_file,
        source_line
    from {{ ref('int_participants__followed') }}
),

evidence as (
    select
        study_id,
        participant_id,
        entered_on as alive_on,
        false as is_withdrawal,
        'participants' as source_record,
        source_file,
        source_line
    from participants
    union all
    select
        study_id,
        participant_id,
        followed_on as alive_on,
        is_withdrawal,
        'follow_up' as source_record,
        source_file,
        source_line
    from {{ ref('int_follow_up__last_contacts') }}
    union all
    select
        deaths.study_id,
        deaths.participant_id,
        deaths.died_on as alive_on,
        false as is_withdrawal,
        'deaths' as source_record,
        deaths.source_file,
        deaths.source_line
    from {{ ref('stg_deaths') }} as deaths
    inner join participants
        on
            deaths.study_id = participants.study_id
            and deaths.participant_id = participants.participant_id
    where deaths.died_on > participants.data_cutoff
    {%- for record, day, condition in signs_of_life() %}
        union all
        select
            study_id,
            participant_id,
            {{ day }} as alive_on,
            false as is_withdrawal,
            '{{ record }}' as source_record,
            source_file,
            source_line
        from {{ ref('stg_' ~ record) }}
        where {{ condition }}
    {%- endfor %}
)

select
    study_id,
    participant_id,
    alive_on,
    is_withdrawal,
    source_record,
    source_file,
    source_line
from evidence
where alive_on is not null
