"""A hash of what a table says, whatever the order of its rows and the file it lies in."""

import hashlib
from collections.abc import Collection, Iterable, Mapping

import duckdb

from orchestration.catalogue import PROVENANCE_COLUMNS, Table


def _row_text(names: Iterable[str]) -> str:
    """SQL for one row as unambiguous text: every value with its length, null as a bare colon."""
    parts = [
        f"coalesce(length(\"{name}\"::varchar)::varchar || ':' || \"{name}\"::varchar, ':')" for name in names
    ]
    return " || ".join(parts)


def content_hash(con: duckdb.DuckDBPyConnection, table: Table) -> tuple[int, str]:
    """Count and hash the rows of a declared table; see `rows_hash`."""
    left_out = [c.name for c in table.columns if c.is_provenance]
    return rows_hash(con, table.full_name, {c.name: c.data_type for c in table.columns}, left_out)


def rows_hash(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    columns: Mapping[str, str],
    left_out: Collection[str] = PROVENANCE_COLUMNS,
) -> tuple[int, str]:
    """Count and hash the rows of a relation.

    Args:
        con: where the relation is.
        relation: as SQL names it.
        columns: the declared columns and their types, in order.
        left_out: columns of provenance, whose values do not count.

    The md5 of every row is combined by two sums, which no order of rows, threads or storage changes
    and which, unlike exclusive or, two equal rows do not cancel. Names and
    types of all declared columns count.

    Returns:
        Number of rows, and 64 hexadecimal digits.
    """
    row = con.execute(
        f"""
        select
            count(*),
            coalesce(sum(md5_number_lower(line)::hugeint), 0)::varchar,
            coalesce(sum(md5_number_upper(line)::hugeint), 0)::varchar,
        from (select {_row_text(n for n in columns if n not in left_out)} as line from {relation})
        """
    ).fetchone()
    assert row is not None  # an aggregate without groups always gives a row
    rows, low, high = row
    declared = " ".join(f"{name}:{data_type}" for name, data_type in columns.items())
    return rows, hashlib.sha256(f"{declared} {rows} {low} {high}".encode()).hexdigest()


def release_hash(tables: Mapping[str, str]) -> str:
    """Hash the content of a release, given the content hash of each of its tables by full name."""
    text = "".join(f"{name} {digest}\n" for name, digest in sorted(tables.items()))
    return hashlib.sha256(text.encode()).hexdigest()
