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


def place(row: str) -> str:
    """Return SQL that says where a row stands."""
    return f"{row}.source_file || ' line ' || {row}.source_line"
