-- Grain: one sample of a bout.
--
-- How much the volume of the plasma has changed since the bout's baseline.
--   1. Change % = 100 [ (Hb1 / Hb2) (100 - Hct2) / (100 - Hct1) - 1 ]; 1 is the bout's baseline sample, 2
--      this one. A concentration is corrected for it by C (1 + change / 100).
--   2. The baseline sample is the one at the last-listed baseline timepoint that has haemoglobin and
--      haematocrit; without any, the last-listed. Its own change is 0.
--   3. Where haemoglobin or haematocrit of either is missing, the change is unknown.
-- Source: Dill and Costill, J Appl Physiol 1974;37:247-248.
{{ config(materialized='table') }}

with samples as (
    select
        study_id,
        bout_id,
        sample_number,
        role,
        timepoint_order,
        place_at_occasion,
        haemoglobin_g_dl,
        haematocrit_pct,
        haemoglobin_g_dl is not null and haematocrit_pct is not null as has_blood_count
    from {{ ref('int_biomarkers__samples') }}
    where kind = 'acute'
),

placed as (
    select
        study_id,
        bout_id,
        sample_number,
        haemoglobin_g_dl,
        haematocrit_pct,
        row_number() over (
            partition by study_id, bout_id
            order by
                case when has_blood_count then 0 else 1 end,
                timepoint_order desc,
                place_at_occasion asc
        ) as place
    from samples
    where role = 'baseline'
)

select
    samples.sample_number,
    case
        when samples.sample_number = baselines.sample_number then 0.0
        else
            100 * (
                (baselines.haemoglobin_g_dl / samples.haemoglobin_g_dl)
                * (100 - samples.haematocrit_pct) / (100 - baselines.haematocrit_pct)
                - 1
            )
    end as plasma_volume_change_pct
from samples
left join placed as baselines
    on
        samples.study_id = baselines.study_id
        and samples.bout_id = baselines.bout_id
        and baselines.place = 1
