-- Grain: one sample.
--
-- What a sample is a sample of: an acute response, or the resting level.
--   1. A sample that belongs to a bout is acute, at its timepoint of the bout; any other is resting,
--      whatever its timepoint is called. The two are different quantities and never share a row (IL-6 rises
--      up to 100-fold in a bout and falls at rest with training).
--   2. Its time is the actual one, in minutes after the bout's end; where none was recorded, the planned
--      one.
--   3. Nothing after the study's data cutoff counts: blood drawn later is marked.
--   4. Samples of one occasion (the bout and timepoint; at rest the visit) are placed: serum before plasma
--      before an unknown matrix, then by collected_at, then by sample_id.
-- Models join by sample_number, participant_number, bout_number and occasion_number, each of which stands
-- for the study and what it names: numbers join faster than texts.
-- Source: Pedersen and Febbraio, Physiol Rev 2008;88:1379, on acute and chronic IL-6.
{{ config(materialized='table') }}

with samples as (
    select
        samples.study_id,
        samples.sample_id,
        samples.participant_id,
        case when samples.bout_id is null then 'resting' else 'acute' end as kind,
        samples.visit,
        coalesce(samples.bout_id, '') as bout_id,
        bouts.bout_number,
        samples.timepoint,
        timepoints.role,
        timepoints.timepoint_order,
        case
            when samples.bout_id is not null
                then coalesce(samples.minutes_from_bout_end, timepoints.minutes_from_bout_end)
        end as minutes_from_bout_end,
        samples.collected_at,
        coalesce(samples.matrix, '') as matrix,
        case samples.matrix when 'serum' then 1 when 'plasma' then 2 else 3 end as matrix_order,
        samples.haemoglobin_g_dl,
        samples.haematocrit_pct
    from {{ ref('stg_samples') }} as samples
    left join {{ ref('stg_study_timepoints') }} as timepoints
        on
            samples.study_id = timepoints.study_id
            and samples.timepoint = timepoints.timepoint
    left join {{ ref('int_biomarkers__bouts') }} as bouts
        on
            samples.study_id = bouts.study_id
            and samples.bout_id = bouts.bout_id
),

occasions as (
    select
        samples.study_id,
        samples.sample_id,
        samples.participant_id,
        participants.arm_id,
        samples.kind,
        samples.visit,
        samples.bout_id,
        samples.bout_number,
        samples.timepoint,
        samples.role,
        samples.timepoint_order,
        samples.minutes_from_bout_end,
        samples.collected_at,
        samples.matrix,
        samples.matrix_order,
        samples.haemoglobin_g_dl,
        samples.haematocrit_pct,
        coalesce(cast(samples.collected_at as date) > participants.data_cutoff, false) as is_after_cutoff,
        row_number() over (order by samples.study_id, samples.sample_id) as sample_number,
        dense_rank() over (order by samples.study_id, samples.participant_id) as participant_number,
        dense_rank() over (
            order by
                samples.study_id,
                samples.participant_id,
                samples.visit,
                samples.bout_id,
                case when samples.kind = 'acute' then samples.timepoint else '' end
        ) as occasion_number
    from samples
    inner join {{ ref('int_participants__followed') }} as participants
        on
            samples.study_id = participants.study_id
            and samples.participant_id = participants.participant_id
)

select
    study_id,
    sample_id,
    participant_id,
    arm_id,
    kind,
    visit,
    bout_id,
    bout_number,
    timepoint,
    role,
    timepoint_order,
    minutes_from_bout_end,
    collected_at,
    matrix,
    haemoglobin_g_dl,
    haematocrit_pct,
    is_after_cutoff,
    sample_number,
    participant_number,
    occasion_number,
    row_number() over (
        partition by occasion_number
        order by
            matrix_order,
            case when collected_at is null then 1 else 0 end,
            collected_at,
            sample_id
    ) as place_at_occasion
from occasions
