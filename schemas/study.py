"""The descriptor of a study package: `study.yaml`, read strictly.

Here: the model of the file, its defaults, and the words for what is wrong with it. Not here: the
records it names, which landing reads.
"""

import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, JsonValue, PrivateAttr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from schemas.errors import StudyPackageError
from schemas.records import RECORDS
from schemas.reference import seed_column, suggestion
from schemas.study_parts import Arm, Comparison, Covariate, CustomEndpoint, Part, Source, Timepoint
from schemas.study_values import (
    MAX_LEVELS,
    ColumnName,
    Date,
    Files,
    KnownEndpoint,
    KnownOrgan,
    KnownPolicy,
    KnownRecord,
    Number,
    Surroundings,
    Truth,
    Words,
    distinct,
    fault,
    quoted,
)
from schemas.yaml_text import Place, YamlText, read_yaml

STUDY_FILE = "study.yaml"


def _distinct_by(key: str) -> Callable[[list[Any]], list[Any]]:
    def check(parts: list[Any]) -> list[Any]:
        distinct([getattr(part, key) for part in parts])
        return parts

    return check


def _distinct_endpoint_ids(parts: list[CustomEndpoint]) -> list[CustomEndpoint]:
    """Accept ids that differ by more than case: what is named after them would be taken for the same."""
    _distinct_by("endpoint_id")(parts)
    seen: dict[str, str] = {}
    for part in parts:
        first = seen.setdefault(part.endpoint_id.casefold(), part.endpoint_id)
        if first != part.endpoint_id:
            raise fault(
                f"`{part.endpoint_id}` is `{first}` but for upper and lower case;"
                " accepted: ids that differ by more"
            )
    return parts


def _left_out(words: str) -> dict[str, JsonValue]:
    """Say what an optional key means when it is left out, where its default does not."""
    return {"left_out": words}


# Lists that stand for everything when they are left out: an empty one would read as nothing.
_NOT_EMPTY = 1


def _primary_policies() -> list[str]:
    columns = (seed_column("censoring_policies", name) for name in ("policy_id", "is_primary"))
    return [policy for policy, is_primary in zip(*columns, strict=True) if is_primary == "true"]


