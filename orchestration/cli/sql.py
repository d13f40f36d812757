"""`cohortmart sql`: read the current release."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from orchestration.cli.terminal import fail, terminal
from orchestration.release.read import DamagedReleaseError, NoReleaseError, Release, find_release, reading
from orchestration.settings import Settings
from schemas.plain_text import plain

SHOWN_ROWS = 200
FORMATS_BY_SUFFIX = {".csv": "csv", ".json": "json", ".parquet": "parquet"}
_FLAT = ("csv", "table")


class UnwritableTypeError(Exception):
    """The answer has a column of a type that the chosen format does not know."""


def run_sql(settings: Settings, query: str, output_format: str | None, output: Path | None) -> int:
    """Run one query on the current release and write its answer.

    Args:
        settings: the warehouse.
        query: one SQL statement.
        output_format: table, csv, json or parquet; by default what the file's name says, else a table.
        output: the file to write; standard output when None.

    Returns:
        Exit status: 0, or 2 when there is no release or a damaged one, the query cannot be run or the file
        not written.
    """
    try:
        release = find_release(settings)
    except (NoReleaseError, DamagedReleaseError) as error:
        return fail(str(error))
    chosen = output_format or (FORMATS_BY_SUFFIX.get(output.suffix, "table") if output else "table")
    if chosen == "parquet" and output is None:
        return fail("Parquet is binary: name a file with --output FILE.")
    try:
        answer = _ask(release, query)
    except (DamagedReleaseError, duckdb.Error, ValueError) as error:
        return fail(str(error))
    try:
        _write(_as_the_format_holds(answer, chosen), chosen, output)
    except (pa.ArrowException, UnwritableTypeError) as error:
        return fail(f"{chosen} cannot hold a column of the answer ({error}): cast it to text.")
    except OSError as error:
        return fail(f"{output} cannot be written: {error.strerror}.")
    return 0


def _ask(release: Release, query: str) -> pa.Table:
    with reading(release, {"enable_external_access": "false"}) as con:
        statements = con.extract_statements(query)
        if len(statements) != 1:
            raise ValueError(f"The query holds {len(statements)} statements: one is answered.")
        answer = con.execute(statements[0]).to_arrow_table()
    if twice := {name for name in answer.column_names if answer.column_names.count(name) > 1}:
        raise ValueError(f"Two columns are called {', '.join(sorted(twice))}: rename one with `as`.")
    return _with_plain_integers(answer)


def _with_plain_integers(answer: pa.Table) -> pa.Table:
    """Give sums of integers, which DuckDB counts in 128 bits, as 64-bit integers where they fit."""
    for position, field in enumerate(answer.schema):
        if pa.types.is_decimal(field.type) and field.type.scale == 0:
            try:
                column = answer.column(position).cast(pa.int64())
            except pa.ArrowInvalid:
                continue
            answer = answer.set_column(position, field.name, column)
    return answer


def _as_the_format_holds(answer: pa.Table, output_format: str) -> pa.Table:
    """Give what a format has no values for as text: nested values as JSON, others as DuckDB writes them."""
    texts = {}
    for position, field in enumerate(answer.schema):
        name = '"' + field.name.replace('"', '""') + '"'
        parts = list(_types_within(field.type))
        is_unusual = any(_is_unusual(part, output_format) for part in parts)
        if len(parts) > 1 and (is_unusual or output_format in _FLAT):
            texts[position] = f"cast(to_json({name}) as varchar)"
        elif is_unusual:
            texts[position] = f"cast({name} as varchar)"
    if not texts:
        return answer
    with duckdb.connect() as con:
        con.register("answer", answer)
        columns = con.sql(f"select {', '.join(f'{text} as c{n}' for n, text in texts.items())} from answer")
        written = columns.to_arrow_table()
    for position, column in zip(texts, written.columns, strict=True):
        answer = answer.set_column(position, answer.schema.names[position], column)
    return answer


def _types_within(data_type: pa.DataType) -> Iterator[pa.DataType]:
    """Yield a type and those nested in it, at any depth."""
    yield data_type
    for position in range(data_type.num_fields):
        yield from _types_within(data_type.field(position).type)


def _is_unusual(data_type: pa.DataType, output_format: str) -> bool:
    """Whether the writer of a format fails on a type."""
    if pa.types.is_union(data_type) or pa.types.is_interval(data_type):
        return True
    return output_format != "parquet" and (
        pa.types.is_binary(data_type) or pa.types.is_large_binary(data_type)
    )


def _write(answer: pa.Table, output_format: str, output: Path | None) -> None:
    if output_format == "parquet":
        pq.write_table(answer, output)
        return
    if output_format == "table" and output is None:
        _print(answer)
        return
    text = _text(answer, output_format)
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")


def _text(answer: pa.Table, output_format: str) -> str:
    # Polars writes floats so that they read back as they were; importing it for a table would be waste.
    import polars as pl  # noqa: PLC0415

    try:
        frame = pl.DataFrame(answer)
    except pl.exceptions.PolarsError as error:
        raise UnwritableTypeError(str(error).partition(".")[0]) from error
    if output_format == "csv":
        return frame.write_csv()
    if output_format == "json":
        return frame.write_json() + "\n"
    console = Console(width=1000, file=io.StringIO())
    with console.capture() as captured:
        console.print(_table(answer))
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def _print(answer: pa.Table) -> None:
    console = terminal()
    shown = answer.slice(0, SHOWN_ROWS)
    table = _table(shown)
    if Measurement.get(console, console.options.update(width=10_000), table).maximum <= console.width:
        console.print(table)
    else:
        _print_records(shown, console)
    if answer.num_rows > SHOWN_ROWS:
        console.print(
            f"{SHOWN_ROWS} of {answer.num_rows:,} rows shown; `--format csv` writes all.", highlight=False
        )


def _print_records(answer: pa.Table, console: Console) -> None:
    """Print rows too wide for the terminal as blocks, a line for each column."""
    width = max(map(len, answer.column_names))
    for number, row in enumerate(answer.to_pylist(), start=1):
        console.print(f"row {number}", style="bold", highlight=False)
        for name, value in row.items():
            console.print(f"  {name:<{width}}  {_cell(value)}", markup=False, highlight=False)


def _table(answer: pa.Table) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for field in answer.schema:
        is_number = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
        table.add_column(Text(field.name), justify="right" if is_number else "left", no_wrap=True)
    for row in zip(*(column.to_pylist() for column in answer.columns), strict=True):
        table.add_row(*(Text(_cell(value)) for value in row))
    return table


def _cell(value: object) -> str:
    return "" if value is None else plain(str(value))
