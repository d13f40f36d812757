-- Grain: one day on which somebody of a profile of participants enters, or leaves after one distinct stay, by
-- ending scheme.
--
-- The stays of int_profiles__stays as entries and exits: a participant enters at entry_days and leaves at
-- time_days, by an event, a competing event or a censoring.
select
    profile_number,
    ending_scheme,
    time_days,
    case when competing_code = 1 then n else 0 end as n_event,
    case when competing_code = 2 then n else 0 end as n_competing,
    case when competing_code = 0 then n else 0 end as n_censored,
    0 as n_entered
from {{ ref('int_profiles__stays') }}
union all
select
    profile_number,
    ending_scheme,
    entry_days as time_days,
    0 as n_event,
    0 as n_competing,
    0 as n_censored,
    sum(n) as n_entered
from {{ ref('int_profiles__stays') }}
group by profile_number, ending_scheme, entry_days