class StudyDescriptor(Part):
    """One study, as `study.yaml` describes it."""

    study_id: str = Field(
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$",
        max_length=64,
        description="lower-case letters, digits and single hyphens, at most 64",
    )
    title: Words = Field(description="the title of the study in words")
    design: Literal["randomised_trial", "survivorship_cohort", "exercise_bout_study"] = Field(
        description="randomised_trial, survivorship_cohort or exercise_bout_study"
    )
    index_cancer: KnownOrgan = Field(description="an organ_id of seeds/reference, or none")
    time_origin: Words = Field(description="what participants.index_date is, such as randomisation")
    nominal_dates: Truth = Field(default=False, description="true or false")
    data_cutoff: Date = Field(description="a date written YYYY-MM-DD")
    arms: list[Arm] = Field(
        default=[], description="a list of arms", json_schema_extra=_left_out("everybody in one arm, ALL")
    )
    comparisons: list[Comparison] = Field(
        default=[],
        min_length=_NOT_EMPTY,
        description="a list of comparisons, one or more",
        json_schema_extra=_left_out("every experimental arm with every control"),
    )
    stratification: list[ColumnName] = Field(default=[], description="a list of participants' columns")
    subgroups: list[ColumnName] = Field(
        default=[], description=f"a list of participants' columns of at most {MAX_LEVELS} levels"
    )
    adjustment: list[Covariate] = Field(
        default=[], description=f"a list of covariates: {', '.join(Covariate.model_fields)}"
    )
    direct_identifiers: list[ColumnName] = Field(
        default=[],
        description="a list of participants' columns, none of the contract, that alone tell who somebody is,"
        " such as hospital_number; they stay in the file",
    )
    endpoints: list[KnownEndpoint] = Field(
        default=[],
        min_length=_NOT_EMPTY,
        description=(
            f"a list of one or more of {', '.join(seed_column('endpoint_definitions', 'endpoint_id'))} and"
            " the ids of custom_endpoints"
        ),
        json_schema_extra=_left_out("all of them"),
    )
    custom_endpoints: list[CustomEndpoint] = Field(
        default=[],
        description=f"a list of the study's own endpoints: {', '.join(CustomEndpoint.model_fields)}",
    )
    policies: list[KnownPolicy] = Field(
        default=[],
        min_length=_NOT_EMPTY,
        description=(
            f"a list of one or more of {', '.join(seed_column('censoring_policies', 'policy_id'))};"
            f" {', '.join(_primary_policies())} among them"
        ),
        json_schema_extra=_left_out("all of them"),
    )
    landmarks_years: list[Annotated[Number, Field(gt=0, le=100)]] = Field(
        default=[], description="a list of numbers of years above 0, at most 100"
    )
    rmst_years: Annotated[Number, Field(gt=0, le=100)] | None = Field(
        default=None, description="a number of years above 0, at most 100"
    )
    timepoints: list[Timepoint] = Field(default=[], description="a list of timepoints")
    visits: list[Words] = Field(
        default=[],
        min_length=_NOT_EMPTY,
        description="a list of one or more visits of samples, the earliest first",
        json_schema_extra=_left_out("every visit, the one with the earliest sample first"),
    )
    source: Source = Field(default=Source(), description="citation and licence")
    quarantine_tolerance: Annotated[Number, Field(ge=0, le=1)] = Field(
        default=0.0, description="a share of rows from 0 to 1"
    )
    records: dict[KnownRecord, Files] = Field(
        description=f"a map that gives participants, and any other of {', '.join(RECORDS)}, a file of the"
        " package or a list of files"
    )

    _folder: Path = PrivateAttr()
    _yaml: YamlText = PrivateAttr()

    def model_post_init(self, context: Any) -> None:
        """Remember the package that the file was checked against."""
        self._folder = context.folder
        self._yaml = context.yaml

    _no_doubles = field_validator(
        "comparisons",
        "stratification",
        "subgroups",
        "direct_identifiers",
        "endpoints",
        "policies",
        "landmarks_years",
        "visits",
    )(distinct)
    _distinct_arms = field_validator("arms")(_distinct_by("arm_id"))
    _distinct_covariates = field_validator("adjustment")(_distinct_by("covariate"))
    _distinct_endpoints = field_validator("custom_endpoints")(_distinct_endpoint_ids)
    _distinct_timepoints = field_validator("timepoints")(_distinct_by("timepoint"))

    @field_validator("policies")
    @classmethod
    def _primary_policy(cls, policies: list[str]) -> list[str]:
        missing = [name for name in _primary_policies() if policies and name not in policies]
        if missing:
            raise fault(f"`{missing[0]}` is missing, the policy of the main analysis; accepted: with it")
        return policies

    @field_validator("direct_identifiers")
    @classmethod
    def _further_columns(cls, names: list[str]) -> list[str]:
        contract = RECORDS["participants"].privacy
        for name in names:
            if name in contract:
                raise fault(
                    f"`{name}` is a column of the contract, which says itself what it tells of who somebody"
                    " is; accepted: a further column of participants"
                )
        return names

    @field_validator("records")
    @classmethod
    def _participants_and_distinct_files(cls, records: dict[str, list[str]]) -> dict[str, list[str]]:
        if "participants" not in records:
            raise fault("`participants` is missing; accepted: a file of participants at least")
        names = [name for names in records.values() for name in names]
        distinct(names)
        first: dict[str, str] = {}
        for name in names:
            form = unicodedata.normalize("NFKC", name).casefold()
            if first.setdefault(form, name) != name:
                raise fault(
                    f"{quoted(name)} is {quoted(first[form])} but for case or the form of its characters, so"
                    " that some systems take them for one file; accepted: names that differ by more"
                )
        return records

    @model_validator(mode="after")
    def _own_endpoints_are_used(self) -> "StudyDescriptor":
        used = self.all_endpoints
        unused = [f"`{own.endpoint_id}`" for own in self.custom_endpoints if own.endpoint_id not in used]
        if unused:
            raise fault(
                f"custom_endpoints defines {', '.join(unused)}, but endpoints does not name it; accepted:"
                " endpoints that do, or no endpoints, which is every one that is defined"
            )
        return self

    @model_validator(mode="after")
    def _identifiers_stay_in_the_file(self) -> "StudyDescriptor":
        uses = {
            "stratification": self.stratification,
            "subgroups": self.subgroups,
            "adjustment": [part.covariate for part in self.adjustment],
        }
        for key, names in uses.items():
            for name in names:
                if name in self.direct_identifiers:
                    raise fault(
                        f"{key} names `{name}`, which direct_identifiers leaves in the file; accepted:"
                        " another column"
                    )
        return self

    @model_validator(mode="after")
    def _trial_has_a_comparison(self) -> "StudyDescriptor":
        if self.design == "randomised_trial" and not self.all_comparisons:
            raise fault(
                "a randomised_trial has nothing to compare; accepted: an arm with role control and one with"
                " role experimental, or comparisons"
            )
        return self

    @property
    def folder(self) -> Path:
        """The package the descriptor was read from."""
        return self._folder

    def line(self, *place: str | int) -> int:
        """Return the line of the file on which a key or list item stands, such as `"subgroups", 0`."""
        return self._yaml.line(place)

    @property
    def all_arms(self) -> list[tuple[str, str, str]]:
        """(arm_id, label, role) in order; a study without arms has everybody in arm ALL."""
        declared = [(arm.arm_id, arm.label, str(arm.role)) for arm in self.arms]
        return declared or [("ALL", "All participants", "single")]

    @property
    def all_comparisons(self) -> list[tuple[str, str]]:
        """(experimental, control) in order; by default each experimental arm with each control."""
        if self.comparisons:
            return [(pair.experimental, pair.control) for pair in self.comparisons]
        by_role: dict[str, list[str]] = {"experimental": [], "control": []}
        for arm in self.arms:
            by_role[arm.role].append(arm.arm_id)
        return [(arm, control) for arm in by_role["experimental"] for control in by_role["control"]]

    @property
    def all_endpoints(self) -> list[str]:
        """Endpoint ids in order; by default every endpoint that is defined, the study's own included."""
        own = [endpoint.endpoint_id for endpoint in self.custom_endpoints]
        return list(self.endpoints) or [*seed_column("endpoint_definitions", "endpoint_id"), *own]

    @property
    def all_policies(self) -> list[str]:
        """Censoring policies in order; by default every policy there is."""
        return list(self.policies) or list(seed_column("censoring_policies", "policy_id"))


