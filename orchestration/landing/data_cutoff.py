"""The data cutoff that a build is asked for: an earlier analysis of the same deliveries.

What had not happened by then had not been recorded, and decides nothing, by no rule:
  1. A participant is enrolled on index_date, or on entry_date where that is later (delayed entry). Who was
     enrolled after the cutoff is left out, with every record of theirs.
  2. Of the others, each row dated after the cutoff is left out; `DATED_BY` says what dates a row. A row of
     which nothing says when it was stays. A partial date counts as after the cutoff only when its first
     possible day is.
  3. What belongs to a row left out goes with it: the samples of a bout that had not begun, the results of a
     sample that had not been drawn.
  4. A row that began by the cutoff and ended after it stays, and its end, which was not known, is blanked;
     `ENDED_BY` says which column that is. Where the contract requires an end (`period_end`) it stays as it
     is. So it does where two rows would become alike without it, as they would be set aside as duplicates.
  5. A study whose own cutoff is not later keeps it, and every row.

All this is done before the rules across records, so that a contact after the cutoff does not speak against a
death before it. It is no quarantine: nothing is wrong with the rows. `audit.landing` counts them as accepted
and, among those, as not yet enrolled (1) or as after the cutoff (2, 3). A row that is faulty by itself was
set aside when it landed, and stays in quarantine whatever its date.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from orchestration.landing.land import REFERRED_TO
from schemas.errors import StudyPackageError
from schemas.records import RECORDS

# The day of a row `r`, in SQL; null when nothing says it.
DATED_BY: Mapping[str, str] = {
    "participants": "greatest(r.index_date, r.entry_date)",
    "follow_up": "r.followed_on",
    "disease_events": "r.event_on",
    "deaths": "r.died_on",
    "anticancer_therapies": "r.started_on",
    "exercise_bouts": "cast(coalesce(r.started_at, r.ended_at) as date)",
    # Where no time of drawing was recorded, the minutes from the end of the bout tell it.
    "samples": """cast(coalesce(r.collected_at, (
        select max(b.ended_at) from raw.exercise_bouts as b
        where b.study_id = r.study_id and b.bout_id = r.bout_id
    ) + to_seconds(60 * r.minutes_from_bout_end)) as date)""",
    "assay_results": "r.assayed_on",
    "exercise_sessions": "r.session_on",
    "activity_reports": "r.reported_on",
    "measurements": "r.measured_on",
    "treatment_adherence": "r.period_start",
    # The first day that a partial date may mean.
    "adverse_events": "cast(r.started_on || right('-01-01', 10 - length(r.started_on)) as date)",
}
ENDED_BY: Mapping[str, str] = {
    "exercise_bouts": "ended_at",
    "treatment_adherence": "period_end",
    "adverse_events": "ended_on",
}
# What a row refers to, and by which column, where that may be left out without the row's participant.
_BELONGS_TO = {"samples": ("exercise_bouts", "bout_id"), "assay_results": ("samples", "sample_id")}


class NobodyEnrolledError(StudyPackageError):
    """A data cutoff was asked for at which a study had no participant yet."""


@dataclass(frozen=True)
class LeftOut:
    """What of a study is left out: participants enrolled later, and rows of the others after the cutoff."""

    participants: int
    rows_after_cutoff: int

    def __str__(self) -> str:
        """Say it in words: `nobody was enrolled later; 3 other rows dated after it are left out`."""
        n, rows = self.participants, self.rows_after_cutoff
        who = f"{n:,} participants enrolled later are left out" if n else "nobody was enrolled later"
        if n == 1:
            who = "1 participant enrolled later is left out"
        what = (
            f"{rows:,} other rows dated after it are left out" if rows else "no other row is dated after it"
        )
        if rows == 1:
            what = "1 other row dated after it is left out"
        return f"{who}; {what}"


def apply_data_cutoff(con: duckdb.DuckDBPyConnection, cutoff: dt.date) -> dict[str, LeftOut]:
    """Make `cutoff` the data cutoff of the studies whose own is later, and leave out what came after it.

    Args:
        con: a database in which the studies have landed. To those whose cutoff is later, the rules across
            records were not applied yet.
        cutoff: the last day that counts.

    Returns:
        What was left out, by study whose cutoff is now this one.

    Raises:
        NobodyEnrolledError: nobody of a study had been enrolled by then; nothing was changed.
    """
    con.begin()
    try:
        _find_later_participants(con, cutoff)
        con.execute("update raw.study set data_cutoff = $1 where data_cutoff > $1", [cutoff])
        # In the order of the contract, bouts come before their samples, and these before their results.
        for record in RECORDS:
            _leave_out(con, record, cutoff)
        for record, column in ENDED_BY.items():
            if RECORDS[record].columns[column].nullable:
                _blank_end(con, record, column, cutoff)
        left_out = _left_out(con)
        con.commit()
    except BaseException:
        con.rollback()
        raise
    return left_out


def _find_later_participants(con: duckdb.DuckDBPyConnection, cutoff: dt.date) -> None:
    """Collect the studies that the cutoff concerns, and who of them was enrolled after it."""
    con.execute(
        "create or replace temp table concerned as select study_id from raw.study where data_cutoff > $1",
        [cutoff],
    )
    con.execute(
        f"""
        create or replace temp table enrolled as
        select r.study_id, r.participant_id, min({DATED_BY["participants"]}) as enrolled_on
        from raw.participants as r
        where r.study_id in (from concerned)
        group by r.study_id, r.participant_id
        """
    )
    con.execute(
        "create or replace temp table later as"
        " select study_id, participant_id from enrolled where enrolled_on > $1",
        [cutoff],
    )
    studies = con.execute(
        "select study_id, year(min(enrolled_on)) from enrolled"
        " group by study_id having min(enrolled_on) > $1 order by study_id",
        [cutoff],
    ).fetchall()
    if studies:
        raise NobodyEnrolledError(
            f"{study_id}: nobody had been enrolled by the data cutoff {cutoff}; the first participant was"
            f" enrolled in `{year}`; accepted: a day on which somebody had been"
            for study_id, year in studies
        )


def _leave_out(con: duckdb.DuckDBPyConnection, record: str, cutoff: dt.date) -> None:
    """Take a record's rows out of its raw table, and count them with their file."""
    is_after = f"coalesce({DATED_BY[record]} > $cutoff, false)"
    if record in _BELONGS_TO:
        is_after += f" or {_belongs_to_gone(record)}"
    key = f"r.{RECORDS[record].key[0]}"
    con.execute(
        f"""
        create or replace temp table gone as
        from (
            select r.rowid as row_id, r.study_id, r.source_file, {key} as key_value,
                {_is_of_later(record)} as is_of_later, {is_after} as is_after
            from raw.{record} as r
            where r.study_id in (from concerned)
        )
        where is_of_later or is_after
        """,
        {"cutoff": cutoff},
    )
    con.execute(
        """
        update audit.landing as l
        set rows_not_yet_enrolled = counted.n_of_later, rows_after_cutoff = counted.n_after
        from (
            select study_id, source_file, count(*) filter (where is_of_later) as n_of_later,
                count(*) filter (where not is_of_later) as n_after
            from gone
            group by study_id, source_file
        ) as counted
        where l.record = $record and l.study_id = counted.study_id and l.source_file = counted.source_file
        """,
        {"record": record},
    )
    con.execute(f"delete from raw.{record} where rowid in (select row_id from gone)")
    if record in REFERRED_TO:
        # Of two rows with one key, the one that stays is still there to be referred to.
        con.execute(
            f"""
            create or replace temp table gone_{record} as
            select study_id, key_value, bool_or(is_of_later) as is_of_later
            from gone as g
            where not exists (from raw.{record} as r where r.study_id = g.study_id and {key} = g.key_value)
            group by study_id, key_value
            """
        )


