"""Names of visits and timepoints, which studies make up, and some make of dates.

A name is kept only if it is made of the words below and at most one number of at most three digits, which
belongs to one of them (`week_12`, `post_30min`). Every other name becomes a number, `visit 2`, within its
participant. The numbers are in random order and mean something else in every participant: the study's order,
or that of the names, would lead back to the names of a study that lists them, and a number in common would
tell who came on the same day.
"""

import secrets
from collections.abc import Iterable

import duckdb

from orchestration.privacy.released_tables import ReleasedTable
from orchestration.privacy.treatment import NAMES_OF_VISITS

_WORD = (
    "baseline|screening|enrolment|enrollment|randomisation|randomization|index|pre|post|rest|resting|start"
    "|finish|end|of|lap|race|exercise|bout|test|recovery|treatment|therapy|chemotherapy|radiotherapy|surgery"
    "|discharge|follow|up|followup|interim|final|first|last|early|late|before|after|during|unscheduled"
)
_COUNTED = "weeks?|months?|days?|hours?|minutes?|visits?|cycles?|laps?|stages?|sessions?|[cdmtvw]"
_UNIT = "min|minutes?|h|hours?|d|days?|weeks?|months?|km|m"
_GAP = "[ _-]"
_WORDS = f"(?:{_WORD}|weeks?|months?|days?|years?|visits?|cycles?)"
_NUMBERED = (
    # 'year 19' may be 2019.
    f"(?:(?:{_COUNTED}|up|recovery|post|pre){_GAP}?[0-9]{{1,3}}|years?{_GAP}?(?:[0-9]|10)"
    f"|[0-9]{{1,3}}{_GAP}?(?:{_UNIT}))"
)
ALLOWED = f"(?i)(?:{_WORDS}{_GAP})*(?:{_WORDS}|{_NUMBERED})(?:{_GAP}{_WORDS})*"
"""What a name must be in full to be kept, as a regular expression (RE2)."""

SAYS = (
    "kept if made of common words and at most one number of three digits; any other name is a number within"
    " the participant, in random order"
)


def make_numbers(con: duckdb.DuckDBPyConnection, tables: Iterable[ReleasedTable]) -> None:
    """Make temp.visit_name: for each name of a participant that is not kept a number."""
    names = " union ".join(
        f'select study_id, participant_id, "{column.name}" as name from {table.name}'
        for table in tables
        for column in table.columns
        if column.name in NAMES_OF_VISITS and column.is_text and table.has("study_id", "participant_id")
    )
    nobody = "select '' as study_id, '' as participant_id, '' as name where false"
    con.execute(
        f"""
        create or replace temp table visit_name as
        select
            study_id, participant_id, name,
            row_number() over (
                partition by study_id, participant_id order by sha256(concat_ws(chr(0), $salt, study_id,
                    participant_id, name)), name
            ) as number,
        from ({names or nobody}) where name <> '' and not regexp_full_match(name, $allowed)
        """,
        {"salt": secrets.token_hex(), "allowed": ALLOWED},
    )


def joins(table: ReleasedTable) -> list[str]:
    """SQL that joins temp.visit_name to a table `t`, once for each of its columns of names."""
    return [
        f"left join visit_name as name_{c.name} on name_{c.name}.study_id = t.study_id "
        f"and name_{c.name}.participant_id = t.participant_id and name_{c.name}.name = t.{c.name}"
        for c in table.columns
        if c.name in NAMES_OF_VISITS and c.is_text
    ]


def name(column: str) -> str:
    """SQL for a name as it is exported."""
    noun = "timepoint" if column.endswith("timepoint") else "visit"
    return f"coalesce('{noun} ' || name_{column}.number, t.{column})"
