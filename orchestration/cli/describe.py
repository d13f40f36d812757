"""`cohortmart tables` and `cohortmart contract`: what comes out, and what may go in."""

from typing import TYPE_CHECKING

import duckdb
from rich.table import Table
from rich.text import Text

from orchestration.cli.terminal import fail, terminal
from orchestration.release.read import DamagedReleaseError, NoReleaseError, find_release, reading
from orchestration.settings import Settings

if TYPE_CHECKING:
    from schemas.records import RecordType


def _table(*headers: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


def run_tables(settings: Settings, name: str | None) -> int:
    """List the tables of the current release, or describe the columns of one.

    Returns:
        Exit status: 0, or 2 when there is no release, a damaged one or no such table.
    """
    try:
        with reading(find_release(settings)) as con:
            tables = con.sql(
                "select schema_name || '.' || table_name, estimated_size, comment "
                "from duckdb_tables() order by 1"
            ).fetchall()
            columns = con.sql(
                "select schema_name || '.' || table_name, column_name, data_type, comment "
                "from duckdb_columns() order by column_index"
            ).fetchall()
    except (NoReleaseError, DamagedReleaseError, duckdb.Error) as error:
        return fail(str(error))
    console = terminal()
    if name is None:
        listing = _table("table", "rows", "what it holds")
        for table, rows, comment in tables:
            listing.add_row(table, f"{rows:,}", Text(comment))
        console.print(listing)
        return 0
    described = _table("column", "type", "what it holds")
    for table, column, data_type, comment in columns:
        if table == name:
            described.add_row(column, data_type, Text(comment))
    if not described.row_count:
        return fail(f"The release has no table {name}: `cohortmart tables` lists them.")
    console.print(described)
    return 0


# What is described beside the record types.
_STUDY_HINT = "`cohortmart contract study` lists the keys of study.yaml."
_ANALYTES_HINT = "`cohortmart contract analytes` lists the analytes with their names and units."


def run_contract(name: str | None) -> int:
    """List the record types of the input contract, the columns of one, the keys of study.yaml or analytes.

    Returns:
        Exit status: 0, or 2 when there is no such record type.
    """
    from schemas.records import RECORDS  # noqa: PLC0415

    console = terminal()
    if name is None:
        listing = _table("record type", "key", "what one row is")
        for record in RECORDS.values():
            listing.add_row(record.name, ", ".join(record.key), record.description)
        console.print(listing)
        console.print(f"\n{_STUDY_HINT}\n{_ANALYTES_HINT}", highlight=False)
    elif name == "study":
        console.print(_study_keys())
    elif name == "analytes":
        console.print(_analytes())
    elif name in RECORDS:
        console.print(_columns(RECORDS[name]))
        for rule in RECORDS[name].rules.values():
            console.print(f"rule: {rule.accepted}", markup=False, highlight=False)
        if name == "assay_results":
            console.print(_ANALYTES_HINT, highlight=False)
    else:
        return fail(f"There is no record type {name}: `cohortmart contract` lists them.")
    return 0


def _study_keys() -> Table:
    from schemas.study_keys import describe_study  # noqa: PLC0415

    keys = _table("key of study.yaml", "required", "left out", "accepted")
    for key, required, left_out, accepted in describe_study():
        keys.add_row(key, required, Text(left_out), Text(accepted))
    return keys


def _columns(record: "RecordType") -> Table:
    columns = _table("column", "required", "privacy", "accepted", "what it holds")
    for column, accepted in record.accepted.items():
        required = "yes" if column in record.required else ""
        privacy = record.privacy[column].replace("_", " ")
        columns.add_row(column, required, privacy, accepted, record.descriptions[column])
    return columns


def _analytes() -> Table:
    """Lay out the analytes: what they are called, the unit of the marts, and the units they come in."""
    from schemas.laboratory import analytes  # noqa: PLC0415

    listing = _table("analyte", "also called", "unit in the marts", "accepted units")
    for analyte in analytes().values():
        names, units = (Text(", ".join(words)) for words in (analyte.names, analyte.units))
        listing.add_row(analyte.analyte_id, names, analyte.canonical_unit, units)
    return listing
