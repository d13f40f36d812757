"""What an export does with a column of a table whose rows are about participants.

The tags of the contract decide, never a list of tables: a new table is exported by the same rules, and a
column that no rule knows stays behind.
"""

from enum import StrEnum

from orchestration.catalogue import PROVENANCE_COLUMNS
from orchestration.privacy.pseudonyms import LETTERS
from orchestration.privacy.released_tables import ReleasedColumn
from schemas.privacy import Privacy

# Text that is a word of a vocabulary: of `reference`, of study.yaml, or of the warehouse's own.
CODES = frozenset(
    (
        "study_id",
        "arm_id",
        "endpoint_id",
        "policy_id",
        "definition_version",
        "censor_reason",
        "event_class",
        "event_organ",
        "organ",
        "source_record",
        "analyte_id",
        "kind",
        "visit",
        "timepoint",
        "from_visit",
        "to_visit",
        "from_timepoint",
        "to_timepoint",
        "baseline_timepoint",
        "peak_timepoint",
        "matrix",
        "unit",
        "imputation",
        "modality",
    )
)
# Codes that a study makes up itself; see `visit_names`.
NAMES_OF_VISITS = frozenset({"visit", "from_visit", "to_visit"}) | {
    name for name in CODES if name.endswith("timepoint")
}
# Text that somebody wrote, or that is made of what somebody wrote.
FREE_TEXT = frozenset({"reason", "result_as_reported", "rule"})
# The participant's day 0; only its year may be known.
INDEX_DATES = ("index_date", "start_date")
AGE = "age_years"
KEPT_QUASI_IDENTIFIERS = frozenset({"sex"})


class Treatment(StrEnum):
    """What becomes of a column."""

    KEEP = "kept"
    IDENTIFIER = "identifier"
    INDEX_YEAR = "index year"
    DATE = "date"
    AGE = "age"
    INTERVAL = "interval in days"
    PROVENANCE = "file and line of the delivered row"
    FREE_TEXT = "free text"
    OTHER_IDENTIFIER = "identifies, and links no tables"
    QUASI_IDENTIFIER = "place or other quasi-identifier"
    UNDECLARED_TEXT = "text that is not declared to be a code"


def treatment(column: ReleasedColumn) -> Treatment:
    """Decide what a column of a table about participants is to an export.

    `Treatment.UNDECLARED_TEXT` is no decision: the column is left out, and a test asks for one.
    """
    if column.name in PROVENANCE_COLUMNS:
        return Treatment.PROVENANCE
    if column.privacy is Privacy.DIRECT_IDENTIFIER:
        return Treatment.IDENTIFIER if column.name in LETTERS else Treatment.OTHER_IDENTIFIER
    if column.is_date:
        return Treatment.INDEX_YEAR if column.name in INDEX_DATES else Treatment.DATE
    if column.privacy is Privacy.QUASI_IDENTIFIER:
        return _quasi_identifier(column.name)
    if column.is_text:
        return _text(column.name)
    return Treatment.INTERVAL if "days" in column.name.split("_") else Treatment.KEEP


def _quasi_identifier(name: str) -> Treatment:
    if name == AGE:
        return Treatment.AGE
    return Treatment.KEEP if name in KEPT_QUASI_IDENTIFIERS else Treatment.QUASI_IDENTIFIER


def _text(name: str) -> Treatment:
    if name in CODES:
        return Treatment.KEEP
    return Treatment.FREE_TEXT if name in FREE_TEXT else Treatment.UNDECLARED_TEXT
