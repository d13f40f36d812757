"""The data cutoff that a build is asked for: an earlier analysis of the same deliveries.

Who had not been enrolled by then did not exist then:
  1. A participant is enrolled on index_date, or on entry_date where that is later (delayed entry).
  2. Who was enrolled after the cutoff is left out, with every record of theirs. That is no quarantine:
     nothing is wrong with the rows. `audit.landing` counts them as accepted and, among those, as not yet
     enrolled.
  3. What happened to the others after the cutoff is left to the rules that know any study's own cutoff:
     events after it do not exist, follow-up is truncated to it, later samples do not count.
  4. A study whose own cutoff is earlier keeps it, and everybody.
"""

import datetime as dt

import duckdb

from schemas.errors import StudyPackageError
from schemas.records import RECORDS

_OF_LATER_PARTICIPANTS = (
    "exists (from later where later.study_id = r.study_id and later.participant_id = r.participant_id)"
)
_OF_LATER_SAMPLES = (
    "exists (from later_samples as s where s.study_id = r.study_id and s.sample_id = r.sample_id)"
)


class NobodyEnrolledError(StudyPackageError):
    """A data cutoff was asked for at which a study had no participant yet."""


def apply_data_cutoff(con: duckdb.DuckDBPyConnection, cutoff: dt.date) -> dict[str, int]:
    """Make `cutoff` the data cutoff of the studies whose own is later, and leave out who enrolled after it.

    Args:
        con: a database in which the studies have landed and the rules across records were applied.
        cutoff: the day after which nothing counts.

    Returns:
        How many participants were left out, by study whose cutoff is now this one.

    Raises:
        NobodyEnrolledError: nobody of a study had been enrolled by then; nothing was changed.
    """
    con.begin()
    try:
        left_out = _left_out(con, cutoff)
        con.execute("update raw.study set data_cutoff = $1 where data_cutoff > $1", [cutoff])
        # Results of samples first: they know their participant only by way of the sample.
        for record, condition in (("assay_results", _OF_LATER_SAMPLES), *_by_participant()):
            _leave_out(con, record, condition)
        con.commit()
    except BaseException:
        con.rollback()
        raise
    return left_out


def _by_participant() -> list[tuple[str, str]]:
    with_participant = [name for name, record in RECORDS.items() if "participant_id" in record.columns]
    return [(name, _OF_LATER_PARTICIPANTS) for name in with_participant]


def _left_out(con: duckdb.DuckDBPyConnection, cutoff: dt.date) -> dict[str, int]:
    """Find who was enrolled after the cutoff, and their samples."""
    con.execute(
        """
        create or replace temp table enrolled as
        select p.study_id, p.participant_id, greatest(p.index_date, p.entry_date) as enrolled_on
        from raw.participants as p
        join raw.study as s on s.study_id = p.study_id
        where s.data_cutoff > $1
        """,
        [cutoff],
    )
    con.execute(
        "create or replace temp table later as"
        " select study_id, participant_id from enrolled where enrolled_on > $1",
        [cutoff],
    )
    con.execute(
        "create or replace temp table later_samples as"
        f" select r.study_id, r.sample_id from raw.samples as r where {_OF_LATER_PARTICIPANTS}"
    )
    studies = con.execute(
        """
        select study_id, count(*), count(*) filter (where enrolled_on > $1), year(min(enrolled_on))
        from enrolled
        group by study_id
        order by study_id
        """,
        [cutoff],
    ).fetchall()
    if problems := [
        f"{study_id}: nobody had been enrolled by the data cutoff {cutoff}; the first participant was in"
        f" `{year}`; accepted: a day on which somebody had been"
        for study_id, n, n_later, year in studies
        if n == n_later
    ]:
        raise NobodyEnrolledError(problems)
    return {study_id: n_later for study_id, _, n_later, _ in studies}


def _leave_out(con: duckdb.DuckDBPyConnection, record: str, condition: str) -> None:
    """Take rows of a record out of its raw table, and count them with their file."""
    con.execute(
        f"""
        update audit.landing as l
        set rows_not_yet_enrolled = gone.n
        from (
            select study_id, source_file, count(*) as n from raw.{record} as r where {condition}
            group by study_id, source_file
        ) as gone
        where l.record = $record and l.study_id = gone.study_id and l.source_file = gone.source_file
        """,
        {"record": record},
    )
    con.execute(f"delete from raw.{record} as r where {condition}")
