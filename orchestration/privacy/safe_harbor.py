"""The safe-harbor profile: rows about participants without identifiers (45 CFR 164.514(b)(2)).

What becomes of a column follows from its tag and type (`treatment`). Identifiers become numbers that are
drawn at random for one export and kept nowhere; of all dates one year is left, that of day 0; everything
else is counted in days from there. Two things would still give a date away, and are mended:

- Who was followed to the data cutoff has a time that ends on a known day. So everybody's follow-up is cut
  where it would end for somebody who started on the last day of the same year. That is an earlier cutoff
  which depends on the year alone, so no estimate is biased by it.
- An age below 90 and a time since then may add up to more than 89. Such a participant is counted among
  those who are 90 or older, for whom no year is given. Their cut is that of the study's last year, as the
  cut of their own would tell it.
"""

import secrets
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pyarrow as pa

from orchestration.privacy import follow_up, visit_names
from orchestration.privacy.export_folder import ROWS_PER_GROUP, ExportedTable, write_parquet
from orchestration.privacy.released_tables import (
    ReleasedColumn,
    ReleasedTable,
    choose_studies,
    known_identifiers,
)
from orchestration.privacy.treatment import AGE, INDEX_DATES, NAMES_OF_VISITS, Treatment, treatment

POOLED_AGE = 90
INDEX_YEAR = "index_year"
_KEPT = {Treatment.KEEP, Treatment.IDENTIFIER, Treatment.INDEX_YEAR, Treatment.AGE, Treatment.INTERVAL}


def write_safe_harbor(
    con: duckdb.DuckDBPyConnection, tables: Iterable[ReleasedTable], study_ids: list[str], folder: Path
) -> dict[str, ExportedTable]:
    """Write every table about participants without what identifies them.

    Args:
        con: the database of a release.
        tables: those of its tables that are about participants.
        study_ids: the studies to write.
        folder: where.

    Returns:
        What was written, by table.
    """
    tables = list(tables)
    choose_studies(con, study_ids)
    _make_participants(con, tables)
    visit_names.make_numbers(con, tables)
    identifiers = {c.name for t in tables for c in t.columns if treatment(c) is Treatment.IDENTIFIER}
    for name in sorted(identifiers):
        _make_numbers(con, name, tables)
    written = {}
    for table in tables:
        batches = con.execute(_select(table)).to_arrow_reader(ROWS_PER_GROUP)
        rows = write_parquet(folder, table.name, batches)
        written[table.name] = ExportedTable(rows, _changed(table), _left_out(table))
    return written


def _make_participants(con: duckdb.DuckDBPyConnection, tables: list[ReleasedTable]) -> None:
    """Make temp.person: of everybody the year of day 0, the day of the cut, and whether 90 or older."""
    index_dates = " union all ".join(
        f"select study_id, participant_id, {name} as index_date from {table.name}"
        for table in tables
        for name in INDEX_DATES
        if table.has("study_id", "participant_id", name)
    )
    ages = " union all ".join(
        f"select study_id, participant_id, {AGE} from {table.name}"
        for table in tables
        if table.has("study_id", "participant_id", AGE)
    )
    times = " union all ".join(
        f'select study_id, participant_id, "{column.name}" as days from {table.name}'
        for table in tables
        for column in table.columns
        if treatment(column) is Treatment.INTERVAL and table.has("participant_id")
    )
    nobody = "select null::varchar as study_id, null::varchar as participant_id, null as {} where false"
    con.execute(
        f"""
        create or replace temp table person as
        with started as (
            select study_id, participant_id, min(index_date) as index_date
            from ({index_dates or nobody.format("index_date")}) group by all
        ),
        aged as (
            select study_id, participant_id, floor(max({AGE})) as age
            from ({ages or nobody.format(AGE)}) group by all
        ),
        cut as (
            select
                study_id, participant_id, year(index_date) as year,
                -- Dates from a made-up origin tell nothing that a cut could hide.
                case when not study.nominal_dates
                    then greatest(study.data_cutoff - make_date(year(index_date), 12, 31), 0) end as cut_days,
            from started inner join reference.study as study using (study_id)
        ),
        longest as (
            select study_id, participant_id, max(least(days, coalesce(cut_days, days))) as days
            from ({times or nobody.format("days")}) inner join cut using (study_id, participant_id)
            group by all
        )
        select
            study_id, participant_id, year, age,
            -- Whoever is said to be 85 may be nearly 86.
            coalesce(age >= {POOLED_AGE} or age + 1 + days / 365.25 > {POOLED_AGE}, false) as is_pooled,
            -- Every year has its cut, so a cut of their own year would tell a year that is withheld.
            case when is_pooled then min(cut_days) over (partition by study_id) else cut_days end as cut_days,
        from cut
        left join aged using (study_id, participant_id)
        left join longest using (study_id, participant_id)
        where study_id in (from chosen_study)
        """
    )


