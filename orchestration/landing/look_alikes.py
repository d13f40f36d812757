"""Column names that look like another, or like one of the contract, and are not."""

import unicodedata
from collections.abc import Iterable, Mapping

# Letters of other scripts that print like Latin ones: those of Unicode's confusables.txt (UTS 39) that a
# name in lower or upper case can hold.
_LATIN = str.maketrans(
    "аԁеһіјӏорԛсѕѵхуԝгАВЕНІЈКМОРЅТХУ" + "αιϳκνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ" + "օսոհցզ" + "ıɑɡʏ",
    "adehijlopqcsvxywrABEHIJKMOPSTXY" + "aijkvoptuxABEZHIKMNOPTYX" + "ounhgq" + "iagy",
)


def skeleton(name: str) -> str:
    """Return what a name looks like: compatible forms, case, accents of layout and other scripts undone."""
    decomposed = unicodedata.normalize("NFKD", name)
    shown = "".join(c for c in decomposed if unicodedata.category(c) != "Cf")
    return unicodedata.normalize("NFKC", shown.translate(_LATIN)).casefold()


def foreign_letters(name: str, contract: Iterable[str]) -> str:
    """Say which letters of a name print like Latin ones where Latin letters are meant; "" when none do.

    A name in one script of its own is none of these, unless it prints like a column of the contract.
    """
    foreign = [c for c in dict.fromkeys(name) if ord(c) in _LATIN]
    if not foreign:
        return ""
    # Greek letters stand for what they are in `il6_μg` and `β_blocker`; those that print like Latin do not.
    has_latin = any("a" <= c.lower() <= "z" for c in name)
    if not has_latin and skeleton(name) not in contract:
        return ""
    return ", ".join(f"`{c}` ({unicodedata.name(c, 'unnamed').lower()})" for c in foreign)


def same_but_for_form(names: Iterable[str]) -> Mapping[str, str]:
    """Return names that equal an earlier one but for case, width or composed characters, with that one."""
    first: dict[str, str] = {}
    same = {}
    for name in names:
        form = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
        if first.setdefault(form, name) != name:
            same[name] = first[form]
    return same
