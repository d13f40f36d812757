"""The build table: where the seconds of a whole build go, and how much memory its processes take together."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestration import ledger
from orchestration.progress import PARTS
from tests.benchmarks import plates
from tests.benchmarks.report import machine, markdown_table

COMMAND = str(Path(sys.executable).with_name("cohortmart"))
TOTAL = "total"

TITLES = {
    "participants": (
        "## The whole build, in seconds",
        """\
`cohortmart simulate challenge`, then `cohortmart build` of the package in a home of its own: from records to
a release.""",
    ),
    "assay rows": (
        "## Assay results from package to effects, in seconds",
        f"""\
`cohortmart build` of a trial with {len(plates.ANALYTES)} analytes in {len(plates.SAMPLES)} samples of every
participant, {plates.REPLICATES} wells each: from plate files to a release.""",
    ),
}

_NOTES = """\
Seconds of wall time by part; the total has the start of interpreter and Dagster in it. Memory is
the largest sum, over all processes of a build, of what is resident, looked at ten times a second."""


@dataclass(frozen=True)
class Build:
    """One build: seconds by part, its peak memory, or what it failed with."""

    seconds: dict[str, float] = field(default_factory=dict)
    peak_gb: float = 0.0
    failure: str = ""


def measure(
    sizes: Sequence[int],
    scratch: Path,
    measured: Callable[[str, Build], None],
    write_package: Callable[[int, Path], Build | None],
) -> dict[str, Build]:
    """Build packages of each size; the first twice, to show what only a first run costs.

    Args:
        sizes: what `write_package` makes a package of.
        scratch: a folder for packages and homes.
        measured: called with each build.
        write_package: writes a package of a size into a folder, or returns what went wrong.
    """
    builds: dict[str, Build] = {}
    for size in sizes:
        package, home = scratch / f"package-{size}", scratch / f"home-{size}"
        runs = [f"{size:,}, first run", f"{size:,}, again"] if size == sizes[0] else [f"{size:,}"]
        for name in runs:
            builds[name] = write_package(size, package) or _build(package, home)
            measured(name, builds[name])
    return builds


def write_plates(assay_rows: int, package: Path) -> Build | None:
    """Write a package of assay results."""
    if not package.exists():
        plates.write(package, assay_rows)
    return None


def simulate(size: int, package: Path) -> Build | None:
    if package.exists():
        return None
    arguments = ["simulate", "challenge", "--participants", str(size), "--out", str(package)]
    done = subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=False)
    return Build(failure=f"simulate: {_last_lines(done.stderr)}") if done.returncode else None


def _build(package: Path, home: Path) -> Build:
    started = time.perf_counter()
    with subprocess.Popen(
        [COMMAND, "build", "--home", str(home), "--study", str(package)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        peak = _PeakOfTree(process.pid)
        _, errors = process.communicate()
    total = time.perf_counter() - started
    peak_gb = peak.stop()
    if process.returncode != 0:
        return Build(peak_gb=peak_gb, failure=_last_lines(errors) or f"exit status {process.returncode}")
    entries = [entry for entry in ledger.read(home / "ledger" / "ledger.jsonl") if "seconds" in entry]
    return Build({**entries[-1]["seconds"], TOTAL: total}, peak_gb)


def _last_lines(errors: str) -> str:
    return " / ".join(line.strip(" │╭╮╰╯─|") for line in errors.strip().splitlines()[-3:])[:300]


class _PeakOfTree:
    """Watches a process and its descendants from a thread; on systems without /proc it sees nothing."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._peak_kb = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """Return the peak in GB."""
        self._done.set()
        self._thread.join()
        return self._peak_kb / 2**20

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            self._peak_kb = max(self._peak_kb, sum(map(_resident_kb, _tree(self._root))))


def _tree(root: int) -> list[int]:
    processes = [root]
    for process in processes:  # grows while it is walked
        for task in Path(f"/proc/{process}/task").glob("*/children"):
            try:
                processes += map(int, task.read_text().split())
            except OSError:
                continue  # it has just ended
    return processes


def _resident_kb(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)


def build_report(builds: dict[str, Build], counted: str) -> str:
    """Write out everything measured so far.

    Args:
        builds: by the name of the size.
        counted: what the sizes count, of `TITLES`.
    """
    title, what = TITLES[counted]
    parts = dict.fromkeys((*PARTS, *(part for build in builds.values() for part in build.seconds)))
    rows = [
        (part, *(f"{build.seconds[part]:.1f}" if part in build.seconds else "-" for build in builds.values()))
        for part in (*(part for part in parts if part != TOTAL), TOTAL)
    ]
    rows.append(("peak memory, GB", *(f"{build.peak_gb:.2f}" for build in builds.values())))
    failures = [f"- {name}: {build.failure}" for name, build in builds.items() if build.failure]
    return "\n\n".join(
        part
        for part in (
            title,
            machine(("duckdb", "dbt-core", "dbt-duckdb", "dagster", "polars", "great-expectations")),
            f"{what}\n{_NOTES}",
            markdown_table((counted, *builds), rows),
            "\n".join(failures),
        )
        if part
    )
