"""Fixtures that every kind of test shares: the built warehouse, made once for all workers."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

REPOSITORY = Path(__file__).parents[1]

RunCommand = Callable[..., subprocess.CompletedProcess[str]]


def _run(
    *arguments: str | Path, home: Path, timeout: float = 500, **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COHORTMART_")}
    environment["COHORTMART_HOME"] = str(home)
    environment["COLUMNS"] = "200"
    environment |= variables
    return subprocess.run(
        [str(Path(sys.executable).with_name("cohortmart")), *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        cwd=REPOSITORY,
    )


@pytest.fixture(scope="session")
def cohortmart(shared_folder: Path) -> RunCommand:
    """Runs the real command in a process of its own: `cohortmart("sql", query, home=...)`.

    A new home gets the parsed dbt project of the shared one: parsing is five seconds of every first build.
    """

    def run(*arguments: str | Path, home: Path, **more: Any) -> subprocess.CompletedProcess[str]:
        parsed = shared_folder / "shipped-studies" / "dbt"
        if arguments[0] == "build" and parsed.is_dir() and not (home / "dbt").exists():
            for manifest in parsed.glob("*/parsed.json"):
                target = home / "dbt" / manifest.parent.name
                target.mkdir(parents=True)
                shutil.copy(manifest, target)
        return _run(*arguments, home=home, **more)

    return run


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of one test run share."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def built(shared_folder: Path) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The home of a warehouse of the shipped studies, and what the build printed."""
    home = shared_folder / "shipped-studies"
    output = shared_folder / "shipped-studies.stdout"
    with FileLock(shared_folder / "shipped-studies.lock"):
        if not output.exists():
            done = _run("build", home=home)
            assert done.returncode == 0, done.stdout + done.stderr
            output.write_text(done.stdout, encoding="utf-8")
    return home, subprocess.CompletedProcess(["cohortmart", "build"], 0, output.read_text("utf-8"), "")


@pytest.fixture(scope="session")
def warehouse(built: tuple[Path, subprocess.CompletedProcess[str]]) -> Path:
    """The home of a warehouse that holds a release of the shipped studies; read-only for tests."""
    return built[0]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests of faults tried, and what the warehouse survived."""
    rows = sorted(
        row
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "teardown"
        for name, row in report.user_properties
        if name == "fault"
    )
    if not rows:
        return
    terminalreporter.section("faults")
    width = max(len(name) for _, name, _, _ in rows)
    terminalreporter.line(f"{'kind':<10}  {'fault':<{width}}  tried  survived  lost")
    for kind, name, tried, lost in rows:
        terminalreporter.line(f"{kind:<10}  {name:<{width}}  {tried:>5}  {tried - lost:>8}  {lost:>4}")
    total, lost = sum(row[2] for row in rows), sum(row[3] for row in rows)
    terminalreporter.line(f"{len(rows)} faults, {total} trials, {total - lost} survived, {lost} lost")
