"""Columns of participants that alone tell who somebody is: declared so and left in the file, or refused."""

import polars as pl

from schemas.errors import StudyPackageError
from schemas.privacy import direct_identifier_named
from schemas.records import RecordType
from schemas.reference import suggestion
from schemas.study import StudyDescriptor

_NOT_KEPT = "(not kept: direct_identifiers of study.yaml names a column of the file)"


def refuse_row_as_header(names: list[str], record: RecordType, file: str) -> None:
    """Refuse a file that begins with a row: shown as names of columns, its values would say who somebody is.

    Raises:
        StudyPackageError: no name is a column of the contract, or near one.
    """
    if any(name in record.columns or suggestion(name, record.columns) for name in names):
        return
    problem = f"{file} line 1 names no column of {record.name} (what it holds is not shown)"
    raise StudyPackageError([f"{problem}; accepted: the names of the columns: {', '.join(record.columns)}"])


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