def _is_of_later(record: str) -> str:
    """Whether a row `r` is of somebody who was enrolled later; a result knows them by its sample only."""
    if record == "participants":
        return f"{DATED_BY[record]} > $cutoff"
    if "participant_id" not in RECORDS[record].columns:
        return _belongs_to_gone(record, "g.is_of_later")
    return "exists (from later as l where l.study_id = r.study_id and l.participant_id = r.participant_id)"


def _belongs_to_gone(record: str, condition: str = "true") -> str:
    target, column = _BELONGS_TO[record]
    same = f"g.study_id = r.study_id and g.key_value = r.{column}"
    return f"exists (from gone_{target} as g where {same} and {condition})"


def _blank_end(con: duckdb.DuckDBPyConnection, record: str, column: str, cutoff: dt.date) -> None:
    """Forget the ends after the cutoff of rows that began before it, unless that makes two rows alike."""
    is_unknown = "coalesce(cast({0}.{1} as date) > $cutoff, true)"
    is_alone = "true"
    if column in RECORDS[record].key:
        rest = (name for name in ("study_id", *RECORDS[record].key) if name != column)
        same = " and ".join(f"o.{name} is not distinct from r.{name}" for name in rest)
        twin = f"o.rowid <> r.rowid and {same} and {is_unknown.format('o', column)}"
        is_alone = f"not exists (from raw.{record} as o where {twin})"
    con.execute(
        f"""
        update raw.{record} set {column} = null
        where rowid in (
            select r.rowid from raw.{record} as r
            where r.study_id in (from concerned) and cast(r.{column} as date) > $cutoff and {is_alone}
        )
        """,
        {"cutoff": cutoff},
    )


def _left_out(con: duckdb.DuckDBPyConnection) -> dict[str, LeftOut]:
    counted = con.sql(
        """
        select c.study_id,
            coalesce(sum(l.rows_not_yet_enrolled) filter (where l.record = 'participants'), 0)::bigint,
            coalesce(sum(l.rows_after_cutoff), 0)::bigint
        from concerned as c
        left join audit.landing as l on l.study_id = c.study_id
        group by c.study_id
        order by c.study_id
        """
    ).fetchall()
    return {study_id: LeftOut(*counts) for study_id, *counts in counted}
