"""Checking a header against the contract: exact names, nothing missing, nothing unknown."""

import unicodedata
from dataclasses import dataclass

from orchestration.landing.batch import MAX_COLUMNS
from orchestration.landing.identifying_columns import identifying_problems, refuse_row_as_header
from orchestration.landing.look_alikes import foreign_letters, same_but_for_form, skeleton
from schemas.errors import StudyPackageError
from schemas.plain_text import is_formula
from schemas.records import RecordType
from schemas.records.columns import IDENTIFIER_BYTES
from schemas.reference import suggestion
from schemas.study import StudyDescriptor

_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}

# Columns of participants that say who they are and when they came, not what they were like.
_NO_COVARIATES = ("participant_id", "index_date", "entry_date", "arm_id")


@dataclass(frozen=True)
class Header:
    """Columns of a file in its order.

    Attributes:
        columns: all of them.
        covariates: those of participants that are not contract, nor left in the file as direct identifiers.
        continuous: those of participants that the study takes for numbers.
    """

    columns: list[str]
    covariates: list[str]
    continuous: list[str]


def check_header(names: list[str], record: RecordType, study: StudyDescriptor, file: str) -> Header:
    """Check the column names of a file.

    Args:
        names: the header as read.
        record: the record type the file is said to hold.
        study: whose arms, strata, subgroups and adjustment need columns of participants.
        file: how messages call the file.

    Raises:
        StudyPackageError: the names break the contract; all problems are listed.
    """
    if not any(names):
        raise StudyPackageError([f"{file} line 1 is empty; accepted: the column names"])
    if len(names) > MAX_COLUMNS:
        raise StudyPackageError([f"{file} has {len(names):,} columns; accepted: at most {MAX_COLUMNS:,}"])
    _refuse_other_separator(names, record, file)
    refuse_row_as_header(names, record, file)
    problems = _unusable_names(names, file) or _misleading_names(names, record, file)
    unknown = [name for name in names if name and name not in record.columns]
    missing = [name for name in record.required if name not in names]
    problems += [
        f"{file}: the required column `{name}` is missing{suggestion(name, unknown)};"
        f" accepted: {', '.join(record.columns)}"
        for name in missing
    ]
    is_open = record.name == "participants"
    if is_open:
        problems += _misspelt(unknown, record, file)
        # Where a required column is missing, the names of the file may be a row of it.
        usable = list(record.columns) if missing else names
        problems += _missing_for_study(names, usable, study, file)
        problems += identifying_problems(unknown, study, file)
    else:
        problems += [
            f"{file}: the column `{name}` is unknown{suggestion(name, record.columns)};"
            f" accepted: {', '.join(record.columns)}"
            for name in unknown
        ]
    if problems:
        raise StudyPackageError(problems)
    continuous = [part.covariate for part in study.adjustment if part.kind == "continuous"]
    covariates = sorted(set(unknown) - set(study.direct_identifiers))
    return Header(names, covariates, continuous if is_open else [])


def _refuse_other_separator(names: list[str], record: RecordType, file: str) -> None:
    for separator, word in _OTHER_SEPARATORS.items():
        if len(names) == 1 and set(record.required) & set(names[0].split(separator)) - {names[0]}:
            raise StudyPackageError([f"{file} separates its columns with {word}; accepted: commas"])


def _unusable_names(names: list[str], file: str) -> list[str]:
    problems = [
        f"{file}: column {position} has no name; accepted: a name for every column"
        for position, name in enumerate(names, start=1)
        if not name
    ]
    doubles = sorted({name for name in names if name and names.count(name) > 1})
    problems += [f"{file}: the column `{name}` is there more than once; accepted: once" for name in doubles]
    problems += [
        f"{file}: the column `{name}` has blanks or invisible characters around or in its name;"
        f" accepted: `{''.join(c for c in name if c.isprintable()).strip()}`"
        for name in dict.fromkeys(names)
        if name != name.strip() or not name.isprintable()
    ]
    problems += [
        f"{file}: the column `{name[:IDENTIFIER_BYTES]}...` has a name of {len(name.encode()):,} bytes;"
        f" accepted: at most {IDENTIFIER_BYTES}"
        for name in names
        if len(name.encode()) > IDENTIFIER_BYTES
    ]
    return problems


def _misleading_names(names: list[str], record: RecordType, file: str) -> list[str]:
    """Refuse names that are taken for others: by people, by a spreadsheet, or by another system."""
    problems = [
        f"{file}: the column `{name}` is `{first}` but for case or the form of its characters;"
        " accepted: names that differ by more"
        for name, first in same_but_for_form(names).items()
    ]
    for name in names:
        where = f"{file}: the column `{name}`"
        if letters := foreign_letters(name, record.columns):
            problems.append(f"{where} has {letters}, which looks like a Latin letter; accepted: that one")
        elif name != unicodedata.normalize("NFC", name):
            problems.append(f"{where} is written in parts of characters; accepted: Unicode form NFC")
        if is_formula(name):
            problems.append(f"{where} is a formula, which a spreadsheet would execute; accepted: a name")
    return problems


def _misspelt(unknown: list[str], record: RecordType, file: str) -> list[str]:
    """Name covariates that are contract columns but for case or punctuation: kept, they would be lost."""
    by_letters = {_letters(name): name for name in record.columns}
    return [
        f"{file}: the column `{name}` is written otherwise than the contract's;"
        f" accepted: `{by_letters[_letters(name)]}`"
        for name in unknown
        if _letters(name) in by_letters
    ]


def _letters(name: str) -> str:
    return "".join(character for character in skeleton(name) if character.isalnum())


def _missing_for_study(names: list[str], listed: list[str], study: StudyDescriptor, file: str) -> list[str]:
    """Name columns that the study needs and the file lacks; of the `listed`, covariates are suggested."""
    problems = []
    if study.arms and "arm_id" not in names:
        problems.append(f"{file}: the column `arm_id` is missing; study.yaml has arms, so it is required")
    none = (*_NO_COVARIATES, *study.direct_identifiers)
    usable = [name for name in listed if name not in none]
    for place, name in _named_columns(study):
        if name in names and name not in none:
            continue
        key = f"{place[0]}[{place[1] + 1}]"
        what = "no covariate" if name in names else "missing"
        problems.append(
            f"study.yaml line {study.line(*place)}: {key} names the column `{name}`, which is {what} in"
            f" {file}{suggestion(name, usable)}; accepted: {', '.join(usable)}"
        )
    return problems


def _named_columns(study: StudyDescriptor) -> list[tuple[tuple[str, int], str]]:
    """Return where study.yaml names columns of participants: key and position, column."""
    named = {
        "stratification": study.stratification,
        "subgroups": study.subgroups,
        "adjustment": [part.covariate for part in study.adjustment],
    }
    return [((key, n), name) for key, names in named.items() for n, name in enumerate(names)]
