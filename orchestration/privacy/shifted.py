"""The shifted profile: pseudonyms, and every date of a participant moved by the same secret number of days.

This is not Safe Harbor: dates are left, though false ones. Intervals stay true. The number of days follows
from the key and the pseudonym, so it is the same in every export and no mapping is kept.

A date on the data cutoff would give the shift away, for everybody knows the cutoff. Who has one keeps
intervals and loses all dates: dropping only the last date would not help, as the first date and the time
lead to it.
"""

import hmac
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pyarrow as pa
from pydantic import SecretStr

from orchestration.privacy.export_folder import ROWS_PER_GROUP, ExportedTable, write_parquet
from orchestration.privacy.pseudonyms import is_pseudonym, pseudonym
from orchestration.privacy.released_tables import ReleasedColumn, ReleasedTable
from orchestration.privacy.treatment import Treatment, treatment, without_dates

LARGEST_SHIFT_DAYS = 364
# No column of the contract is called so: a shift has nothing in common with any pseudonym.
_DOMAIN = b"days a date is shifted by"
_DATES = {Treatment.INDEX_YEAR, Treatment.DATE}
_LEFT_OUT = {
    Treatment.PROVENANCE,
    Treatment.FREE_TEXT,
    Treatment.OTHER_IDENTIFIER,
    Treatment.UNDECLARED_TEXT,
}


def shift_days(key: SecretStr, study_id: str, participant: str) -> int:
    """Return the days by which the dates of a participant are moved: -364 to 364, and never 0.

    Args:
        key: the key of the warehouse.
        study_id: the study.
        participant: the pseudonym of the participant.
    """
    secret = key.get_secret_value().encode("utf-8", "surrogateescape")
    digest = hmac.digest(secret, b"\0".join((study_id.encode(), _DOMAIN, participant.encode())), "sha256")
    # Of 256 bits, the remainder is even to one part in 10^74.
    place = int.from_bytes(digest) % (2 * LARGEST_SHIFT_DAYS)
    return place - LARGEST_SHIFT_DAYS if place < LARGEST_SHIFT_DAYS else place - LARGEST_SHIFT_DAYS + 1


def write_shifted(
    con: duckdb.DuckDBPyConnection,
    tables: Iterable[ReleasedTable],
    study_ids: list[str],
    folder: Path,
    key: SecretStr,
) -> dict[str, ExportedTable]:
    """Write every table about participants with pseudonyms and shifted dates.

    Args:
        con: the database of a release.
        tables: those of its tables that are about participants.
        study_ids: the studies to write.
        folder: where.
        key: the key of the warehouse.

    Returns:
        What was written, by table.
    """
    tables = list(tables)
    con.execute("create or replace temp table chosen_study (study_id varchar)")
    con.executemany("insert into chosen_study values (?)", [[study_id] for study_id in study_ids])
    identifiers = {c.name for t in tables for c in t.columns if treatment(c) is Treatment.IDENTIFIER}
    for name in sorted(identifiers):
        _make_pseudonyms(con, name, tables, key)
    _make_shifts(con, tables)
    written = {}
    for table in tables:
        batches = con.execute(_select(table)).to_arrow_reader(ROWS_PER_GROUP)
        rows = write_parquet(folder, table.name, batches)
        written[table.name] = ExportedTable(rows, _changed(table), _left_out(table))
    return written


def _make_pseudonyms(
    con: duckdb.DuckDBPyConnection, identifier: str, tables: list[ReleasedTable], key: SecretStr
) -> None:
    """Make temp.pseudonym_<identifier>; of participants with the days of their shift."""
    everywhere = " union ".join(
        f"select study_id, {identifier} from {table.name}"
        for table in tables
        if table.has("study_id", identifier)
    )
    known = con.execute(
        f"select study_id, {identifier} from ({everywhere}) "
        f"where {identifier} <> '' and study_id in (from chosen_study)"
    ).to_arrow_table()
    studies, names = (column.to_pylist() for column in known.columns)
    if not all(map(is_pseudonym, names)):
        names = [pseudonym(key, study, name, identifier) for study, name in zip(studies, names, strict=True)]
    shifts = [shift_days(key, study, name) for study, name in zip(studies, names, strict=True)]
    made = known.append_column("made", pa.array(names, pa.string()))
    con.register("drawn", made.append_column("days", pa.array(shifts, pa.int32())))
    con.execute(f"create or replace temp table pseudonym_{identifier} as from drawn")
    con.unregister("drawn")


def _make_shifts(con: duckdb.DuckDBPyConnection, tables: list[ReleasedTable]) -> None:
    """Make temp.shift: the days by which dates are moved; null for who has a date on the data cutoff."""
    dates = " union all ".join(
        f'select study_id, participant_id, "{column.name}"::date as day from {table.name}'
        for table in tables
        for column in table.columns
        if treatment(column) in _DATES and table.has("study_id", "participant_id")
    )
    nobody = (
        "select null::varchar as study_id, null::varchar as participant_id, null::date as day where false"
    )
    con.execute(
        f"""
        create or replace temp table shift as
        with at_cutoff as (
            select distinct study_id, participant_id
            from ({dates or nobody}) as dates
            inner join reference.study as study using (study_id)
            where day >= study.data_cutoff
        )
        select
            study_id, participant_id, made,
            case when at_cutoff.participant_id is null then pseudonym_participant_id.days end as days,
        from pseudonym_participant_id
        left join at_cutoff using (study_id, participant_id)
        """
    )


def _select(table: ReleasedTable) -> str:
    joins, columns = [], []
    for column in table.columns:
        if treatment(column) is Treatment.IDENTIFIER:
            source = f"pseudonym_{column.name}"
            joins.append(
                f"left join {source} on {source}.study_id = t.study_id "
                f"and {source}.{column.name} = t.{column.name}"
            )
        if treatment(column) not in _LEFT_OUT:
            columns.append(f'{_expression(column)} as "{column.name}"')
    order = ", ".join(str(place + 1) for place in range(len(columns)))
    return f"""
        select {", ".join(columns)}
        from {table.name} as t
        inner join shift on shift.study_id = t.study_id and shift.participant_id = t.participant_id
        {" ".join(joins)}
        order by {order}
    """


def _expression(column: ReleasedColumn) -> str:
    value = f't."{column.name}"'
    if treatment(column) is Treatment.IDENTIFIER:
        return f"coalesce(pseudonym_{column.name}.made, '')"
    if treatment(column) in _DATES:
        return f"{value} + to_days(shift.days)" if "TIME" in column.data_type else f"{value} + shift.days"
    return without_dates(column, value)


def _changed(table: ReleasedTable) -> dict[str, str]:
    says = dict.fromkeys(
        _DATES,
        "shifted by days that are the participant's own; empty for who was followed to the data cutoff",
    ) | {Treatment.IDENTIFIER: "pseudonym"}
    return {c.name: says[treatment(c)] for c in table.columns if treatment(c) in says}


def _left_out(table: ReleasedTable) -> dict[str, str]:
    return {c.name: treatment(c).value for c in table.columns if treatment(c) in _LEFT_OUT}
