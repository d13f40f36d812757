-- Grain: one period of a prescribed therapy of a participant.
select
    study_id,
    participant_id,
    period_start as period_starts_on,
    period_end as period_ends_on,
    therapy,
    doses_prescribed as n_doses_prescribed,
    doses_taken as n_doses_taken,
    source_file,
    source_line
from {{ source('raw', 'treatment_adherence') }}
