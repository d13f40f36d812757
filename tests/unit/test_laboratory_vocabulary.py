"""What laboratories call an analyte or a unit is understood, and what is not is told, never assumed."""

from collections import defaultdict
from fractions import Fraction

import pytest

from schemas.laboratory import (
    analyte_form,
    analytes,
    find_analyte,
    find_unit,
    near_analyte,
    near_unit,
    unit_form,
    units,
)
from schemas.reference import seed_column, seed_rows


@pytest.mark.parametrize(
    ("analyte_id", "spellings"),
    [
        ("IL6", ["IL6", "IL-6", "il 6", "Interleukin-6", "hs-IL-6", "ＩＬ－６"]),
        ("IL1B", ["IL-1β", "IL-1b", "IL1 beta", "interleukin 1 Beta", "IL\N{NON-BREAKING HYPHEN}1β"]),
        ("IL1RA", ["IL-1ra", "IL-1 receptor antagonist", "IL1RN"]),
        ("TNFA", ["TNF-α", "tnf alpha", "TNF", "Tumor Necrosis Factor-alpha", "tumour necrosis factor"]),
        ("IFNG", ["IFN-γ", "IFN gamma", "Interferon-gamma"]),
        ("GMCSF", ["GM-CSF", "CSF2"]),
        ("CRP", ["hs-CRP", "hsCRP", "C-reactive protein"]),
        ("IGF1", ["IGF-I", "IGF-1", "somatomedin C"]),
        ("IGF2", ["IGF-II", "Insulin-like growth factor II"]),
        ("IL12", ["IL-12p70", "IL-12 (p70)"]),
        ("GDF15", ["GDF-15", "MIC-1"]),
        ("LIF", ["leukemia inhibitory factor", "leukaemia inhibitory factor"]),
        ("SPARC", ["osteonectin"]),
    ],
)  # fmt: skip
def test_an_analyte_is_known_by_every_usual_spelling(analyte_id, spellings):
    for spelling in spellings:
        found = find_analyte(spelling)
        assert found, spelling
        assert found.analyte_id == analyte_id, spelling


@pytest.mark.parametrize(
    "text", ["IL-7", "IL-18", "IL-1α", "IL-6R", "TNF-β", "IL-2R", "IGFBP-1", "", "-", "α"]
)
def test_a_relative_of_an_analyte_is_not_taken_for_it(text):
    assert find_analyte(text) is None


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("ILL6", "IL6"),
        ("interlukin 6", "IL6"),
        ("decorine", "DECORIN"),
        ("oncostatin", "OSM"),
        ("insuline", "INSULIN"),
    ],
)
def test_a_misspelt_analyte_is_suggested(text, meant):
    assert near_analyte(text) == f" (did you mean `{meant}`?)"


@pytest.mark.parametrize("text", ["IL-66", "IL-7", "IL-18", "IGFBP-6", "glucose"])
def test_another_number_or_another_substance_suggests_nothing(text):
    assert near_analyte(text) == ""


@pytest.mark.parametrize(
    ("unit_id", "spellings"),
    [
        ("pg/mL", ["pg/mL", "pg/ml", "PG/ML", "pg / mL", "pg mL-1", "pg·mL⁻¹"]),
        ("ug/mL", ["ug/mL", "\N{MICRO SIGN}g/mL", "\N{GREEK SMALL LETTER MU}g/ml", "mcg/mL"]),
        ("mIU/L", ["mIU/L", "mU/l"]),
        ("uIU/mL", ["\N{MICRO SIGN}IU/mL", "uU/ml", "mcIU/mL"]),
        ("pmol/L", ["pM", "pmol/l"]),
        ("%", ["%", "percent", "% of control"]),
    ],
)
def test_a_unit_is_known_by_every_usual_spelling(unit_id, spellings):
    for spelling in spellings:
        found = find_unit(spelling)
        assert found, spelling
        assert found.unit_id == unit_id, spelling


@pytest.mark.parametrize("text", ["pg", "pg/m", "pg/mL/h", "", "AU", "U"])
def test_what_is_no_unit_of_a_result_is_not_known(text):
    assert find_unit(text) is None


def test_a_misspelt_unit_is_suggested_of_those_the_analyte_accepts():
    assert near_unit("pg/m", analytes()["IL6"].units) == " (did you mean `pg/mL`?)"
    assert near_unit("pg/m", analytes()["TUMOUR_CELL_GROWTH"].units) == ""


# By hand, from SI prefixes: 1 ng is 1000 pg, 1 dL is 100 mL, 1 L is 1000 mL.
@pytest.mark.parametrize(
    ("analyte_id", "unit", "factor"),
    [
        ("IL6", "pg/mL", 1.0),
        ("IL6", "ng/mL", 1000.0),
        ("IL6", "ng/L", 1.0),
        ("IL6", "pg/dL", 0.01),
        ("IL6", "fg/mL", 0.001),
        ("IL6", "ug/mL", 1e6),
        ("DECORIN", "pg/mL", 0.001),
        ("CRP", "mg/dL", 10.0),
        ("CRP", "ug/mL", 1.0),
        ("CRP", "ng/mL", 0.001),
        ("INSULIN", "uIU/mL", 1.0),
        ("INSULIN", "IU/L", 1000.0),
        ("TUMOUR_CELL_GROWTH", "fraction", 100.0),
    ],
)
def test_a_unit_of_the_same_kind_is_converted_to_the_last_bit(analyte_id, unit, factor):
    assert analytes()[analyte_id].to_canonical[unit] == factor


