-- Grain: one participant of a study and ending scheme of its endpoints.
--
-- Delayed entry: who counts as at risk.
--   1. Time is counted in whole days from the start (no + 1).
--   2. A participant is at risk from the day of entry on. Whose event or censoring is on or before a delayed
--      entry was never seen at risk: no event and no competing event, with a reason of its own.
--   3. An event with no delay of entry counts from day 0 on.
-- Source: left truncation as R survival's Surv(entry, exit, event), which needs exit > entry.
with endings as (
    select
        study_id,
        participant_id,
        ending_scheme,
        arm_id,
        start_date,
        entry_days,
        end_date,
        {{ days_between('start_date', 'end_date') }} as time_days,
        censor_reason,
        event_class,
        event_organ,
        source_record,
        source_file,
        source_line
    from {{ ref('int_endpoints__ending') }}
),

entries as (
    select
        study_id,
        participant_id,
        ending_scheme,
        arm_id,
        start_date,
        entry_days,
        end_date,
        time_days,
        entry_days = 0 or time_days > entry_days as is_at_risk,
        censor_reason,
        event_class,
        event_organ,
        source_record,
        source_file,
        source_line
    from endings
)

select
    study_id,
    participant_id,
    ending_scheme,
    arm_id,
    start_date,
    entry_days,
    end_date,
    time_days,
    case when is_at_risk then censor_reason else 'not_at_risk' end as censor_reason,
    case when is_at_risk then event_class else '' end as event_class,
    case when is_at_risk then event_organ else '' end as event_organ,
    source_record,
    source_file,
    source_line
from entries
