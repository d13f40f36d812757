"""The participants that every library is timed on: one Parquet file a size, the same bytes for all."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

COLUMNS = ("arm", "stratum", "time_days", "code")
"""Arm 0 (control) or 1; stratum 0, 1 or 2; whole days; 0 censored, 1 event, 2 competing death."""

HORIZON_DAYS = 1826.25
"""Five years: the horizon of the restricted mean."""

COMPARED_DAYS = tuple(range(60, 3060, 60))
"""The fifty days on which curves of different libraries are compared."""

_SEED = 20260601
_EVENTS_A_DAY = np.array([0.9, 1.1, 1.5]) * 1e-4  # by stratum
_HAZARD_RATIO = 0.72
_COMPETING_A_DAY = 4e-5
_FOLLOW_UP_DAYS = (3 * 365, 10 * 365)  # accrual over seven years, then a data cut
_BATCH = 1_000_000
_ROW_GROUP = 122_880  # what DuckDB writes itself


def write(path: Path, size: int) -> None:
    """Write a trial of `size` participants: two arms, three strata, daily ties, one event in five.

    Events and competing deaths come at constant rates, censoring is uniform; nobody enters late.
    """
    random = np.random.default_rng(_SEED)
    with pq.ParquetWriter(path, _batch(random, 1).schema, compression="zstd") as file:
        for start in range(0, size, _BATCH):
            file.write_table(_batch(random, min(_BATCH, size - start)), row_group_size=_ROW_GROUP)


def _batch(random: np.random.Generator, size: int) -> pa.Table:
    arm = random.integers(0, 2, size)
    stratum = random.integers(0, 3, size)
    event = random.exponential(1.0 / (_EVENTS_A_DAY[stratum] * np.where(arm == 1, _HAZARD_RATIO, 1.0)))
    competing = random.exponential(1.0 / _COMPETING_A_DAY, size)
    followed = random.uniform(*_FOLLOW_UP_DAYS, size)
    time = np.minimum(np.minimum(event, competing), followed)
    code = np.select([time == event, time == competing], [1, 2], 0)
    columns = (
        arm.astype(np.int8),
        stratum.astype(np.int8),
        np.ceil(time).astype(np.int16),
        code.astype(np.int8),
    )
    return pa.table(dict(zip(COLUMNS, columns, strict=True)))


def write_for_r(cohort: Path, folder: Path) -> None:
    """Write the columns as bare 32-bit integers, the fastest thing R's `readBin` can read."""
    for column in COLUMNS:
        values = pq.read_table(cohort, columns=[column])[column]
        with (folder / f"{column}.int32").open("wb") as file:
            for chunk in _chunks(values):
                file.write(chunk.astype("<i4").tobytes())


def _chunks(values: pa.ChunkedArray) -> Iterator[np.ndarray]:
    for chunk in values.chunks:
        yield chunk.to_numpy()
