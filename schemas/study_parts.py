"""The parts of `study.yaml`: what stands in its lists, each with the keys it has."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from schemas.reference import seed_column
from schemas.study_values import (
    ENDPOINT_RULES,
    EVERYBODY,
    ID_WORDS,
    MAX_LEVELS,
    ColumnName,
    Id,
    KnownArm,
    KnownEventClass,
    KnownRule,
    Number,
    Prose,
    Words,
    fault,
)


class Part(BaseModel):
    """A part of the file: only the keys that are declared; each says what it accepts."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Arm(Part):
    """An arm of the study."""

    arm_id: Id = Field(description=ID_WORDS)
    label: Words = Field(description="the name of the arm in words")
    role: Literal["control", "experimental"] = Field(description="control or experimental")


class Comparison(Part):
    """Two arms that are compared."""

    experimental: KnownArm = Field(description="an arm_id of arms")
    control: KnownArm = Field(description="an arm_id of arms")

    @model_validator(mode="after")
    def _two_arms(self) -> "Comparison":
        if self.experimental == self.control:
            raise fault(f"`{self.control}` is compared with itself; accepted: two different arms")
        return self


class Covariate(Part):
    """A covariate of the adjusted model."""

    covariate: ColumnName = Field(description="a column of participants")
    kind: Literal["categorical", "continuous"] = Field(
        description=f"categorical (at most {MAX_LEVELS} levels) or continuous"
    )


class Timepoint(Part):
    """A planned time of blood drawing."""

    timepoint: Id = Field(description=ID_WORDS)
    role: Literal["baseline", "response"] = Field(description="baseline or response")
    minutes_from_bout_end: Number | None = Field(
        default=None, description="a number of minutes after the bout's end"
    )


class Source(Part):
    """Where the data come from and how they may be used."""

    citation: Prose = Field(default="", description="how to cite the data")
    licence: Prose = Field(default="", description="the licence of the data")


def _new_endpoint(endpoint_id: str) -> str:
    if endpoint_id.casefold() == EVERYBODY:
        raise fault(f"`{endpoint_id}` stands for everything in the marts; accepted: another id")
    for defined in seed_column("endpoint_definitions", "endpoint_id"):
        if endpoint_id == defined:
            raise fault(
                f"`{endpoint_id}` is defined for every study, in endpoint_definitions.csv;"
                " accepted: an id that is not"
            )
        if endpoint_id.casefold() == defined.casefold():
            raise fault(
                f"`{endpoint_id}` is `{defined}` of endpoint_definitions.csv but for upper and lower case;"
                " accepted: an id that differs by more"
            )
    return endpoint_id


def _rule_for_every_class(rules: Mapping[str, str]) -> Mapping[str, str]:
    """Accept rules that leave no event class open and can find an event at all."""
    open_classes = [name for name in seed_column("event_classes", "event_class") if name not in rules]
    if open_classes:
        raise fault(
            f"without a rule for {', '.join(f'`{name}`' for name in open_classes)};"
            " accepted: event, competing or ignored for every event class"
        )
    if "event" not in rules.values():
        raise fault("no event class is an `event`; accepted: one or more that are")
    return rules


class CustomEndpoint(Part):
    """An endpoint that the study defines itself."""

    endpoint_id: Annotated[Id, AfterValidator(_new_endpoint)] = Field(description=ID_WORDS)
    label: Words = Field(description="the name of the endpoint in words")
    definition_version: Words = Field(description="the version of the definition")
    censored_at: Literal["policy", "last_known_alive"] = Field(description="policy or last_known_alive")
    description: Annotated[Prose, Field(min_length=1)] = Field(
        description="from when to what the time runs, in words"
    )
    source: Words = Field(description="where the definition was published")
    rules: Annotated[dict[KnownEventClass, KnownRule], AfterValidator(_rule_for_every_class)] = Field(
        description=f"a map that gives each of {', '.join(seed_column('event_classes', 'event_class'))}"
        f" one of {', '.join(ENDPOINT_RULES)}; one event or more"
    )
