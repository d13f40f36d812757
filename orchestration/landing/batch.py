"""A batch of rows as every reader hands it on: text by column, with line and wording of each row."""

from dataclasses import dataclass

import polars as pl

# A record with more columns than any questionnaire has items is none.
MAX_COLUMNS = 2000
# What a batch may hold: its memory is bounded by them, however short or wide the rows are.
MAX_BATCH_ROWS = 200_000
MAX_BATCH_VALUES = 300_000


def rows_of_a_batch(n_columns: int) -> int:
    """Return how many rows of so many columns a batch may have."""
    return max(1, min(MAX_BATCH_ROWS, MAX_BATCH_VALUES // max(n_columns, 1)))


@dataclass(frozen=True)
class MalformedRow:
    """A row that could not be divided into the header's columns."""

    line: int
    text: str
    rule: str
    reason: str
    accepted: str


@dataclass(frozen=True)
class RowBatch:
    """Rows of one file, in file order.

    Attributes:
        fields: one text column for each column of the header, in its order; missing is null.
        lines: for each row of `fields`, its 1-based line (in a Parquet file, its row number).
        texts: for each row of `fields`, the row as it stands in the file.
        malformed: the other rows of the batch.
        end_byte: about where in the file the batch ends.
    """

    fields: pl.DataFrame
    lines: pl.Series
    texts: pl.Series
    malformed: list[MalformedRow]
    end_byte: int

    @property
    def n_rows(self) -> int:
        """Rows of the file in this batch, malformed ones too."""
        return self.fields.height + len(self.malformed)
