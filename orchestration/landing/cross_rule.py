"""The form of a rule that needs other rows or other records."""

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.privacy import Privacy
from schemas.records import RecordType


@dataclass(frozen=True)
class CrossRule:
    """A rule over several rows.

    Attributes:
        rule: its id in `audit.quarantine`.
        record: the record type whose rows are set aside.
        column: the column that is blamed.
        accepted: what is accepted.
        reason: SQL of the sentence that says what is wrong with the row `r`.
        rows: SQL from `from` on, in which `r` is a row that breaks the rule.
        value: SQL of the value that is at fault; by default that of the column.
        accepted_here: SQL of what is accepted in the row, where that differs from row to row.
    """

    rule: str
    record: str
    column: str
    accepted: str
    reason: str
    rows: str
    value: str = ""
    accepted_here: str = "null"

    @property
    def broken_by(self) -> str:
        """A query for study_id, source_file, source_line, value, reason and accepted of the rows at fault.

        The parameter `$accepted` is what is accepted in rows that do not say otherwise.
        """
        value = self.value or f"r.{self.column}"
        return (
            "select r.study_id, r.source_file, r.source_line,"
            f" coalesce(cast({value} as varchar), '') as value, {self.reason} as reason,"
            f" coalesce({self.accepted_here}, $accepted) as accepted {self.rows}"
        )


def named(columns: Iterable[str], record: RecordType, row: str = "r") -> str:
    """Return SQL that names columns of a row with their values, as sentences do.

    What tells who somebody is stays in the file, which the sentence has a line of.
    """
    parts = [
        f"'{column} (not shown)'"
        if record.privacy[column] is Privacy.DIRECT_IDENTIFIER
        else f"'{column} `' || coalesce(cast({row}.{column} as varchar), '') || '`'"
        for column in columns
    ]
    return " || ', ' || ".join(parts)


def quoted_if_near(column: str, words: str, keys: Iterable[str], row: str = "r") -> str:
    """Return SQL that quotes a value which is no word of study.yaml, unless it may be an identifier.

    It is shown if it is near one of the words, or itself a word of at most twelve letters, and no key of the
    row is one of the words, as it is where columns were swapped.

    Args:
        column: the column.
        words: SQL of the list of words.
        keys: columns that tell who somebody is.
        row: the row.
    """
    value = f"{row}.{column}"
    near = f"list_transform({words}, word -> jaro_winkler_similarity(lower(word), lower({value})))"
    is_plain = f"regexp_full_match({value}, '\\p{{L}}{{1,12}}') or coalesce(list_max({near}) >= 0.85, false)"
    swapped = " or ".join(f"coalesce(list_contains({words}, {row}.{key}), false)" for key in keys)
    return f"if(({is_plain}) and not ({swapped}), '`' || {value} || '`', '(not shown)')"


def place(row: str) -> str:
    """Return SQL that says where a row stands."""
    return f"{row}.source_file || ' line ' || {row}.source_line"
