"""What may stand in `study.yaml`, key by key, as its model declares it."""

from collections.abc import Iterator
from typing import get_origin

from pydantic.fields import FieldInfo

from schemas.study import StudyDescriptor, part_of
from schemas.study_parts import Part


def describe_study() -> Iterator[tuple[str, str, str, str]]:
    """Yield every key with those of its parts below it.

    Yields:
        The key, such as `arms[].role`; "yes" when it is required, else ""; what leaving it out means;
        what is accepted.
    """
    yield from _keys(StudyDescriptor, "")


def _keys(model: type[Part], prefix: str) -> Iterator[tuple[str, str, str, str]]:
    for name, field in model.model_fields.items():
        key = prefix + name
        yield key, "yes" if field.is_required() else "", _left_out(field), field.description or ""
        if part := part_of(field):
            yield from _keys(part, f"{key}[]." if get_origin(field.annotation) is list else f"{key}.")


def _left_out(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    said = field.json_schema_extra
    if isinstance(said, dict) and "left_out" in said:
        return str(said["left_out"])
    default = field.get_default()
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else "none"
