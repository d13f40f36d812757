"""`cohortmart sql`: read the current release."""

import sys
from pathlib import Path

import duckdb
import polars as pl
from rich.console import Console
from rich.table import Table

from orchestration.cli.terminal import fail, terminal
from orchestration.settings import Settings

SHOWN_ROWS = 200


def run_sql(settings: Settings, query: str, output_format: str, output: Path | None) -> int:
    """Run one query on the current release and write its answer.

    Returns:
        Exit status: 0, or 2 when there is no release or the query cannot be run.
    """
    database = settings.current / "cohortmart.duckdb"
    if not database.exists():
        return fail(f"There is no release in {settings.home} yet: run `cohortmart build` first.")
    if output_format == "parquet" and output is None:
        return fail("Parquet is binary: name a file with --output FILE.")
    # Resolved, so that the release stays the same one while it is read.
    con = duckdb.connect(database.resolve(), read_only=True, config={"enable_external_access": "false"})
    try:
        answer = con.execute(query).to_arrow_table()
    except duckdb.Error as error:
        return fail(str(error))
    finally:
        con.close()
    frame = pl.from_arrow(answer)
    assert isinstance(frame, pl.DataFrame)
    _write(frame, output_format, output)
    return 0


def _write(frame: pl.DataFrame, output_format: str, output: Path | None) -> None:
    match output_format:
        case "csv":
            text = frame.write_csv()
        case "json":
            text = frame.write_json() + "\n"
        case "parquet":
            assert output is not None
            frame.write_parquet(output)
            return
        case _:
            if output is None:
                _print_table(frame)
                return
            with output.open("w", encoding="utf-8") as file:
                Console(file=file, width=400).print(_rich_table(frame, frame.height))
            return
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")


def _print_table(frame: pl.DataFrame) -> None:
    console = terminal()
    console.print(_rich_table(frame, SHOWN_ROWS))
    if frame.height > SHOWN_ROWS:
        console.print(
            f"{SHOWN_ROWS} of {frame.height:,} rows shown; `--format csv` writes all.",
            highlight=False,
        )


def _rich_table(frame: pl.DataFrame, rows: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, dtype in frame.schema.items():
        table.add_column(name, justify="right" if dtype.is_numeric() else "left", overflow="fold")
    for row in frame.head(rows).iter_rows():
        table.add_row(*("" if value is None else str(value) for value in row))
    return table
