"""Characters that are no text: controls, marks of direction, what has no width, what damage leaves."""

import re
import unicodedata

# Controls, formats (zero-width and direction marks), separators of lines, and what damage leaves: the same
# set for Polars and, spelt out for Python, below.
INVISIBLE = r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\x{FFFD}]"
# What a spreadsheet runs when a cell of an exported file begins so. A lone sign, `+ve` and `-5` are none.
FORMULA = r"^(?:[=@].|[+-].*[(|!])"

_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_DAMAGED = "\N{REPLACEMENT CHARACTER}"
_FORMULA = re.compile(FORMULA, re.DOTALL)


def is_invisible(character: str) -> bool:
    """Whether a character shows nothing, moves what is shown, or stands for one that was damaged."""
    return character == _DAMAGED or unicodedata.category(character) in _INVISIBLE_CATEGORIES


def is_formula(text: str) -> bool:
    """Whether a spreadsheet that is given the text as a cell would compute it."""
    return _FORMULA.search(text) is not None


def plain(text: str) -> str:
    r"""Show what is no text by its code, `\x1b` or `\u202e`: a value must not steer a terminal or a log."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_code(c) if c != _DAMAGED and is_invisible(c) else c for c in text)


def _code(character: str) -> str:
    point = ord(character)
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
