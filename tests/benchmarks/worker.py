"""One cell of the survival table, in a process of its own: prints seconds, peak memory and numbers as JSON.

`python -m tests.benchmarks.worker LIBRARY ROW COHORT REPEATS BUDGET_SECONDS`
"""

import importlib
import json
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.benchmarks.rows import Library

MODULES = {
    "cohortmart": "own",
    "lifelines": "peer_lifelines",
    "scikit-survival": "peer_scikit_survival",
    "greenwood": "peer_greenwood",
}


def main(library_name: str, row_name: str, cohort: str, repeats: int, budget: float) -> None:
    """Time reading and estimating until `repeats` runs are made or the next would not fit in the budget.

    Imports are made before the clock starts. The first run does not count against the budget.
    """
    library: Library = importlib.import_module(f"tests.benchmarks.{MODULES[library_name]}").LIBRARY
    row = library.rows[row_name]
    seconds: list[float] = []
    result = None
    while not seconds or (len(seconds) < repeats and sum(seconds) <= budget):
        del result
        started = time.perf_counter()
        result = row.estimate(library.read(cohort))
        seconds.append(time.perf_counter() - started)
    peak_mb = peak_megabytes()
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb, "numbers": row.numbers(result)}))


def peak_megabytes() -> float:
    """Return the most resident memory this process ever had, interpreter and imports included."""
    status = Path("/proc/self/status")
    if status.exists():  # what `getrusage` tells on Linux starts with the memory of the parent
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    library, estimate, participants, runs, allowed = sys.argv[1:]
    main(library, estimate, participants, int(runs), float(allowed))
