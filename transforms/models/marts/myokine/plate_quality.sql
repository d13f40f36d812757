-- Grain: one analyte of a plate.
select
    figures.study_id,
    figures.plate_id,
    figures.analyte_id,
    figures.n_samples,
    figures.n_wells,
    figures.n_not_measured,
    figures.n_below_limit,
    figures.share_below_limit_pct,
    figures.n_baseline,
    figures.n_baseline_below_limit,
    figures.baseline_share_below_limit_pct,
    figures.median_replicate_cv_pct,
    figures.largest_replicate_cv_pct,
    figures.samples_over_cv_pct,
    figures.n_single_replicate,
    figures.single_replicate_pct,
    figures.n_units,
    figures.n_kit_lots,
    figures.n_bridging_samples,
    figures.drift_pct,
    coalesce(verdicts.verdict, 'pass') as verdict,
    coalesce(verdicts.rule, '') as rule
from {{ ref('int_assay__plate_figures') }} as figures
left join {{ ref('int_assay__plate_verdict') }} as verdicts
    on
        figures.study_id = verdicts.study_id
        and figures.plate_id = verdicts.plate_id
        and figures.analyte_id = verdicts.analyte_id
