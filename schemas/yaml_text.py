"""YAML as its author wrote it: every value as text, and the line of every key.

YAML's own guesses would turn the arm `007` into 7 and `no` into false: here nothing is interpreted.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from schemas.errors import StudyPackageError
from schemas.package_files import entries, open_inside, says_which_file
from schemas.reference import suggestion

MAX_BYTES = 1 << 20
# Aliases of aliases multiply: a few lines can stand for billions of values.
MAX_VALUES = 100_000
# Of one list or map: no trial has as many arms, timepoints or files.
MAX_ITEMS = 2000
MAX_DEPTH = 30
_PLAIN_TAGS = ("!", *(f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map")))
_ABSENT = ("", "~", "null")

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlText:
    """A mapping read from a YAML file.

    Attributes:
        file: name of the file.
        data: the mapping; scalars are text, keys without a value are left out at the top level.
        lines: 1-based line of each key or list item, by its path.
        problems: sentences on what a mapping cannot say, such as a key written twice.
    """

    file: str
    data: dict[str, Any]
    lines: dict[Place, int]
    problems: list[str]

    def line(self, place: Place) -> int:
        """Return the line of a path, or of the nearest thing around it that was written."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read_yaml(folder: Path, name: str) -> YamlText:
    """Read a YAML file whose top level is a mapping.

    Raises:
        StudyPackageError: the folder or file is missing, is not UTF-8 or is not such YAML.
    """
    content = _content(folder, name)
    lines: dict[Place, int] = {}
    problems: list[str] = []
    try:
        loader = _BoundedLoader(content, name)
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise StudyPackageError([f"{name} is no mapping; accepted: lines of the form key: value"])
        _refuse_loops(root, (), set(), name)
        _walk(root, (), lines, problems, name)
        data = loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" line {mark.line + 1}" if mark else ""
        raise StudyPackageError([f"{name}{where} is not YAML: {error.problem}"]) from None
    except RecursionError:
        raise StudyPackageError([f"{name} is nested too deeply; accepted: the keys of study.yaml"]) from None
    except yaml.YAMLError as error:
        raise StudyPackageError([f"{name} is not YAML: {str(error).splitlines()[0]}"]) from None
    return YamlText(name, {k: v for k, v in data.items() if v not in _ABSENT}, lines, problems)


def _content(folder: Path, name: str) -> str:
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise StudyPackageError([f"{folder} {what}; accepted: the folder of a study package"])
    with says_which_file(str(folder)):
        is_there = os.path.lexists(folder / name)
    if not is_there:
        near = suggestion(name, entries(folder))
        raise StudyPackageError([f"{folder} has no {name}{near}; a study package needs one"])
    with open_inside(folder, name) as file, says_which_file(name):
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise StudyPackageError([f"{name} is larger than {MAX_BYTES:,} bytes; accepted: a descriptor"])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise StudyPackageError([f"{name} line {line} is not UTF-8; save it as UTF-8"]) from None


class _BoundedLoader(yaml.BaseLoader):
    """Reads YAML of so many values and levels, without tags: what one asks for is never made."""

    def __init__(self, content: str, name: str):
        super().__init__(content)
        self.name = name
        self.n_values = self.depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Read one value with what stands in it.

        Raises:
            StudyPackageError: it is too deep in the file, there are too many values, or it has a tag.
        """
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        at = f"{self.name} line {event.start_mark.line + 1 if event.start_mark else 1}"
        tag = getattr(event, "tag", None)
        if tag and tag not in _PLAIN_TAGS:
            raise StudyPackageError([f"{at}: the tag `{tag[:200]}` asks for a type; accepted: plain values"])
        self.n_values += 1
        if self.n_values > 2 * MAX_VALUES:
            raise StudyPackageError([f"{at}: more than {MAX_VALUES:,} values; accepted: fewer"])
        if self.depth >= MAX_DEPTH:
            raise StudyPackageError([f"{at} is nested too deeply; accepted: the keys of study.yaml"])
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _children(node: yaml.Node) -> list[tuple[str | int, yaml.Node, int]]:
    """Return what is right below a node: key or position, node, line."""
    if isinstance(node, yaml.MappingNode):
        return [(str(key.value), value, key.start_mark.line + 1) for key, value in node.value]
    if isinstance(node, yaml.SequenceNode):
        return [(position, item, item.start_mark.line + 1) for position, item in enumerate(node.value)]
    return []


def _refuse_loops(node: yaml.Node, above: tuple[int, ...], sound: set[int], name: str) -> None:
    """Refuse an alias inside what it stands for; `above` and `sound` identify nodes."""
    for key, child, line in _children(node):
        if id(child) in sound:
            continue
        if id(child) in (*above, id(node)):
            what = f"`{key}`" if isinstance(key, str) else f"item {key + 1} of the list"
            problem = (
                f"{name} line {line}: {what} is an alias of what it stands in, so that it refers to itself"
                f" (anchor on line {child.start_mark.line + 1}); accepted: the values themselves"
            )
            raise StudyPackageError([problem])
        _refuse_loops(child, (*above, id(node)), sound, name)
    sound.add(id(node))


def _walk(node: yaml.Node, place: Place, lines: dict[Place, int], problems: list[str], name: str) -> None:
    """Note the line of everything below `node`, and the keys written twice."""
    lines.setdefault(place, node.start_mark.line + 1)
    if not isinstance(node, yaml.ScalarNode) and len(node.value) > MAX_ITEMS:
        problem = f"{name} line {node.start_mark.line + 1}: {len(node.value):,} items in one list or map"
        raise StudyPackageError([f"{problem}; accepted: at most {MAX_ITEMS:,}"])
    for key, child, line in _children(node):
        below = (*place, key)
        if below in lines:
            problems.append(
                f"{name} line {line}: `{str(key)[:200]}` is already given on line {lines[below]};"
                " accepted: each key once"
            )
            continue
        if len(lines) >= MAX_VALUES:
            problem = f"{name} line {line}: more than {MAX_VALUES:,} values, those of aliases included"
            raise StudyPackageError([f"{problem}; accepted: fewer"])
        lines[below] = line
        _walk(child, below, lines, problems, name)
