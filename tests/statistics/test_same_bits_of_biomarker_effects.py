"""Effects on biomarkers have the same bits whatever the processor offers and however many threads run.

As test_same_bits_everywhere, for random arms with ties and missing results, imputed and as bounds, and for
what follows by the ratio of a biomarker.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl

from transforms.estimators.biomarker_effects import effect
from transforms.estimators.biomarker_outcomes import outcome_association

DATA = Path(__file__).parent / "data"
PAIRS = DATA / "biomarker_effects_pairs.csv"
COHORTS = DATA / "biomarker_outcomes_cohorts.csv"
LIMIT = 1.2


def rows_of_pairs() -> pl.DataFrame:
    """Rows of int_biomarkers__pairs: each cohort as reported, and with baselines below a limit as bounds."""
    number = pl.lit(None, pl.Float64)
    reported = pl.read_csv(PAIRS).select(
        study_id=pl.lit("trial"),
        kind=pl.lit("resting"),
        visit=pl.lit("baseline"),
        analyte_id=pl.lit("IL6"),
        timepoint="cohort",
        imputation=pl.lit("as_reported"),
        is_plasma_volume_corrected=pl.lit(value=False),
        arm_id="arm",
        baseline="baseline",
        value="value",
        ratio_low=number,
        ratio_high=number,
        is_beyond_limit=pl.col("baseline").fill_null(LIMIT) < LIMIT,
        is_reportable=pl.lit(value=True),
        reason=pl.lit(""),
    )
    ratio = pl.col("value") / pl.col("baseline")
    bounds = reported.drop_nulls(["baseline", "value"]).with_columns(
        imputation=pl.lit("none"),
        ratio_low=pl.when(pl.col("baseline") < LIMIT).then(pl.col("value") / LIMIT).otherwise(ratio),
        ratio_high=pl.when(pl.col("baseline") >= LIMIT).then(ratio),
        baseline=number,
        value=number,
    )
    return pl.concat([reported, bounds])


def rows_of_outcomes() -> pl.DataFrame:
    """Rows of int_biomarkers__outcomes, each cohort an endpoint."""
    return (
        pl.read_csv(COHORTS)
        .with_row_index("number")
        .select(
            study_id=pl.lit("trial"),
            kind=pl.lit("resting"),
            analyte_id=pl.lit("SPARC"),
            visit=pl.lit("baseline"),
            timepoint=pl.lit("month_6"),
            endpoint_id="cohort",
            participant_id=pl.format("P{}", "number"),
            arm_id="arm",
            ratio="ratio",
            landmark_days="taken_days",
            time_days=pl.col("end_days") - pl.col("taken_days"),
            is_event=pl.col("code") == 1,
            is_at_risk=pl.col("end_days") > pl.col("taken_days"),
            is_reportable=pl.lit(value=True),
            reason=pl.lit(""),
        )
    )


def digest() -> str:
    comparison = pl.DataFrame(
        {"study_id": ["trial"], "experimental": ["EX"], "control": ["HE"], "comparison_order": [1]}
    )
    table = effect(rows_of_pairs(), comparison)
    assert table["estimate"].null_count() < table.height / 10
    associations = outcome_association(rows_of_outcomes(), "half_limit")
    assert associations["hazard_ratio"].null_count() == 0
    return hashlib.sha256((table.write_json() + associations.write_json()).encode()).hexdigest()


def test_effects_on_a_machine_without_vector_instructions() -> None:
    vector_code = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    done = subprocess.run(
        [sys.executable, __file__],
        env={
            **os.environ,
            "NPY_DISABLE_CPU_FEATURES": " ".join(vector_code),
            "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX2_Usable,-FMA_Usable",
            "POLARS_MAX_THREADS": "1",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == digest()


if __name__ == "__main__":
    print(digest())