def load_study(path: Path) -> StudyDescriptor:
    """Read the descriptor of a study package.

    Args:
        path: the folder of the package.

    Raises:
        StudyPackageError: there is no readable `study.yaml`, or it has problems; all are listed.
    """
    yaml = read_yaml(path, STUDY_FILE)
    surroundings = Surroundings(
        folder=path,
        yaml=yaml,
        arm_ids=_ids(yaml.data.get("arms"), "arm_id"),
        custom_endpoint_ids=_ids(yaml.data.get("custom_endpoints"), "endpoint_id"),
    )
    try:
        study = StudyDescriptor.model_validate(yaml.data, context=surroundings)
    except ValidationError as error:
        faults = sorted(error.errors(), key=lambda found: yaml.line(_place(found)))
        problems = [_sentence(yaml, found) for found in faults]
        raise StudyPackageError(yaml.problems + problems) from None
    if yaml.problems:
        raise StudyPackageError(yaml.problems)
    return study


def _ids(parts: object, key: str) -> tuple[str, ...]:
    """Collect the ids that a list of the file declares, whatever else is wrong with it."""
    named = [part.get(key) for part in parts if isinstance(part, Mapping)] if isinstance(parts, list) else []
    return tuple(name for name in named if isinstance(name, str))


def _sentence(yaml: YamlText, found: ErrorDetails) -> str:
    """Say one validation error with its file, line, key, value and what would be accepted."""
    place = _place(found)
    at = f"{yaml.file} line {yaml.line(place)}"
    model, field = _declared(place)
    if found["type"] == "fault":
        return f"{at}: {_path(place)}: {found['msg']}" if place else f"{yaml.file}: {found['msg']}"
    if found["type"] == "missing":
        return f"{at}: `{_path(place)}` is missing; accepted: {field.description}"
    if found["type"] == "extra_forbidden":
        keys = list(model.model_fields)
        near = suggestion(str(place[-1]), keys)
        return f"{at}: `{_path(place)}` is no known key{near}; accepted: {', '.join(keys)}"
    value = found["input"]
    shown = quoted(value) if isinstance(value, str) else _yaml_word(value)
    near = suggestion(str(value), get_args(field.annotation)) if found["type"] == "literal_error" else ""
    return f"{at}: {_path(place)} is {shown}{near}; accepted: {field.description}"


def _yaml_word(value: object) -> str:
    """Call a value that is no text what its author calls it."""
    word = "a map" if isinstance(value, Mapping) else "a list"
    return word if value else word.replace("a ", "an empty ")


def _place(found: ErrorDetails) -> Place:
    # "[key]" is how the library says that a mapping's key is at fault, not its value.
    return tuple(part for part in found["loc"] if part != "[key]")


def _path(place: Place) -> str:
    """Write a place in the file as `arms[1].role`; list items count from 1."""
    words = [f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in place]
    return "".join(words).lstrip(".")


def part_of(field: FieldInfo) -> type[Part] | None:
    """Return the part of the file that a key holds, or a list of which it holds."""
    held = (field.annotation, *get_args(field.annotation))
    return next((kind for kind in held if isinstance(kind, type) and issubclass(kind, Part)), None)


def _declared(place: Place) -> tuple[type[Part], FieldInfo]:
    """Find the model a place belongs to, and the field that says what it accepts."""
    model: type[Part] = StudyDescriptor
    field = FieldInfo()
    for name in (part for part in place if isinstance(part, str)):
        if name not in model.model_fields:
            break
        field = model.model_fields[name]
        if place[-1] != name:
            model = part_of(field) or model
    return model, field
