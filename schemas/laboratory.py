"""Names of analytes and units as laboratories write them, and the factor between units.

Here: which analyte and which unit of `seeds/reference` a text means, what a number in that unit is in the
analyte's canonical unit, and the words for what is meant by none. Not here: results themselves.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from types import MappingProxyType

from schemas.reference import seed_rows, suggestion_among

_GREEK = str.maketrans("αβγδ", "abgd")
_GREEK_NAMES = re.compile("alpha|beta|gamma|delta")
_NO_LETTER_OR_DIGIT = re.compile(r"[\W_]")
_DIGITS = re.compile(r"[0-9]+")
# Blanks, and the points that stand for a product in `pg·mL⁻¹`.
_BETWEEN_UNITS = re.compile(r"[\s·⋅]")

# A concentration of one mole a litre in the base of the dimension: g/L, mol/L or IU/L.
_PER_MIU = Fraction(1, 10**9)


@dataclass(frozen=True)
class Unit:
    """A unit; `to_base` multiplies a number in it into g/L, mol/L, IU/L or a share of one."""

    unit_id: str
    dimension: str
    to_base: Fraction


@dataclass(frozen=True)
class Analyte:
    """An analyte, its names, and for each unit it accepts the factor into its canonical one."""

    analyte_id: str
    names: tuple[str, ...]
    canonical_unit: str
    to_canonical: Mapping[str, float]

    @property
    def units(self) -> tuple[str, ...]:
        """Units in which it may be delivered, the canonical one first."""
        others = (unit for unit in self.to_canonical if unit != self.canonical_unit)
        return (self.canonical_unit, *others)


def analyte_form(text: str) -> str:
    """Reduce the name of an analyte to what tells it apart: `TNF-α`, `tnf alpha` and `TNFA` are one."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_GREEK)
    spelt = _GREEK_NAMES.sub(lambda found: found[0][0], folded)
    return _NO_LETTER_OR_DIGIT.sub("", spelt)


def unit_form(text: str) -> str:
    """Reduce a unit to what tells it apart: without blanks, in lower case, the micro sign as u."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("μ", "u").replace("\N{MINUS SIGN}", "-")
    return _BETWEEN_UNITS.sub("", folded)


@cache
def units() -> Mapping[str, Unit]:
    """Return every unit by its id, in the order of the seed."""
    return MappingProxyType(
        {
            row["unit_id"]: Unit(row["unit_id"], row["dimension"], Fraction(row["to_base"]))
            for row in seed_rows("units")
        }
    )


@cache
def analytes() -> Mapping[str, Analyte]:
    """Return every analyte by its id, in the order of the seed."""
    return MappingProxyType({row["analyte_id"]: _analyte(row) for row in seed_rows("analytes")})


def _analyte(row: Mapping[str, str]) -> Analyte:
    analyte_id = row["analyte_id"]
    synonyms = (r["synonym"] for r in seed_rows("analyte_synonyms") if r["analyte_id"] == analyte_id)
    factors = {name: _factor(row, unit) for name, unit in units().items()}
    return Analyte(
        analyte_id,
        (row["label"], *synonyms),
        row["canonical_unit"],
        MappingProxyType({name: float(factor) for name, factor in factors.items() if factor is not None}),
    )


def _factor(row: Mapping[str, str], unit: Unit) -> Fraction | None:
    """Return what a number in `unit` is multiplied by, exactly; nothing when it cannot be converted."""
    canonical = units()[row["canonical_unit"]]
    if unit.dimension == canonical.dimension:
        return unit.to_base / canonical.to_base
    of_one_mole = {"molar": Fraction(1)}
    if row["molar_mass_g_mol"]:
        of_one_mole["mass"] = Fraction(row["molar_mass_g_mol"])
    if row["pmol_per_miu"]:
        of_one_mole["activity"] = 1 / (Fraction(row["pmol_per_miu"]) * _PER_MIU)
    if unit.dimension not in of_one_mole or canonical.dimension not in of_one_mole:
        return None
    moles = unit.to_base / of_one_mole[unit.dimension]
    return moles * of_one_mole[canonical.dimension] / canonical.to_base


@cache
def _analyte_ids() -> Mapping[str, str]:
    """Return the ids of analytes by the form of each of their names."""
    return MappingProxyType(
        {
            analyte_form(name): analyte.analyte_id
            for analyte in analytes().values()
            for name in (*analyte.names, analyte.analyte_id)
        }
    )


@cache
def _unit_ids() -> Mapping[str, str]:
    """Return the ids of units by the form of each of their spellings."""
    synonyms = ((row["synonym"], row["unit_id"]) for row in seed_rows("unit_synonyms"))
    return MappingProxyType(
        {unit_form(text): unit_id for text, unit_id in (*synonyms, *((name, name) for name in units()))}
    )


def find_analyte(text: str) -> Analyte | None:
    """Return the analyte that a text names, in whatever spelling; nothing when it names none."""
    analyte_id = _analyte_ids().get(analyte_form(text))
    return analytes()[analyte_id] if analyte_id else None


def find_unit(text: str) -> Unit | None:
    """Return the unit that a text names, in whatever spelling; nothing when it names none."""
    unit_id = _unit_ids().get(unit_form(text))
    return units()[unit_id] if unit_id else None


def near_analyte(text: str) -> str:
    """Return " (did you mean `x`?)" for the analyte whose name is nearest, or nothing when none is near.

    Interleukins differ by their numbers only: whoever wrote another number did not mean this one.
    """
    form = analyte_form(text)
    digits = _DIGITS.findall(form)
    alike = {name: meant for name, meant in _analyte_ids().items() if _DIGITS.findall(name) == digits}
    return suggestion_among(form, alike)


def near_unit(text: str, accepted: tuple[str, ...]) -> str:
    """Return " (did you mean `x`?)" for the accepted unit whose spelling is nearest, or nothing."""
    alike = {form: unit_id for form, unit_id in _unit_ids().items() if unit_id in accepted}
    return suggestion_among(unit_form(text), alike)
