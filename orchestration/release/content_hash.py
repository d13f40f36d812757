"""A hash of what a table says, whatever the order of its rows and the file it lies in."""

import duckdb

from orchestration.catalogue import PROVENANCE_COLUMNS, Table


def _row_text(table: Table) -> str:
    """SQL for one row as unambiguous text: every value with its length, null as a bare colon."""
    parts = [
        f"coalesce(length(\"{c.name}\"::varchar)::varchar || ':' || \"{c.name}\"::varchar, ':')"
        for c in table.columns
        if c.name not in PROVENANCE_COLUMNS
    ]
    return " || ".join(parts)


def content_hash(con: duckdb.DuckDBPyConnection, table: Table) -> tuple[int, str]:
    """Count and hash the rows of a table.

    The md5 of every row is combined by two sums, which no order of rows, threads or storage changes
    and which, unlike exclusive or, two equal rows do not cancel. Columns of provenance are left out; names
    and types of the declared columns count.

    Returns:
        Number of rows, and 64 hexadecimal digits.
    """
    row = con.execute(
        f"""
        select
            count(*),
            coalesce(sum(md5_number_lower(line)::hugeint), 0)::varchar,
            coalesce(sum(md5_number_upper(line)::hugeint), 0)::varchar,
        from (select {_row_text(table)} as line from {table.full_name})
        """
    ).fetchone()
    assert row is not None  # an aggregate without groups always gives a row
    rows, low, high = row
    columns = " ".join(f"{c.name}:{c.data_type}" for c in table.columns)
    digest = con.execute("select sha256(?)", [f"{columns} {rows} {low} {high}"]).fetchone()
    assert digest is not None
    return rows, digest[0]
