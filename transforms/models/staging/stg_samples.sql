-- Grain: one biospecimen.
select
    study_id,
    sample_id,
    participant_id,
    visit,
    bout_id,
    timepoint,
    minutes_from_bout_end,
    collected_at,
    matrix,
    haemoglobin_g_dl,
    haematocrit_pct,
    source_file,
    source_line
from {{ source('raw', 'samples') }}
