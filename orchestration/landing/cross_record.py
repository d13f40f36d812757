"""Applying the rules across rows and records: rows that break one move from `raw` to quarantine."""

from collections.abc import Iterable

import duckdb

from orchestration.landing.cross_rule import CrossRule
from orchestration.landing.cross_rules import CROSS_RULES
from orchestration.landing.laboratory import collect_assay_pairs, resolve_assays
from orchestration.landing.land import REFERRED_TO, assert_balanced, row_texts
from schemas.records import RECORDS
from schemas.study import StudyDescriptor

_FOUND = """
    position bigint, study_id varchar, record varchar, source_file varchar, source_line bigint,
    rule varchar, column_name varchar, value varchar, reason varchar, accepted varchar
"""


def apply_cross_record_rules(con: duckdb.DuckDBPyConnection, studies: Iterable[StudyDescriptor]) -> None:
    """Set aside the rows that break a rule over several rows, with every reason, and mend the counts.

    What laboratories call their analytes and units is resolved first, into `raw.assay_vocabulary`.

    Args:
        con: a database in which every record of the studies has landed, without what an earlier data cutoff
            leaves out, where the build was asked for one (`data_cutoff`).
        studies: the studies whose rows are held against the rules; their files tell how the rows are written.
            Other studies of the database were held against them before, and stay as they are.

    Raises:
        UnbalancedRowsError: rows read are not rows accepted and quarantined.
    """
    by_id = {study.study_id: study for study in studies}
    con.begin()
    try:
        for study_id in by_id:
            collect_assay_pairs(con, study_id)
        resolve_assays(con)
        _find(con, list(by_id))
        files = con.sql("select distinct study_id, record, source_file from found order by all").fetchall()
        for study_id, record, file in files:
            _move(con, by_id[study_id], record, file)
        for study_id, record in dict.fromkeys((study_id, record) for study_id, record, _ in files):
            assert_balanced(con, study_id, record)
        con.commit()
    except BaseException:
        con.rollback()
        raise


def _find(con: duckdb.DuckDBPyConnection, studies: list[str]) -> None:
    """Collect in the temporary table `found` every reason for which a row of the studies must go."""
    con.execute(f"create or replace temp table found ({_FOUND})")
    for record in RECORDS:
        con.execute(
            f"create or replace temp view standing_{record} as"
            f" from raw.{record} as r where not exists ({_is_found(record)})"
        )
    gone = " union all ".join(
        f"select study_id, '{record}' as record, {RECORDS[record].key[0]} as key_value,"
        f" source_file, source_line from raw.{record} as r where exists ({_is_found(record)})"
        for record in REFERRED_TO
    )
    con.execute(
        f"""
        create or replace temp view quarantined_keys as
        select study_id, record, key_value,
            first(source_file || ' line ' || source_line order by source_file, source_line) as place
        from (from raw.quarantined_key union all ({gone}))
        group by study_id, record, key_value
        """
    )
    filled = {record for record in RECORDS if _has_rows(con, record, studies)}
    for position, rule in enumerate(CROSS_RULES):
        if rule.record in filled:
            _apply(con, position, rule, studies)


def _has_rows(con: duckdb.DuckDBPyConnection, record: str, studies: list[str]) -> bool:
    query = f"from raw.{record} where list_contains($1, study_id) limit 1"
    return bool(con.execute(query, [studies]).fetchall())


def _is_found(record: str) -> str:
    return (
        f"from found where found.record = '{record}' and found.study_id = r.study_id"
        " and found.source_file = r.source_file and found.source_line = r.source_line"
    )


def _apply(con: duckdb.DuckDBPyConnection, position: int, rule: CrossRule, studies: list[str]) -> None:
    # One name in a list is a filter that the database carries into every part of the rule.
    names = ", ".join(f"$study_{n}" for n, _ in enumerate(studies))
    con.execute(
        f"""
        insert into found by name
        select $position as position, $record as record, $rule as rule, $column as column_name,
            broken.*
        from ({rule.broken_by}) as broken
        where study_id in ({names})
        """,
        {
            **{f"study_{n}": study_id for n, study_id in enumerate(studies)},
            "position": position,
            "record": rule.record,
            "rule": rule.rule,
            "column": rule.column,
            "accepted": rule.accepted,
        },
    )


def _move(con: duckdb.DuckDBPyConnection, study: StudyDescriptor, record: str, file: str) -> None:
    """Move the rows of one file that were found, with their text, and count them."""
    place = {"study_id": study.study_id, "record": record, "source_file": file}
    of_file = "study_id = $study_id and record = $record and source_file = $source_file"
    lines = con.execute(f"select distinct source_line from found where {of_file}", place).fetchnumpy()
    for texts in row_texts(study, record, file, lines["source_line"]):
        con.register("row_texts", texts.to_arrow())
        con.execute(
            f"""
            insert into audit.quarantine by name
            select f.study_id, f.record, f.source_file, f.source_line, f.rule, f.column_name, f.value,
                f.reason, f.accepted, t.row_text
            from found as f
            join row_texts as t using (source_line)
            where {of_file}
            order by f.source_line, f.position
            """,
            place,
        )
        con.unregister("row_texts")
    con.execute(
        f"""
        delete from raw.{record}
        where study_id = $study_id and source_file = $source_file
            and source_line in (select source_line from found where {of_file})
        """,
        place,
    )
    con.execute(
        f"""
        update audit.landing
        set rows_accepted = rows_accepted - $n, rows_quarantined = rows_quarantined + $n
        where {of_file}
        """,
        {**place, "n": len(lines["source_line"])},
    )
