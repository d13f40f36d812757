-- Grain: one analyte of a plate that has bridging samples with numbers.
--
-- How far a plate lies from the others.
--   1. In each bridging sample the plate's mean is divided by the median of the means of its other plates,
--      so that one plate that is far off does not make the others look so.
--   2. The drift is the median of these quotients, as a percent change; it takes positive numbers.
-- Source: FDA Bioanalytical Method Validation (2018), section on incurred samples measured again.

with bridging as (
    select
        study_id,
        plate_id,
        analyte_id,
        sample_number,
        mean_number
    from {{ ref('int_assay__plate_samples') }}
    where is_bridging and mean_number > 0
),

others as (
    select
        bridging.study_id,
        bridging.plate_id,
        bridging.analyte_id,
        bridging.sample_number,
        bridging.mean_number,
        {{ median_of('other_plates.mean_number') }} as median_of_others
    from bridging
    inner join bridging as other_plates
        on
            bridging.analyte_id = other_plates.analyte_id
            and bridging.sample_number = other_plates.sample_number
            and bridging.plate_id <> other_plates.plate_id
    group by
        bridging.study_id,
        bridging.plate_id,
        bridging.analyte_id,
        bridging.sample_number,
        bridging.mean_number
)

select
    study_id,
    plate_id,
    analyte_id,
    100 * ({{ median_of('mean_number / median_of_others') }} - 1) as drift_pct
from others
group by study_id, plate_id, analyte_id
