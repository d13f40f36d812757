"""What a column says of who somebody is.

The words are those of the HIPAA Privacy Rule's de-identification standard (45 CFR 164.514) and of ISO 25237:
a direct identifier alone tells who it is, a quasi-identifier does with others (a date, an age, a place).
"""

from enum import StrEnum


class Privacy(StrEnum):
    """How much a column tells of who somebody is."""

    DIRECT_IDENTIFIER = "direct_identifier"
    QUASI_IDENTIFIER = "quasi_identifier"
    NEITHER = "neither"
