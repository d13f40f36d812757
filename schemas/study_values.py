"""The kinds of single values in `study.yaml`, each accepting what it says and nothing else."""

import datetime as dt
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from schemas.errors import StudyPackageError
from schemas.package_files import open_inside, why_no_path_inside
from schemas.plain_text import is_formula, is_invisible, plain
from schemas.records import RECORDS
from schemas.reference import seed_column, suggestion
from schemas.yaml_text import YamlText

# What an event class can be to an endpoint.
ENDPOINT_RULES = ("event", "competing", "ignored")

# How the marts call a subgroup of everybody: neither a column nor an endpoint can be called so.
EVERYBODY = "all"

# Levels beyond this are no groups: each would have its own rows in the marts and its own line in the report.
MAX_LEVELS = 50

# Longer values are cut in messages.
_SHOWN_CHARACTERS = 200
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True)
class Surroundings:
    """What single values of the file are checked against, and the lines on which they stand."""

    folder: Path
    yaml: YamlText
    arm_ids: tuple[str, ...]
    custom_endpoint_ids: tuple[str, ...]


def fault(sentence: str) -> PydanticCustomError:
    """Return an error whose sentence says what is wrong and what would be accepted."""
    return PydanticCustomError("fault", "{sentence}", {"sentence": sentence})


def quoted(value: str) -> str:
    """Show a value as it is written; what is empty would show as nothing."""
    shown = value if len(value) <= _SHOWN_CHARACTERS else f"{value[:_SHOWN_CHARACTERS]}..."
    return f"`{shown}`" if value else "an empty value"


def _one_of(
    what: str, accepted: Callable[[Surroundings], Sequence[str]]
) -> Callable[[str, ValidationInfo[Surroundings]], str]:
    def check(value: str, info: ValidationInfo[Surroundings]) -> str:
        words = accepted(info.context)
        if value in words:
            return value
        listed = ", ".join(dict.fromkeys(words))
        raise fault(f"{quoted(value)} is not {what}{suggestion(value, words)}; accepted: {listed}")

    return check


def _as_date(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            return value
    return value


def _as_number(value: object) -> object:
    if isinstance(value, str) and _NUMBER.fullmatch(value) and math.isfinite(float(value)):
        return float(value)
    return value


def _as_truth(value: object) -> object:
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def distinct(values: list[Any]) -> list[Any]:
    """Accept a list in which nothing is there twice."""
    twice = [value for value, n in Counter(values).items() if n > 1]
    if twice:
        raise fault(
            f"{', '.join(quoted(str(value)) for value in twice)} is named more than once; accepted: once"
        )
    return values


def _package_file(name: str, info: ValidationInfo[Surroundings]) -> str:
    """Accept a file of the package only: what it leads to must lie inside the folder."""
    if why := why_no_path_inside(name):
        raise fault(f"{quoted(name)} {why}")
    path = PurePosixPath(name)
    if str(path).casefold() == info.context.yaml.file.casefold():
        raise fault(f"`{path}` is the descriptor itself; accepted: a file of records")
    try:
        open_inside(info.context.folder, str(path)).close()
    except StudyPackageError as error:
        raise fault(error.problems[0]) from None
    return str(path)


def _line_of_words(text: object) -> object:
    """Leave out the line break at the end of a folded text; what is behind it is nothing."""
    return text.removesuffix("\n") if isinstance(text, str) else text


def _words(text: str) -> str:
    """Accept words that a terminal, a page and a spreadsheet show as they are."""
    return _prose(text, "in one line", may_break=False)


def _prose(text: str, accepted: str = "words", *, may_break: bool = True) -> str:
    """Accept words as `_words`, in one line or several."""
    odd = next((c for c in text if is_invisible(c) and not (may_break and c == "\n")), "")
    if odd:
        what = "a line break" if odd == "\n" else f"the invisible character {plain(odd)}"
        raise fault(f"{quoted(text)} holds {what}; accepted: words {accepted} that can be read")
    if is_formula(text):
        raise fault(f"{quoted(text)} is a formula, which a spreadsheet would execute; accepted: words")
    return text


def _column_name(name: str) -> str:
    if name.casefold() == EVERYBODY:
        raise fault(
            f"`{name}` is what the marts call everybody together; accepted: a column of participants by"
            " another name"
        )
    return name


Date = Annotated[dt.date, BeforeValidator(_as_date)]
Number = Annotated[float, BeforeValidator(_as_number)]
Truth = Annotated[bool, BeforeValidator(_as_truth)]
_OneLine = BeforeValidator(_line_of_words)
Words = Annotated[str, _OneLine, Field(min_length=1, max_length=2000), AfterValidator(_words)]
Prose = Annotated[str, _OneLine, Field(max_length=20_000), AfterValidator(_prose)]
ColumnName = Annotated[Words, AfterValidator(_column_name)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$", max_length=64)]
KnownArm = Annotated[str, AfterValidator(_one_of("an arm of the study", lambda at: at.arm_ids))]
KnownEndpoint = Annotated[
    str,
    AfterValidator(
        _one_of(
            "an endpoint",
            lambda at: (*seed_column("endpoint_definitions", "endpoint_id"), *at.custom_endpoint_ids),
        )
    ),
]
KnownEventClass = Annotated[
    str,
    AfterValidator(_one_of("an event class", lambda _: seed_column("event_classes", "event_class"))),
]
KnownRule = Annotated[str, AfterValidator(_one_of("a rule", lambda _: ENDPOINT_RULES))]
KnownPolicy = Annotated[
    str,
    AfterValidator(_one_of("a censoring policy", lambda _: seed_column("censoring_policies", "policy_id"))),
]
KnownOrgan = Annotated[
    str,
    AfterValidator(_one_of("an organ", lambda _: ("none", *seed_column("organs", "organ_id")))),
]
KnownRecord = Annotated[str, AfterValidator(_one_of("a record type", lambda _: tuple(RECORDS)))]
PackageFile = Annotated[str, AfterValidator(_package_file)]
Files = Annotated[
    list[PackageFile],
    BeforeValidator(_as_list),
    Field(min_length=1, description="a file of the package, or a list of files"),
]
ID_WORDS = "letters, digits, _ . and -, at most 64"
