"""The column of a laboratory's result: a number, a limit with its sign, or a word for why there is none."""

from collections.abc import Sequence

import dataframely as dy
import polars as pl

from schemas.privacy import Privacy
from schemas.records import columns

_NUMBER = r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?"
_BELOW = "LOD|LOQ|LLOD|LLOQ"
_ABOVE = "ULOD|ULOQ"
_WORD = r"\p{L}"
# What begins with a letter is a word; whether it is an accepted one is another check.
_FORM = (
    rf"^(?:-?{_NUMBER}|[<>] ?{_NUMBER}"
    rf"|(?i:< ?(?:{_BELOW})|> ?(?:{_ABOVE}))"
    rf"|{_WORD}[^\r\n]*)$"
)
_SIGN = r"^[<>]? ?"
_COMMA = "has a comma: decimals follow a point, thousands are not separated"

# Patterns and what they say of a text that is no result, the first that is found.
_CAUSES = (
    (r"^[<>≤≥]? ?[+-]?[0-9]+(,[0-9]+)+(\.[0-9]+)?", _COMMA),
    (r"^[<>]?=|^[≤≥]|^[<>]{2}", "has another sign than < and >"),
    (
        rf"(?i)^(< ?({_ABOVE})|> ?({_BELOW}))$",
        "says only that the result is within the limits, not what it is",
    ),
    (r"^[<>] ?-", "is a limit below zero"),
    (rf"{_SIGN}-?0[0-9]", "has leading zeros"),
    (rf"{_SIGN}\+", "has a plus sign"),
    (r"_", "has an underscore"),
    (r"^[<>]", "is no limit: a number, LOD, LOQ or ULOQ follows the sign"),
    (rf"^-?{_NUMBER}[^0-9]", "has more than the number; its unit stands in unit"),
)
_RANGE_CAUSES = (("", "cannot be kept: it is too large or too small"),)
# Of words that are not accepted, those that are written for nothing or have two meanings.
_WORD_CAUSES = (
    (
        r"(?i)^(NA|NAN|INF|NULL|NONE|NIL|MISSING|UNKNOWN|REF|VALUE|TRUE|FALSE)$",
        "stands for nothing: write why there is no result, such as QNS, or leave the row out",
    ),
    (r"(?i)^(ND|N\.D\.)$", "may mean not detected or not done: write NOT_DETECTED or NOT_DONE"),
)


def result_text(
    meaning: str, words: Sequence[str], examples: Sequence[str], *, required: bool = False
) -> dy.String:
    """Build the column of a result as reported.

    Args:
        meaning: what the column holds.
        words: the words, in capitals, that stand for a result; they are accepted in any case.
        examples: those of them that messages name.
        required: whether every row has a result.
    """
    accepted = (
        "a result such as 12.3, <0.17, >500, <LOD or >ULOQ, with a point before decimals; or a word of"
        f" reference.result_words in any case, such as {', '.join(examples)}"
    )
    return dy.String(
        max_length=columns.TEXT_BYTES,
        regex=_FORM,
        check={
            "vocabulary": lambda value: (
                ~value.str.contains(f"^{_WORD}") | value.str.to_uppercase().is_in(words)
            ),
            "range": _can_be_kept,
        },
        nullable=not required,
        description=meaning,
        metadata={
            "accepted": accepted if required else f"{accepted}; or empty",
            "privacy": Privacy.NEITHER,
            "vocabulary": list(words),
            "causes": {"regex": _CAUSES, "check__range": _RANGE_CAUSES, "check__vocabulary": _WORD_CAUSES},
        },
    )


def _can_be_kept(text: pl.Expr) -> pl.Expr:
    """Accept a number that is finite, and zero only when it is written as zero."""
    number = text.str.strip_chars_start("<> ").cast(pl.Float64, strict=False)
    is_lost = (number == 0) & text.str.contains(r"^[^eE]*[1-9]")
    is_number = text.str.contains(rf"{_SIGN}-?{_NUMBER}$")
    return ~is_number | (number.is_finite() & ~is_lost)