def _make_numbers(con: duckdb.DuckDBPyConnection, identifier: str, tables: list[ReleasedTable]) -> None:
    """Make temp.number_<identifier>: for each identifier of a kind a number that nobody can foretell."""
    known = known_identifiers(con, identifier, tables)
    numbers = list(range(1, known.num_rows + 1))
    secrets.SystemRandom().shuffle(numbers)
    con.register("drawn", known.append_column("number", pa.array(numbers, pa.int64())))
    con.execute(f"create or replace temp table number_{identifier} as from drawn")
    con.unregister("drawn")


def _select(table: ReleasedTable) -> str:
    """SQL for what is left of a table, in an order that tells nothing."""
    columns, order, joins = [], [], visit_names.joins(table)
    for column in table.columns:
        if treatment(column) is Treatment.IDENTIFIER:
            source = f"number_{column.name}"
            joins.append(
                f"left join {source} on {source}.study_id = t.study_id "
                f"and {source}.{column.name} = t.{column.name}"
            )
            order.append(f"{source}.number")
        if treatment(column) in _KEPT:
            columns.append(f'{_expression(table, column)} as "{exported_name(column)}"')
    # Numbers first: ids of rows that were written together must not stay together.
    order = [*order, *(str(place + 1) for place in range(len(columns)))]
    return f"""
        select {", ".join(columns)}
        from {table.name} as t
        inner join person as p on p.study_id = t.study_id and p.participant_id = t.participant_id
        {" ".join(joins)}
        where {follow_up.rows_kept(table)}
        order by t.study_id, {", ".join(order)}
    """


def _expression(table: ReleasedTable, column: ReleasedColumn) -> str:
    if column.name in NAMES_OF_VISITS:
        return visit_names.name(column.name)
    expressions = {
        Treatment.IDENTIFIER: f"number_{column.name}.number",
        Treatment.INDEX_YEAR: "case when not p.is_pooled then p.year end",
        Treatment.AGE: f"case when p.is_pooled then {POOLED_AGE} else p.age end::bigint",
        Treatment.INTERVAL: follow_up.interval(column.name),
    }
    kept = follow_up.ending(table, column.name) or f't."{column.name}"'
    return expressions.get(treatment(column), kept)


def exported_name(column: ReleasedColumn) -> str:
    """What a column is called in the export: what it holds."""
    match treatment(column):
        case Treatment.IDENTIFIER:
            return column.name.removesuffix("_id") + "_number"
        case Treatment.INDEX_YEAR:
            return INDEX_YEAR
    return column.name


def _changed(table: ReleasedTable) -> dict[str, str]:
    says = {
        Treatment.IDENTIFIER: "a number drawn at random for this export, the same in all its tables",
        Treatment.INDEX_YEAR: "the year of day 0; empty for who is 90 or older, or becomes so",
        Treatment.AGE: "whole years; 90 = 90 or older, at day 0 or by the end of the participant's times",
        Treatment.INTERVAL: "days; none is longer than from 31 December of the index year to the data cutoff"
        " (of the study's last index year, for who is 90 or older)",
    }
    changed = {exported_name(c): says[treatment(c)] for c in table.columns if treatment(c) in says}
    return changed | {c.name: visit_names.SAYS for c in table.columns if c.name in NAMES_OF_VISITS}


def _left_out(table: ReleasedTable) -> dict[str, str]:
    return {c.name: treatment(c).value for c in table.columns if treatment(c) not in _KEPT}
