"""The descriptor of a study package: `study.yaml`, read strictly.

Here: the model of the file, its defaults, and the words for what is wrong with it. Not here: the
records it names, which landing reads.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from schemas.errors import StudyPackageError
from schemas.reference import seed_column, suggestion
from schemas.study_values import (
    ID_WORDS,
    Date,
    Files,
    Id,
    KnownArm,
    KnownEndpoint,
    KnownOrgan,
    KnownRecord,
    Number,
    Surroundings,
    Truth,
    Words,
    distinct,
    fault,
)
from schemas.yaml_text import Place, YamlText, read_yaml

STUDY_FILE = "study.yaml"


class _Part(BaseModel):
    """A part of the file: only the keys that are declared; each says what it accepts."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Arm(_Part):
    """An arm of the study."""

    arm_id: Id = Field(description=ID_WORDS)
    label: Words = Field(description="the name of the arm in words")
    role: Literal["control", "experimental"] = Field(description="control or experimental")


class Comparison(_Part):
    """Two arms that are compared."""

    experimental: KnownArm = Field(description="an arm_id of arms")
    control: KnownArm = Field(description="an arm_id of arms")

    @model_validator(mode="after")
    def _two_arms(self) -> "Comparison":
        if self.experimental == self.control:
            raise fault(f"`{self.control}` is compared with itself; accepted: two different arms")
        return self


class Timepoint(_Part):
    """A planned time of blood drawing."""

    timepoint: Id = Field(description=ID_WORDS)
    role: Literal["baseline", "response"] = Field(description="baseline or response")
    minutes_from_bout_end: Number | None = Field(
        default=None, description="a number of minutes after the bout's end"
    )


class Source(_Part):
    """Where the data come from and how they may be used."""

    citation: str = Field(default="", description="how to cite the data")
    licence: str = Field(default="", description="the licence of the data")


class StudyDescriptor(_Part):
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
    arms: list[Arm] = Field(default=[], description="a list of arms")
    comparisons: list[Comparison] = Field(default=[], description="a list of comparisons")
    stratification: list[Words] = Field(default=[], description="a list of participants' columns")
    subgroups: list[Words] = Field(default=[], description="a list of participants' columns")
    endpoints: list[KnownEndpoint] = Field(default=[], description="a list of endpoint ids")
    landmarks_years: list[Annotated[Number, Field(gt=0, le=100)]] = Field(
        default=[], description="a list of numbers of years above 0, at most 100"
    )
    rmst_years: Annotated[Number, Field(gt=0, le=100)] | None = Field(
        default=None, description="a number of years above 0, at most 100"
    )
    timepoints: list[Timepoint] = Field(default=[], description="a list of timepoints")
    source: Source = Field(default=Source(), description="citation and licence")
    quarantine_tolerance: Annotated[Number, Field(ge=0, le=1)] = Field(
        default=0.0, description="a share of rows from 0 to 1"
    )
    records: dict[KnownRecord, Files] = Field(description="record type: file, or list of files")

    _folder: Path = PrivateAttr()

    def model_post_init(self, context: Any) -> None:
        """Remember the package that the file was checked against."""
        self._folder = context.folder

    _no_doubles = field_validator(
        "comparisons", "stratification", "subgroups", "endpoints", "landmarks_years"
    )(distinct)

    @field_validator("arms")
    @classmethod
    def _distinct_arms(cls, arms: list[Arm]) -> list[Arm]:
        distinct([arm.arm_id for arm in arms])
        return arms

    @field_validator("timepoints")
    @classmethod
    def _distinct_timepoints(cls, timepoints: list[Timepoint]) -> list[Timepoint]:
        distinct([timepoint.timepoint for timepoint in timepoints])
        return timepoints

    @field_validator("records")
    @classmethod
    def _participants_and_distinct_files(cls, records: dict[str, list[str]]) -> dict[str, list[str]]:
        if "participants" not in records:
            raise fault("`participants` is missing; accepted: a file of participants at least")
        distinct([name for names in records.values() for name in names])
        return records

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
        """Endpoint ids in order; by default every endpoint that is defined."""
        return list(self.endpoints) or list(seed_column("endpoint_definitions", "endpoint_id"))


def load_study(path: Path) -> StudyDescriptor:
    """Read the descriptor of a study package.

    Args:
        path: the folder of the package.

    Raises:
        StudyPackageError: there is no readable `study.yaml`, or it has problems; all are listed.
    """
    yaml = read_yaml(path, STUDY_FILE)
    surroundings = Surroundings(path, _arm_ids(yaml.data.get("arms")))
    try:
        study = StudyDescriptor.model_validate(yaml.data, context=surroundings)
    except ValidationError as error:
        faults = sorted(error.errors(), key=lambda found: yaml.line(_place(found)))
        problems = [_sentence(yaml, found) for found in faults]
        raise StudyPackageError(yaml.problems + problems) from None
    if yaml.problems:
        raise StudyPackageError(yaml.problems)
    return study


def _arm_ids(arms: object) -> tuple[str, ...]:
    parts = arms if isinstance(arms, list) else []
    named = [part.get("arm_id") for part in parts if isinstance(part, Mapping)]
    return tuple(arm_id for arm_id in named if isinstance(arm_id, str))


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
    shown = f"`{value}`" if isinstance(value, str) else f"a {type(value).__name__}"
    near = ""
    if found["type"] == "literal_error":
        near = suggestion(str(value), (field.description or "").replace(" or ", ", ").split(", "))
    return f"{at}: {_path(place)} is {shown}{near}; accepted: {field.description}"


def _place(found: ErrorDetails) -> Place:
    # "[key]" is how the library says that a mapping's key is at fault, not its value.
    return tuple(part for part in found["loc"] if part != "[key]")


def _path(place: Place) -> str:
    """Write a place in the file as `arms[1].role`; list items count from 1."""
    words = [f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in place]
    return "".join(words).lstrip(".")


_PARTS: Mapping[str, type[_Part]] = {
    "arms": Arm,
    "comparisons": Comparison,
    "timepoints": Timepoint,
    "source": Source,
}


def _declared(place: Place) -> tuple[type[_Part], FieldInfo]:
    """Find the model a place belongs to, and the field that says what it accepts."""
    model: type[_Part] = StudyDescriptor
    field = FieldInfo()
    for name in (part for part in place if isinstance(part, str)):
        if name not in model.model_fields:
            break
        field = model.model_fields[name]
        if place[-1] != name and name in _PARTS:
            model = _PARTS[name]
    return model, field
