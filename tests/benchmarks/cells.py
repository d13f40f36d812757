"""Running one cell: one library, one row, one size, in a process that may be slow, too large or wrong."""

import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.cohort import COMPARED_DAYS, HORIZON_DAYS
from tests.benchmarks.rows import COX, CURVE, INCIDENCE, LOGRANK, RMST, ROWS, Numbers

REPOSITORY = Path(__file__).parents[2]
OWN = "cohortmart"
R = "R"
ROWS_OF = {
    "lifelines": (CURVE, COX, RMST, INCIDENCE),
    "scikit-survival": (CURVE, INCIDENCE),
    "greenwood": (CURVE, LOGRANK, COX, RMST, INCIDENCE),
    R: ROWS,
}
PYTHON_PEERS = tuple(library for library in ROWS_OF if library != R)

_OUT_OF_MEMORY = re.compile(
    r"MemoryError|cannot allocate|memory allocation|bad_alloc|Out of Memory", re.IGNORECASE
)


@dataclass(frozen=True)
class Limits:
    """How long and how large a cell may be."""

    repeats: int
    budget_seconds: float  # of all runs together, beyond which no other is started
    limit_seconds: float  # of the process, the repeats' budget aside
    memory_gb: float


@dataclass(frozen=True)
class Cell:
    """What a cell took; `failure` says in a few words why there is nothing."""

    seconds: tuple[float, ...] = ()
    peak_mb: float = 0.0
    numbers: Numbers = field(default_factory=dict)
    failure: str = ""
    version: str = ""

    @property
    def median(self) -> float:
        """Median wall time in seconds."""
        return statistics.median(self.seconds)


def run_cell(library: str, row: str, cohort: Path, limits: Limits) -> Cell:
    """Measure one cell; a failure is a result as well."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    try:
        done = subprocess.run(
            _command(library, row, cohort, limits),
            capture_output=True,
            text=True,
            check=False,
            cwd=REPOSITORY,
            env=environment,
            timeout=limits.limit_seconds + limits.budget_seconds,
            preexec_fn=lambda: _limit_memory(limits.memory_gb),
        )
    except subprocess.TimeoutExpired:
        return Cell(failure=f"> {limits.limit_seconds:.0f} s")
    if done.returncode != 0:
        return Cell(failure=_why(done, limits))
    return _parsed_r(done.stdout) if library == R else _parsed(done.stdout)


def _command(library: str, row: str, cohort: Path, limits: Limits) -> list[str]:
    repeats, budget = str(limits.repeats), str(limits.budget_seconds)
    if library == R:
        script = Path(__file__).with_name("peer_r.R")
        days = ",".join(map(str, COMPARED_DAYS))
        horizon = str(HORIZON_DAYS)
        return [r_program(), str(script), row, str(r_columns(cohort)), horizon, days, repeats, budget]
    return [sys.executable, "-m", "tests.benchmarks.worker", library, row, str(cohort), repeats, budget]


def r_program() -> str:
    """Return the path of Rscript, empty when it is not there."""
    return shutil.which("Rscript") or ""


def r_columns(cohort: Path) -> Path:
    """Return the folder of the columns that R reads."""
    return cohort.with_suffix(".columns")


def _limit_memory(gigabytes: float) -> None:
    limit = int(gigabytes * 2**30)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _why(done: subprocess.CompletedProcess[str], limits: Limits) -> str:
    killed = done.returncode == -9
    if killed or _OUT_OF_MEMORY.search(done.stderr):
        return f"out of memory ({limits.memory_gb:.0f} GB)"
    last = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
    return last[:100].replace("|", "/")


def _parsed(output: str) -> Cell:
    read = json.loads(output)
    return Cell(tuple(read["seconds"]), read["peak_mb"], read["numbers"])


def _parsed_r(output: str) -> Cell:
    """Read the lines of peer_r.R: `seconds ...`, `peak_mb ...`, `number NAME ...`, `version ...`."""
    lines = [line.split() for line in output.splitlines()]
    values = {words[0]: words[1:] for words in lines if words[0] != "number"}
    numbers = {words[1]: [float(word) for word in words[2:]] for words in lines if words[0] == "number"}
    seconds = tuple(float(word) for word in values["seconds"])
    return Cell(seconds, float(values["peak_mb"][0]), numbers, version=" ".join(values["version"]))
