"""Reading Parquet as if it were text: every value is written out, then checked like any other.

A whole number kept as a float (as pandas keeps one with gaps) and a day kept as midnight are written as
the whole number and the day they are when the contract wants one; nothing else is converted.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import BinaryIO

import dataframely as dy
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestration.landing.batch import RowBatch, rows_of_a_batch
from orchestration.landing.parquet_limits import bounded_footer, check_pages, damaged, refuse_a_bomb
from orchestration.landing.text_rows import MAX_ROW_BYTES
from schemas.errors import StudyPackageError

# Text of a batch; a dictionary may repeat its longest value in every row.
BATCH_BYTES = 16 << 20
# Above this a float no longer tells every whole number from its neighbour.
_EXACT_WHOLE = 2**53
# 0001-01-01 and 9999-12-31 in days since 1970.
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
_VALUES = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal128,
    pa.types.is_boolean,
    pa.types.is_date,
    pa.types.is_timestamp,
    pa.types.is_null,
)
_DAMAGE = (pa.ArrowException, OSError, UnicodeDecodeError, pl.exceptions.PolarsError)


def read_header(file: BinaryIO, name: str) -> list[str]:
    """Read the column names of a Parquet file.

    Raises:
        StudyPackageError: the file is damaged or made to fill the memory, or a column holds lists, records
            or bytes.
    """
    bounded_footer(file, name)
    schema = _open(file, name).schema_arrow
    others = [
        f"{name}: column `{column.name}` holds {str(column.type)[:80]};"
        " accepted: text, numbers, dates, true or false"
        for column in schema
        if not _is_value(column.type)
    ]
    if others:
        raise StudyPackageError(others)
    return list(schema.names)


def read_rows(
    file: BinaryIO, name: str, contract: Mapping[str, dy.Column], batch_rows: int = 0
) -> Iterator[RowBatch]:
    """Read the rows in batches of text.

    Args:
        file: the file.
        name: how messages call it.
        contract: the declared columns of the record, by name.
        batch_rows: rows of a batch at most, 0 for as many as fit; results do not depend on it.

    Raises:
        StudyPackageError: the file is damaged (page checksums are verified where the file has them), or
            unpacks to more than it may.
    """
    footer = bounded_footer(file, name)
    check_pages(file, name, footer)
    n_bytes = file.seek(0, 2)
    source = _open(file, name)
    bytes_per_row = n_bytes / max(source.metadata.num_rows, 1)
    line, n_unpacked = 1, 0
    batches = source.iter_batches(batch_size=batch_rows or rows_of_a_batch(len(source.schema_arrow)))
    while True:
        try:
            batch = next(batches)
            batch.validate(full=True)
            parts = _of_bounded_text(batch, name, line)
        except StopIteration:
            return
        except _DAMAGE as error:
            raise _damaged(name, error) from None
        for begin, end in parts:
            fields, texts = _text_of(batch.slice(begin, end - begin), name, contract)
            n_unpacked += int(texts.str.len_bytes().sum()) + fields.height
            refuse_a_bomb(n_unpacked, n_bytes, name)
            lines = pl.int_range(line, line + fields.height, eager=True)
            line += fields.height
            yield RowBatch(fields, lines, texts, [], round((line - 1) * bytes_per_row))


def _text_of(
    batch: pa.RecordBatch, name: str, contract: Mapping[str, dy.Column]
) -> tuple[pl.DataFrame, pl.Series]:
    """Write the values of a batch as text, and its rows."""
    try:
        frame = pl.DataFrame(pl.from_arrow(_written_out(batch)))
        fields = frame.select(_as_text(frame[column], contract.get(column)) for column in frame.columns)
    except _DAMAGE as error:
        raise _damaged(name, error) from None
    fields = fields.select(pl.when(pl.all() != "").then(pl.all()))
    return fields, fields.select(pl.concat_str(pl.all().fill_null(""), separator=",")).to_series()


def _of_bounded_text(batch: pa.RecordBatch, name: str, first_row: int) -> list[tuple[int, int]]:
    """Divide a batch so that no part has more text than `BATCH_BYTES`, dictionaries written out.

    Returns:
        First row and row behind the last of each part, counted within the batch.

    Raises:
        StudyPackageError: a row has more text than a row may have.
    """
    n_bytes = pa.array([0] * batch.num_rows, pa.int64())
    for column in batch.columns:
        lengths = _text_lengths(column)
        n_bytes = pc.add(n_bytes, lengths) if lengths is not None else n_bytes
    row_bytes = n_bytes.to_numpy()
    too_long = (row_bytes > MAX_ROW_BYTES).nonzero()[0]
    if len(too_long):
        raise StudyPackageError(
            [f"{name} row {first_row + int(too_long[0])} is longer than {MAX_ROW_BYTES:,} bytes of text"]
        )
    sums = row_bytes.cumsum()
    parts, begin = [], 0
    while begin < batch.num_rows:
        so_far = int(sums[begin - 1]) if begin else 0
        end = max(begin + 1, int(sums.searchsorted(so_far + BATCH_BYTES, side="right")))
        parts.append((begin, end))
        begin = end
    return parts


def _text_lengths(column: pa.Array) -> pa.Array | None:
    """Return the bytes of text in each row of a column; none when it holds no text."""
    if pa.types.is_dictionary(column.type):
        lengths = _text_lengths(column.dictionary)
        taken = pc.take(lengths, column.indices) if lengths is not None else None
        return pc.fill_null(taken, 0) if taken is not None else None
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return pc.fill_null(pc.binary_length(column).cast(pa.int64()), 0)
    return None


def _written_out(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Replace positions in a dictionary by what stands there."""
    columns = [
        column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _is_value(data_type: pa.DataType) -> bool:
    if isinstance(data_type, pa.BaseExtensionType):
        return False
    if pa.types.is_dictionary(data_type):
        return _is_value(data_type.value_type) and not pa.types.is_dictionary(data_type.value_type)
    return any(is_value(data_type) for is_value in _VALUES)


def _open(file: BinaryIO, name: str) -> pq.ParquetFile:
    """Open a file so that text comes as positions in a dictionary, and pages one after the other."""
    opened = partial(pq.ParquetFile, pre_buffer=False, buffer_size=1 << 20, page_checksum_verification=True)
    try:
        texts = [
            column.name
            for column in opened(file).schema_arrow
            if pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        ]
        return opened(file, read_dictionary=texts)
    except _DAMAGE as error:
        raise _damaged(name, error) from None


def _damaged(name: str, error: Exception) -> StudyPackageError:
    if isinstance(error, OSError) and error.errno:
        raise error
    lines = str(error).splitlines() or [type(error).__name__]
    return damaged(name, lines[0].rstrip(".")[:300])


def _as_text(values: pl.Series, column: dy.Column | None) -> pl.Series:
    """Write values as text; days and times that no calendar has as the number that stands in the file."""
    if not isinstance(values.dtype, (pl.Date, pl.Datetime)):
        return _sound_as_text(values, column)
    stored = values.to_physical()
    low, high = _calendar(values.dtype)
    is_outside = (stored < low) | (stored > high)
    if not is_outside.any():
        return _sound_as_text(values, column)
    frame = pl.DataFrame({"values": values, "stored": stored, "is_outside": is_outside})
    sound = frame.select(pl.when(~pl.col("is_outside")).then("values").alias(values.name)).to_series()
    frame = frame.with_columns(text=_sound_as_text(sound, column))
    text = pl.when("is_outside").then(pl.col("stored").cast(pl.String)).otherwise("text")
    return frame.select(text.alias(values.name)).to_series()


def _calendar(data_type: pl.DataType) -> tuple[int, int]:
    """Return the first and last value of a type of time that can be written."""
    if not isinstance(data_type, pl.Datetime):
        return _FIRST_DAY, _LAST_DAY
    units_a_day = 86_400 * {"ms": 10**3, "us": 10**6, "ns": 10**9}[data_type.time_unit]
    # Away from the very first and last day, which another time zone or rounding may leave.
    low, high = (_FIRST_DAY + 1) * units_a_day, _LAST_DAY * units_a_day - 1
    return max(low, units_a_day - 2**63), min(high, 2**63 - units_a_day)


def _sound_as_text(values: pl.Series, column: dy.Column | None) -> pl.Series:
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
