"""How much was set aside, for which reasons, and whether that is more than the study tolerates."""

from dataclasses import dataclass

import duckdb

# So many rows of a reason are shown; the others are counted.
_EXAMPLES = 3
_REASONS_IN_SENTENCE = 3


@dataclass(frozen=True)
class Example:
    """One row that was set aside."""

    line: int
    reason: str
    row_text: str


@dataclass(frozen=True)
class ReasonCount:
    """How many rows of a file broke one rule on one column, and the first of them."""

    rule: str
    column: str
    accepted: str
    n_rows: int
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Breach:
    """A file of which more was set aside than its study tolerates."""

    study_id: str
    record: str
    source_file: str
    rows_read: int
    rows_quarantined: int
    tolerance: float
    reasons: tuple[ReasonCount, ...]

    @property
    def share(self) -> float:
        """Share of the file's rows that was set aside."""
        return self.rows_quarantined / self.rows_read

    def __str__(self) -> str:
        """Say what was set aside and why, naming lines, values and what would be accepted."""
        shown = self.reasons[:_REASONS_IN_SENTENCE]
        causes = [
            f"line {reason.examples[0].line}: {reason.examples[0].reason} ({reason.n_rows:,} rows;"
            f" accepted: {reason.accepted})"
            for reason in shown
        ]
        more = len(self.reasons) - len(shown)
        tail = f"; and {more} more kinds of reason" if more else ""
        return f"{self.count}: {'; '.join(causes)}{tail}"

    @property
    def count(self) -> str:
        """How much was set aside, without a value of anybody."""
        return (
            f"{self.study_id}: {self.rows_quarantined:,} of {self.rows_read:,} rows of {self.source_file}"
            f" are quarantined ({self.share:.2%}), more than the tolerated {self.tolerance:.2%}"
        )


def above_tolerance(con: duckdb.DuckDBPyConnection) -> list[Breach]:
    """Return the files of which a larger share was set aside than `quarantine_tolerance` allows."""
    rows = con.sql(
        """
        select study_id, record, source_file, rows_read, rows_quarantined, quarantine_tolerance
        from audit.landing
        where rows_quarantined / nullif(rows_read, 0) > quarantine_tolerance
        order by study_id, record, source_file
        """
    ).fetchall()
    return [
        Breach(study, record, file, read, quarantined, tolerance, count_reasons(con, study, record, file))
        for study, record, file, read, quarantined, tolerance in rows
    ]


def count_reasons(
    con: duckdb.DuckDBPyConnection, study_id: str, record: str, source_file: str
) -> tuple[ReasonCount, ...]:
    """Count the reasons for which rows of a file were set aside, the most frequent first."""
    rows = con.execute(
        f"""
        select rule, column_name, accepted, count(distinct source_line) as n,
            arg_min({{'line': source_line, 'reason': reason, 'text': row_text}}, source_line, {_EXAMPLES})
        from audit.quarantine
        where study_id = $study_id and record = $record and source_file = $source_file
        group by all
        order by n desc, rule, column_name, accepted
        """,
        {"study_id": study_id, "record": record, "source_file": source_file},
    ).fetchall()
    return tuple(
        ReasonCount(
            rule, column, accepted, n, tuple(Example(e["line"], e["reason"], e["text"]) for e in examples)
        )
        for rule, column, accepted, n, examples in rows
    )
