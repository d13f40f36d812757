"""Estimates have the same bits whatever the processor offers: the Moertel trial's, and with delayed entry.

numpy and the C library pick their code by processor; here they are told to do without vector and
fused instructions, as an older machine would.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from transforms.estimators import competing_tables, effect_tables, survival_tables

COHORTS = Path(__file__).parent / "data" / "competing_risks_cohorts.csv"
DELAYED_ENTRY = ("delayed_risk_table", "delayed_stays")
FRAMES = ("risk_table", "strata", "subgroup_table", "adjustment_stays", "adjustment_patterns")


def digests(folder: Path) -> list[str]:
    risk_table, *frames = (pl.read_parquet(folder / f"{name}.parquet") for name in FRAMES)
    late_risk_table, late_stays = (pl.read_parquet(folder / f"{name}.parquet") for name in DELAYED_ENTRY)
    study = risk_table.select("study_id").unique()
    comparison = study.with_columns(
        experimental=pl.lit("LEV5FU"), control=pl.lit("OBS"), comparison_order=pl.lit(1)
    )
    landmark = study.with_columns(landmark_years=pl.lit(5.0))
    horizon = study.with_columns(rmst_years=pl.lit(5.0))
    made = [
        survival_tables.curve(risk_table),
        survival_tables.landmark(risk_table, landmark),
        survival_tables.landmark_difference(risk_table, landmark, comparison),
        survival_tables.summary(risk_table, horizon),
        survival_tables.rmst_difference(risk_table, horizon, comparison),
        competing_tables.cumulative_incidence(risk_table),
        competing_tables.cumulative_incidence(late_risk_table, late_stays),
        effect_tables.treatment_effect(risk_table, comparison, **dict(zip(FRAMES[1:], frames, strict=True))),
    ]
    return [hashlib.sha256(frame.write_json().encode()).hexdigest() for frame in made]


def test_estimates_on_a_machine_without_vector_instructions(
    *,
    moertel: pl.DataFrame,
    moertel_risk_table: pl.DataFrame,
    model_frames_of: Callable[..., dict[str, pl.DataFrame]],
    risk_table_of: Callable[[pl.DataFrame], pl.DataFrame],
    delayed_stays_of: Callable[[pl.DataFrame], pl.DataFrame],
    tmp_path: Path,
) -> None:
    frames = model_frames_of(
        moertel,
        strata=["extent", "node4"],
        subgroups=["sex", "differ"],
        adjustment={"age": "continuous", "extent": "categorical", "differ": "categorical"},
    )
    late = pl.read_csv(COHORTS).filter(cohort="delayed3").select(pl.all().repeat_by("n").explode())
    late = late.rename({"cohort": "endpoint_id", "arm": "arm_id"}).with_columns(stratum=pl.lit(""))
    frames["delayed_risk_table"], frames["delayed_stays"] = risk_table_of(late), delayed_stays_of(late)
    for name, frame in {"risk_table": moertel_risk_table, **frames}.items():
        frame.write_parquet(tmp_path / f"{name}.parquet")
    vector_code = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    done = subprocess.run(
        [sys.executable, __file__, str(tmp_path)],
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
    assert done.stdout.split() == digests(tmp_path)


if __name__ == "__main__":
    print(*digests(Path(sys.argv[1])), sep="\n")
