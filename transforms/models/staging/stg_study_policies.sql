-- Grain: one censoring policy that a study is analysed under.
select
    study_id,
    policy_id
from {{ source('raw', 'study_policies') }}
