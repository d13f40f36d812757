"""Columns of the estimated tables of the myokine mart, in order and with their types.

Belongs here: what the estimators promise about the shape of these tables. Does not belong here: estimates,
and the columns of other marts (`mart_columns`).
"""

import polars as pl

from transforms.estimators.mart_columns import Columns

_CHANGE: Columns = {
    "baseline": pl.Float64,
    "value": pl.Float64,
    "difference": pl.Float64,
    "ratio": pl.Float64,
    "log_ratio": pl.Float64,
    "pct_change": pl.Float64,
}
_VERDICT: Columns = {"is_reportable": pl.Boolean, "reason": pl.String}

ACUTE_RESPONSE: Columns = {
    "study_id": pl.String,
    "participant_id": pl.String,
    "bout_id": pl.String,
    "analyte_id": pl.String,
    "timepoint": pl.String,
    "imputation": pl.String,
    "is_plasma_volume_corrected": pl.Boolean,
    "arm_id": pl.String,
    "visit": pl.String,
    "modality": pl.String,
    "is_first_bout": pl.Boolean,
    "unit": pl.String,
    "minutes_from_bout_end": pl.Float64,
    "baseline_timepoint": pl.String,
    "baseline_minutes": pl.Float64,
    **_CHANGE,
    "peak": pl.Float64,
    "peak_timepoint": pl.String,
    "peak_minutes": pl.Float64,
    "peak_ratio": pl.Float64,
    "n_responses": pl.Int64,
    "n_planned_responses": pl.Int64,
    "net_incremental_auc": pl.Float64,
    "positive_incremental_auc": pl.Float64,
    "auc_end_minutes": pl.Float64,
    **_VERDICT,
}
ACUTE_RESPONSE_KEY = tuple(ACUTE_RESPONSE)[:7]

RESTING_CHANGE: Columns = {
    "study_id": pl.String,
    "participant_id": pl.String,
    "analyte_id": pl.String,
    "from_visit": pl.String,
    "to_visit": pl.String,
    "imputation": pl.String,
    "arm_id": pl.String,
    "unit": pl.String,
    "from_timepoint": pl.String,
    "to_timepoint": pl.String,
    **_CHANGE,
    "days_between": pl.Int64,
    "from_hours_since_exercise": pl.Float64,
    "to_hours_since_exercise": pl.Float64,
    "is_rested": pl.Boolean,
    "is_first_from_visit": pl.Boolean,
    **_VERDICT,
}
RESTING_CHANGE_KEY = tuple(RESTING_CHANGE)[:6]

EFFECT: Columns = {
    "study_id": pl.String,
    "kind": pl.String,
    "analyte_id": pl.String,
    "arm_id": pl.String,
    "comparator_arm_id": pl.String,
    "visit": pl.String,
    "timepoint": pl.String,
    "imputation": pl.String,
    "is_plasma_volume_corrected": pl.Boolean,
    "estimator": pl.String,
    "scale": pl.String,
    "n_paired": pl.Int64,
    "n_baseline": pl.Int64,
    "n_value": pl.Int64,
    "n_paired_comparator": pl.Int64,
    "n_censored": pl.Int64,
    "estimate": pl.Float64,
    "std_error": pl.Float64,
    "conf_low": pl.Float64,
    "conf_high": pl.Float64,
    "conf_level": pl.Float64,
    "p_value": pl.Float64,
    "p_holm": pl.Float64,
    "p_bh": pl.Float64,
    **_VERDICT,
}
EFFECT_KEY = tuple(EFFECT)[:10]

OUTCOME_ASSOCIATION: Columns = {
    "study_id": pl.String,
    "kind": pl.String,
    "analyte_id": pl.String,
    "visit": pl.String,
    "timepoint": pl.String,
    "endpoint_id": pl.String,
    "model": pl.String,
    "imputation": pl.String,
    "covariates": pl.String,
    "n": pl.Int64,
    "events": pl.Int64,
    "n_before_landmark": pl.Int64,
    "landmark_days": pl.Float64,
    "first_landmark_days": pl.Int64,
    "last_landmark_days": pl.Int64,
    "sd_log_ratio": pl.Float64,
    "hazard_ratio": pl.Float64,
    "conf_low": pl.Float64,
    "conf_high": pl.Float64,
    "log_hazard_ratio": pl.Float64,
    "std_error": pl.Float64,
    "p_value": pl.Float64,
    "p_holm": pl.Float64,
    "p_bh": pl.Float64,
    "reason": pl.String,
}
