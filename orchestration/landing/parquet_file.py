"""Reading Parquet as if it were text: every value is written out, then checked like any other.

A whole number kept as a float (as pandas keeps one with gaps) and a day kept as midnight are written as
the whole number and the day they are when the contract wants one; nothing else is converted.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import dataframely as dy
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.landing.batch import RowBatch
from schemas.errors import StudyPackageError

BATCH_ROWS = 200_000
# Above this a float no longer tells every whole number from its neighbour.
_EXACT_WHOLE = 2**53
_NO_VALUES = (
    pa.types.is_nested,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
)


def read_header(path: Path, name: str) -> list[str]:
    """Read the column names of a Parquet file.

    Raises:
        StudyPackageError: the file is damaged, or a column holds lists, records or bytes.
    """
    schema = _open(path, name).schema_arrow
    nested = [
        f"{name}: column `{column.name}` holds {column.type}; accepted: text, numbers, dates, true or false"
        for column in schema
        if any(is_other(column.type) for is_other in _NO_VALUES)
    ]
    if nested:
        raise StudyPackageError(nested)
    return list(schema.names)


def read_rows(
    path: Path, name: str, contract: Mapping[str, dy.Column], batch_rows: int = BATCH_ROWS
) -> Iterator[RowBatch]:
    """Read the rows in batches of text.

    Args:
        path: the file.
        name: how messages call it.
        contract: the declared columns of the record, by name.
        batch_rows: rows of a batch; results do not depend on it.

    Raises:
        StudyPackageError: the file is damaged; page checksums are verified where the file has them.
    """
    file = _open(path, name)
    bytes_per_row = path.stat().st_size / max(file.metadata.num_rows, 1)
    line = 1
    batches = file.iter_batches(batch_size=batch_rows)
    while True:
        try:
            frame = pl.DataFrame(pl.from_arrow(next(batches)))
        except StopIteration:
            return
        except (pa.ArrowException, OSError, pl.exceptions.PolarsError) as error:
            raise _damaged(name, error) from None
        fields = frame.select(_as_text(frame[column], contract.get(column)) for column in frame.columns)
        fields = fields.select(pl.when(pl.all() != "").then(pl.all()))
        texts = fields.select(pl.concat_str(pl.all().fill_null(""), separator=",")).to_series()
        lines = pl.int_range(line, line + frame.height, eager=True)
        line += frame.height
        yield RowBatch(fields, lines, texts, [], round((line - 1) * bytes_per_row))


def _open(path: Path, name: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(name, error) from None


def _damaged(name: str, error: Exception) -> StudyPackageError:
    cause = str(error).splitlines()[0].rstrip(".")
    return StudyPackageError(
        [f"{name} is a damaged Parquet file ({cause}); accepted: the file as it was written"]
    )


def _as_text(values: pl.Series, column: dy.Column | None) -> pl.Series:
    wanted = column.dtype if column is not None else pl.String()
    if values.dtype.is_float() and wanted.is_integer():
        is_whole = (values == values.round()) & (values.abs() < _EXACT_WHOLE)
        return _either(values, is_whole, lambda v: v.cast(pl.Int64, strict=False).cast(pl.String))
    if not isinstance(values.dtype, pl.Datetime) or values.dtype.time_zone is not None:
        return values.cast(pl.String)
    if wanted == pl.Date():
        is_midnight = values == values.dt.truncate("1d")
        return _either(values, is_midnight, lambda v: v.dt.date().cast(pl.String))
    is_whole_second = values == values.dt.truncate("1s")
    return _either(values, is_whole_second, lambda v: v.dt.to_string("%Y-%m-%d %H:%M:%S"))


def _either(values: pl.Series, is_plain: pl.Series, write: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Write values plainly where that loses nothing, in full elsewhere."""
    frame = pl.DataFrame({"plain": write(values), "full": values.cast(pl.String), "is_plain": is_plain})
    chosen = pl.when(pl.col("is_plain")).then(pl.col("plain")).otherwise(pl.col("full"))
    return frame.select(chosen.alias(values.name)).to_series()
