"""The shifted profile: pseudonyms, and every date of a participant moved by the same secret number of days.

This is not Safe Harbor: dates are left, though false ones. Intervals stay true. The number of days follows
from the key and the pseudonym, so it is the same in every export and no mapping is kept. A new shift for
every release would be worse: of many shifted dates of one day, the first and last enclose it.

Whoever is followed to the data cutoff has a time that ends on a day everybody knows, and so tells day 0 even
without any date. So what is shifted is cut, on one day for all of a study, a year and a day of shift before
the cutoff: as that day is the same for everybody, a time that ends there tells of day 0 what the shifted
date does, and no more. In truth it is between 1 and 729 days before the cutoff, by a number that has
nothing to do with the participant, so no estimate is biased by it.
"""

import hmac
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pyarrow as pa
from pydantic import SecretStr

from orchestration.privacy import follow_up, visit_names
from orchestration.privacy.export_folder import ROWS_PER_GROUP, ExportedTable, write_parquet
from orchestration.privacy.pseudonyms import is_pseudonym, pseudonym
from orchestration.privacy.released_tables import (
    ReleasedColumn,
    ReleasedTable,
    choose_studies,
    known_identifiers,
)
from orchestration.privacy.treatment import INDEX_DATES, NAMES_OF_VISITS, Treatment, treatment

LARGEST_SHIFT_DAYS = 364
# Any shift back from here is still before the data cutoff.
CUT_DAYS = LARGEST_SHIFT_DAYS + 1
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
    choose_studies(con, study_ids)
    identifiers = {c.name for t in tables for c in t.columns if treatment(c) is Treatment.IDENTIFIER}
    for name in sorted(identifiers):
        _make_pseudonyms(con, name, tables, key)
    _make_shifts(con, tables)
    visit_names.make_numbers(con, tables)
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
    known = known_identifiers(con, identifier, tables)
    studies, names = (column.to_pylist() for column in known.columns)
    if not all(map(is_pseudonym, names)):
        names = [pseudonym(key, study, name, identifier) for study, name in zip(studies, names, strict=True)]
    shifts = [shift_days(key, study, name) for study, name in zip(studies, names, strict=True)]
    made = known.append_column("made", pa.array(names, pa.string()))
    con.register("drawn", made.append_column("days", pa.array(shifts, pa.int32())))
    con.execute(f"create or replace temp table pseudonym_{identifier} as from drawn")
    con.unregister("drawn")


def _make_shifts(con: duckdb.DuckDBPyConnection, tables: list[ReleasedTable]) -> None:
    """Make temp.person: of everybody the days of the shift, the last shifted day, and the day of the cut."""
    index_dates = " union all ".join(
        f"select study_id, participant_id, {name}::date as index_date from {table.name}"
        for table in tables
        for name in INDEX_DATES
        if table.has("study_id", "participant_id", name)
    )
    nobody = "select '' as study_id, '' as participant_id, null::date as index_date where false"
    con.execute(
        f"""
        create or replace temp table person as
        with started as (
            select study_id, participant_id, min(index_date) + 0 as index_date
            from ({index_dates or nobody}) group by all
        ),
        moved as (
            select
                known.study_id, participant_id, days, index_date + days as shifted_index_date,
                -- Dates from a made-up origin tell nothing that a cut could hide.
                case when not study.nominal_dates then study.data_cutoff - {CUT_DAYS} end as last_day,
            from pseudonym_participant_id as known
            inner join reference.study as study using (study_id)
            left join started using (study_id, participant_id)
        )
        select
            study_id, participant_id, days, last_day, shifted_index_date <= last_day as has_started,
            -- Whose day 0 is not known has no interval that could be told to end in time.
            case when last_day is not null
                then greatest(coalesce(last_day - shifted_index_date, 0), 0) end as cut_days,
        from moved
        """
    )


def _select(table: ReleasedTable) -> str:
    columns, joins = [], visit_names.joins(table)
    for column in table.columns:
        if treatment(column) is Treatment.IDENTIFIER:
            source = f"pseudonym_{column.name}"
            joins.append(
                f"left join {source} on {source}.study_id = t.study_id "
                f"and {source}.{column.name} = t.{column.name}"
            )
        if treatment(column) not in _LEFT_OUT:
            columns.append(f'{_expression(table, column)} as "{column.name}"')
    order = ", ".join(str(place + 1) for place in range(len(columns)))
    return f"""
        select {", ".join(columns)}
        from {table.name} as t
        inner join person as p on p.study_id = t.study_id and p.participant_id = t.participant_id
        {" ".join(joins)}
        where {follow_up.rows_kept(table)}
        order by {order}
    """


def _expression(table: ReleasedTable, column: ReleasedColumn) -> str:
    if column.name in NAMES_OF_VISITS:
        return visit_names.name(column.name)
    if treatment(column) in _DATES:
        return _date(table, column)
    expressions = {
        Treatment.IDENTIFIER: f"coalesce(pseudonym_{column.name}.made, '')",
        Treatment.INTERVAL: follow_up.interval(column.name),
    }
    kept = follow_up.ending(table, column.name) or f't."{column.name}"'
    return expressions.get(treatment(column), kept)


def _date(table: ReleasedTable, column: ReleasedColumn) -> str:
    """SQL for a shifted date: none is after the last day, and a time to an event ends there instead."""
    value = f't."{column.name}"'
    moved = f"{value} + to_days(p.days)" if "TIME" in column.data_type else f"{value} + p.days"
    instead = ""
    if follow_up.is_ending(table) and treatment(column) is Treatment.DATE:
        instead = f"when {value} is not null and p.has_started then p.last_day"
    return f"case when p.last_day is null or ({moved})::date <= p.last_day then {moved} {instead} end"


def _changed(table: ReleasedTable) -> dict[str, str]:
    says = dict.fromkeys(
        _DATES, "shifted by days that are the participant's own; none is after the day of the cut"
    ) | {
        Treatment.IDENTIFIER: "pseudonym",
        Treatment.INTERVAL: "days; follow-up is cut on the same shifted day for everybody of a study",
    }
    changed = {c.name: says[treatment(c)] for c in table.columns if treatment(c) in says}
    return changed | {c.name: visit_names.SAYS for c in table.columns if c.name in NAMES_OF_VISITS}


def _left_out(table: ReleasedTable) -> dict[str, str]:
    return {c.name: treatment(c).value for c in table.columns if treatment(c) in _LEFT_OUT}
