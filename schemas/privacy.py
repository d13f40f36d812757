"""What a column says of who somebody is.

The words are those of the HIPAA Privacy Rule's de-identification standard (45 CFR 164.514) and of ISO 25237:
a direct identifier alone tells who it is, a quasi-identifier does with others (a date, an age, a place).
"""

import re
import unicodedata
from enum import StrEnum


class Privacy(StrEnum):
    """How much a column tells of who somebody is."""

    DIRECT_IDENTIFIER = "direct_identifier"
    QUASI_IDENTIFIER = "quasi_identifier"
    NEITHER = "neither"


_NUMBER = "(number|no|nr|id)"
# How columns are called that hold what 45 CFR 164.514(b)(2)(i) lists as identifiers, by their letters and
# digits alone. Places, ages and dates other than of birth are quasi-identifiers, and not in here.
_DIRECT_IDENTIFIERS = {
    "a name": "(full|first|middle|last|family|given|maiden|nick|sur|fore)?names?|initials",
    "an address": "(home|postal|street|e?mail|ip|web)?address|street|e?mail|url",
    "a telephone number": f"(tele|mobile|cell|home)?(phone|fax){_NUMBER}?|tel|mobile{_NUMBER}",
    "a day of birth": "dob|birth(date|day)|(date|day)ofbirth|bornon",
    "a number that only one person has": (
        "(medicalrecord|hospital|chart|case|record|screening|randomi[sz]ation|nhs|chi|socialsecurity|national"
        "|nationalid|nationalinsurance|personal|passport|(health)?insurance|healthcard|medicare|medicaid|member"
        f"|account|(drivers?)?licen[cs]e){_NUMBER}|mrn|ssn|passport|driverslicen[cs]e|licen[cs]eplate|iban|id"
    ),
    "a picture": "photo(graph)?|fingerprint",
}
_OF_WHOM = "(patients?|participants?|subjects?|persons?|pat|pt)"


def direct_identifier_named(column: str) -> str:
    """Say what a column holds that is plainly called as a direct identifier is; "" when it is not.

    Neither case, blanks and punctuation nor a leading `patient` make a difference.
    """
    folded = unicodedata.normalize("NFKC", column).casefold()
    letters = "".join(character for character in folded if character.isalnum())
    if re.fullmatch(f"{_OF_WHOM}{_NUMBER}", letters):
        return "a number that only one person has"
    return next(
        (
            what
            for what, names in _DIRECT_IDENTIFIERS.items()
            if re.fullmatch(f"{_OF_WHOM}?({names})", letters)
        ),
        "",
    )
