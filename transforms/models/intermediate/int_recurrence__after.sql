-- Grain: one day since the first recurrence on which somebody of an arm enters or leaves.
--
-- Survival after recurrence, as a risk table.
--   1. Time starts at the first recurrence after the time origin, of any site, which is day 0.
--   2. It ends with death, the event, whatever its cause; without death it is censored on the last day
--      known alive. A death on the day of the recurrence is a death on day 0.
--   3. Delayed entry: whose recurrence came before the entry is at risk from the entry on (left
--      truncation); who was never under observation is not counted.
-- Source: risk sets as in R survival, Surv(entry, exit, event).
{{ config(materialized='table') }}

with recurrences as (
    select
        study_id,
        participant_id,
        time_days
    from {{ ref('int_recurrence__first_of_group') }}
    where event_group = 'recurrence'
),

stays as (
    select
        alive.study_id,
        alive.arm_id,
        greatest(0, alive.entry_days - recurrences.time_days) as entry_days,
        alive.end_days - recurrences.time_days as time_days,
        alive.is_dead
    from recurrences
    inner join {{ ref('int_recurrence__alive') }} as alive
        on
            recurrences.study_id = alive.study_id
            and recurrences.participant_id = alive.participant_id
    where alive.is_observed
),

changes as (
    select
        study_id,
        arm_id,
        time_days,
        case when is_dead then 1 else 0 end as n_event,
        case when is_dead then 0 else 1 end as n_censored,
        0 as n_entered
    from stays
    union all
    select
        study_id,
        arm_id,
        entry_days as time_days,
        0 as n_event,
        0 as n_censored,
        1 as n_entered
    from stays
)

select
    study_id,
    arm_id,
    time_days,
    cast(sum(n_event) as bigint) as n_event,
    cast(0 as bigint) as n_competing,
    cast(sum(n_censored) as bigint) as n_censored,
    cast(sum(n_entered) as bigint) as n_entered
from changes
group by study_id, arm_id, time_days
