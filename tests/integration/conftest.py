"""Reading a warehouse in tests, and small packages to build."""

import csv
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seeds.studies import SHIPPED

Query = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="session")
def query(cohortmart: Callable[..., subprocess.CompletedProcess[str]], warehouse: Path) -> Query:
    """Asks the release of the shipped studies through `cohortmart sql`."""

    def ask(sql: str, home: Path = warehouse) -> list[dict[str, Any]]:
        answer = cohortmart("sql", sql, "--format", "json", home=home)
        assert answer.returncode == 0, answer.stderr
        rows: list[dict[str, Any]] = json.loads(answer.stdout)
        return rows

    return ask


@pytest.fixture(scope="session")
def shipped_packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The packages of the shipped studies as folders."""
    root = tmp_path_factory.mktemp("packages")
    return {name: write(root / name) for name, write in SHIPPED.items()}


@pytest.fixture
def moertel(shipped_packages: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of the Moertel package that a test may spoil."""
    return Path(shutil.copytree(shipped_packages["moertel-colon"], tmp_path / "moertel-colon"))


@pytest.fixture
def edit_csv() -> Callable[[Path, Callable[[list[list[str]]], list[list[str]]]], None]:
    """Rewrites a CSV file through a function of its rows, the header first."""

    def edit(path: Path, change: Callable[[list[list[str]]], list[list[str]]]) -> None:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(change(rows))

    return edit
