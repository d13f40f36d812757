"""The Moertel trial's estimates have the same bits whatever the processor offers.

numpy and the C library pick their code by processor; here they are told to do without vector and
fused instructions, as an older machine would.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl

from transforms.estimators import tables


def digests(risk_table: pl.DataFrame) -> list[str]:
    study = risk_table.select("study_id").unique()
    comparison = study.with_columns(
        experimental=pl.lit("LEV5FU"), control=pl.lit("OBS"), comparison_order=pl.lit(1)
    )
    frames = [
        tables.curve(risk_table),
        tables.landmark(risk_table, study.with_columns(landmark_years=pl.lit(5.0))),
        tables.summary(risk_table, study.with_columns(rmst_years=pl.lit(5.0))),
        tables.cumulative_incidence(risk_table),
        tables.treatment_effect(risk_table, comparison),
    ]
    return [hashlib.sha256(frame.write_json().encode()).hexdigest() for frame in frames]


def test_estimates_on_a_machine_without_vector_instructions(
    moertel_risk_table: pl.DataFrame, tmp_path: Path
) -> None:
    table = tmp_path / "risk_table.parquet"
    moertel_risk_table.write_parquet(table)
    vector_code = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    done = subprocess.run(
        [sys.executable, __file__, str(table)],
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
    assert done.stdout.split() == digests(moertel_risk_table)


if __name__ == "__main__":
    print(*digests(pl.read_parquet(sys.argv[1])), sep="\n")
