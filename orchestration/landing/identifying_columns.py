"""Columns of participants that alone tell who somebody is: declared so and left in the file, or refused."""

import re

import polars as pl

from schemas.errors import StudyPackageError
from schemas.privacy import direct_identifier_named
from schemas.records import RecordType
from schemas.reference import suggestion
from schemas.study import StudyDescriptor

_NOT_KEPT = "(not kept: direct_identifiers of study.yaml names a column of the file)"
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
# Digits with what stands between them in dates, times and numbers, and at most the name of a month.
_DATE_OR_NUMBER = re.compile(
    rf"(?=.*\d)[\d\s.,:/+_-]*(?:(?:{_MONTHS})[a-z]*|[tze])?[\d\s.,:/+_-]*z?", re.IGNORECASE
)


def refuse_row_as_header(names: list[str], record: RecordType, file: str) -> None:
    """Refuse a file that begins with a row: shown as names of columns, its values would say who somebody is.

    A cell of a row may be near the name of a column by chance (`EX` is near `sex`), so only exact names of
    required columns make a header.

    Raises:
        StudyPackageError: no required column is named exactly, or a name is a date or a number.
    """
    if set(names).isdisjoint(record.required):
        problem = f"names no required column of {record.name}"
    elif any(_DATE_OR_NUMBER.fullmatch(name) for name in names):
        problem = "has a date or a number for the name of a column, as a row would"
    else:
        return
    accepted = f"a header with at least {', '.join(record.required)}, of {', '.join(record.columns)}"
    raise StudyPackageError([f"{file} line 1 {problem} (what it holds is not shown); accepted: {accepted}"])


def identifying_problems(covariates: list[str], study: StudyDescriptor, file: str) -> list[str]:
    """Say which further columns of participants would carry a direct identifier into the warehouse.

    Args:
        covariates: the columns of the file that are no contract.
        study: whose `direct_identifiers` name those that are left in the file.
        file: how messages call the file.

    Returns:
        A sentence for each column that is called as an identifier is and not declared as one, and for each
        that is declared and not there: a slip in its name would let the column through.
    """
    declared = study.direct_identifiers
    problems = []
    for position, name in enumerate(declared):
        if name not in covariates:
            problems.append(
                f"study.yaml line {study.line('direct_identifiers', position)}: direct_identifiers"
                f"[{position + 1}] names the column `{name}`, which is missing in"
                f" {file}{suggestion(name, covariates)}; accepted: the name of a column as it stands there"
            )
    for name in covariates:
        what = direct_identifier_named(name)
        if what and name not in declared:
            problems.append(
                f"{file}: the column `{name}` is called as {what} is, which would stand in every release;"
                f" accepted: a file without it, or `direct_identifiers: [{name}]` in study.yaml, which leaves"
                " the column in the file"
            )
    return problems


def kept_text(text: pl.Expr, study: StudyDescriptor, record: RecordType) -> pl.Expr:
    """Return what quarantine keeps of how a row is written: nothing where columns are left in the file."""
    if record.name == "participants" and study.direct_identifiers:
        return pl.lit(_NOT_KEPT)
    return text