def test_insulin_in_pmol_per_litre_is_six_to_the_milliunit():
    # Knopp 2019, J Diabetes Sci Technol 13:597: 1 mIU/L is 6.00 pmol/L.
    insulin = analytes()["INSULIN"].to_canonical
    assert insulin["pmol/L"] == 1 / 6
    assert insulin["nmol/L"] == 1000 / 6
    # By mass: 6 pmol of 5808 g/mol are 34.848 ng, so that 1 ng/mL is 1000/34.848 mIU/L.
    assert insulin["ng/mL"] == float(1 / Fraction("0.034848"))


def test_moles_are_converted_by_the_molar_mass():
    # 1 nmol of IGF-1 (7649 g/mol) is 7649 ng, in a litre 7.649 ng/mL; the field's factor is 7.649.
    assert analytes()["IGF1"].to_canonical["nmol/L"] == 7.649
    assert analytes()["IL6"].to_canonical["pmol/L"] == 20.813


def test_there_and_back_is_the_same_concentration():
    for analyte in analytes().values():
        assert analyte.to_canonical[analyte.canonical_unit] == 1.0
        assert all(factor > 0 for factor in analyte.to_canonical.values())
        assert analyte.units[0] == analyte.canonical_unit
        assert set(analyte.units) == set(analyte.to_canonical)


@pytest.mark.parametrize(
    ("analyte_id", "unit"),
    [("IL6", "%"), ("IL2", "IU/L"), ("TUMOUR_CELL_GROWTH", "pg/mL"), ("CRP", "nmol/L"), ("INSULIN", "%")],
)
def test_a_unit_that_says_something_else_is_not_accepted(analyte_id, unit):
    assert unit in units()
    assert unit not in analytes()[analyte_id].to_canonical


def test_no_spelling_stands_for_two_analytes_or_two_units():
    meant = defaultdict(set)
    for row in seed_rows("analytes"):
        meant[analyte_form(row["analyte_id"])].add(row["analyte_id"])
        meant[analyte_form(row["label"])].add(row["analyte_id"])
    for row in seed_rows("analyte_synonyms"):
        meant[analyte_form(row["synonym"])].add(row["analyte_id"])
    for unit_id in seed_column("units", "unit_id"):
        meant[unit_form(unit_id) + " (unit)"].add(unit_id)
    for row in seed_rows("unit_synonyms"):
        meant[unit_form(row["synonym"]) + " (unit)"].add(row["unit_id"])
    assert {text: ids for text, ids in meant.items() if len(ids) > 1 or not text} == {}


def test_the_reference_names_only_what_it_defines():
    assert set(seed_column("analyte_synonyms", "analyte_id")) <= set(seed_column("analytes", "analyte_id"))
    assert set(seed_column("unit_synonyms", "unit_id")) <= set(seed_column("units", "unit_id"))
    assert set(seed_column("analytes", "canonical_unit")) <= set(seed_column("units", "unit_id"))
    assert set(seed_column("units", "dimension")) == {"mass", "molar", "activity", "share"}
    assert set(seed_column("analytes", "kind")) == {"concentration", "functional"}
    assert set(seed_column("result_words", "outcome")) == {"below_limit", "above_limit", "not_measured"}
    assert all(word == word.upper() for word in seed_column("result_words", "result_word"))
    assert list(seed_column("imputation_policies", "is_default")).count("true") == 1


@pytest.mark.parametrize(
    ("table", "keys"),
    [
        ("analytes", ["analyte_id"]),
        ("analyte_synonyms", ["synonym"]),
        ("units", ["unit_id"]),
        ("unit_synonyms", ["synonym"]),
        ("result_words", ["result_word"]),
        ("imputation_policies", ["imputation"]),
        ("assay_limits", ["limit_id"]),
    ],
)
def test_every_row_of_the_reference_has_its_own_key(table, keys):
    rows = [tuple(row[key] for key in keys) for row in seed_rows(table)]
    assert len(rows) == len(set(rows))
    assert all(all(key) for key in rows)


def test_every_analyte_says_where_its_figures_come_from():
    for row in seed_rows("analytes"):
        assert row["source"], row["analyte_id"]
        assert bool(row["uniprot"]) == (row["kind"] == "concentration")
        assert (row["is_plasma_volume_corrected"] == "true") == (row["kind"] == "concentration")
        if row["usual_low"] and row["usual_high"]:
            assert float(row["usual_low"]) < float(row["usual_high"])


# Masses of the mature chains as suppliers of the recombinant proteins print them, in kDa.
@pytest.mark.parametrize(
    ("analyte_id", "kilodalton"),
    [
        ("IL6", 20.8),
        ("IL8", 8.4),
        ("IL10", 18.6),
        ("IL1B", 17.4),
        ("IL1RA", 17.1),
        ("IL2", 15.4),
        ("IL4", 15.0),
        ("TNFA", 17.4),
        ("GMCSF", 14.5),
        ("LIF", 19.7),
        ("LEPTIN", 16.0),
        ("IGF1", 7.6),
        ("IGF2", 7.5),
        ("INSULIN", 5.8),
        ("GDF15", 24.5),
    ],
)
def test_molar_masses_are_those_of_the_mature_proteins(analyte_id, kilodalton):
    masses = dict(
        zip(seed_column("analytes", "analyte_id"), seed_column("analytes", "molar_mass_g_mol"), strict=True)
    )
    assert float(masses[analyte_id]) / 1000 == pytest.approx(kilodalton, abs=0.06)


@pytest.mark.parametrize("code", [code for code in seed_column("analytes", "loinc") if code])
def test_loinc_codes_have_their_check_digit(code):
    """Mod 10 as LOINC computes it: every second digit from the right doubled, digits of products added."""
    number, check = code.split("-")
    doubled = [int(digit) * (1 + (place % 2 == 0)) for place, digit in enumerate(reversed(number))]
    assert (10 - sum(sum(divmod(value, 10)) for value in doubled) % 10) % 10 == int(check)
