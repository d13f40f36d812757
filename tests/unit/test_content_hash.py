"""The content hash tells whether two tables say the same."""

from dataclasses import replace

import duckdb
import pytest

from orchestration.catalogue import Column, Table
from orchestration.release.content_hash import content_hash
from schemas.privacy import Privacy

TABLE = Table(
    schema="main",
    name="visit",
    grain="one row per visit",
    key=("visit_id",),
    description="",
    columns=tuple(
        Column(name, data_type, "", nullable=True, privacy=Privacy.NEITHER)
        for name, data_type in (
            ("visit_id", "VARCHAR"),
            ("note", "VARCHAR"),
            ("weight_kg", "DOUBLE"),
            ("source_line", "BIGINT"),
        )
    ),
)

ROWS = [("a", "x", 70.5, 1), ("b", None, 0.1, 2), ("c", "", None, 3)]


def _hash(rows, table=TABLE):
    with duckdb.connect() as con:
        con.execute(
            "create table visit (visit_id varchar, note varchar, weight_kg double, source_line bigint)"
        )
        for row in rows:
            con.execute("insert into visit values (?, ?, ?, ?)", row)
        return content_hash(con, table)


def test_row_order_does_not_matter():
    assert _hash(ROWS) == _hash(ROWS[::-1])


def test_the_line_a_row_stood_on_does_not_matter():
    assert _hash(ROWS) == _hash([(*row[:3], 100 + row[3]) for row in ROWS])


@pytest.mark.parametrize(
    "changed",
    [
        [("a", "x", 70.5, 1), ("b", None, 0.1, 2)],
        [*ROWS, ROWS[0]],
        [*ROWS, ROWS[0], ROWS[0]],
        [("a", "x", 70.50000000000001, 1), *ROWS[1:]],
        [ROWS[0], ("b", "", 0.1, 2), ROWS[2]],
        [("ax", "", 70.5, 1), *ROWS[1:]],
    ],
    ids=[
        "row gone",
        "row twice",
        "row thrice",
        "last bit",
        "missing made empty",
        "text moved over",
    ],
)
def test_any_other_change_does(changed):
    assert _hash(changed)[1] != _hash(ROWS)[1]


def test_an_empty_table_has_a_hash():
    rows, digest = _hash([])
    assert rows == 0
    assert len(digest) == 64


def test_a_sentence_that_names_the_line_of_another_row_does_not_matter():
    told = replace(TABLE.columns[1], names_places=True)
    table = replace(TABLE, columns=(TABLE.columns[0], told, *TABLE.columns[2:]))
    moved = [("a", "twice: a.csv line 5", 70.5, 1)], [("a", "twice: a.csv line 9", 70.5, 1)]
    assert _hash(moved[0], table) == _hash(moved[1], table)
    assert _hash(moved[0]) != _hash(moved[1])
