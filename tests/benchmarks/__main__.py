"""`make bench`: where the seconds of a build go, and the estimators beside a peer, in one run."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import greenwood
from rich.console import Console
from rich.table import Table

from orchestration import ledger
from orchestration.progress import PARTS
from transforms.estimators import tables

COMMAND = str(Path(sys.executable).with_name("cohortmart"))
SIZES = (889, 100_000)
REPEATS = 3


def _timed(work: Callable[[], object]) -> float:
    """Median wall time in seconds of a few runs."""
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def _build(home: Path, *arguments: str | Path) -> dict[str, float]:
    """Build with the real command; seconds by part, and of the whole."""
    started = time.perf_counter()
    subprocess.run(
        [COMMAND, "build", "--home", str(home), *map(str, arguments)], check=True, capture_output=True
    )
    total = time.perf_counter() - started
    seconds: dict[str, float] = ledger.read(home / "ledger" / "ledger.jsonl")[-1]["seconds"]
    return {**seconds, "total": total}


def bench_build(console: Console, scratch: Path) -> Path:
    """Time whole builds by part; returns the home of the largest."""
    columns = {
        "shipped, first run": _build(scratch / "shipped"),
        "shipped, again": _build(scratch / "shipped"),
    }
    home = scratch / "shipped"
    for size in SIZES[1:]:
        package, home = scratch / f"package-{size}", scratch / f"home-{size}"
        subprocess.run(
            [COMMAND, "simulate", "challenge", "--participants", str(size), "--out", str(package)],
            check=True,
            capture_output=True,
        )
        columns[f"{size:,} participants"] = _build(home, "--study", package)
    table = Table("seconds", *columns, title="cohortmart build, wall time by part")
    for part in (*PARTS, "total"):
        table.add_row(part, *(f"{seconds[part]:.1f}" for seconds in columns.values()))
    console.print(table)
    return home


def bench_estimators(console: Console, home: Path) -> None:
    """Time curve, Cox and log-rank of one endpoint beside greenwood on the same participants."""
    with duckdb.connect(home / "warehouse" / "current" / "cohortmart.duckdb", read_only=True) as con:
        risk = con.sql("from survival.risk_table where endpoint_id = 'DFS_CHALLENGE'").pl()
        people = con.sql(
            "select time_days, is_event::int as is_event, (arm_id = 'EXERCISE')::int as exercise "
            "from survival.time_to_event where endpoint_id = 'DFS_CHALLENGE' order by participant_id"
        ).pl()
        comparisons = con.sql("from reference.study_comparison").pl()
    rows = (
        (
            "curve by arm",
            lambda: tables.curve(risk),
            lambda: greenwood.KaplanMeier().fit("Surv(time_days, is_event)", data=people, by="exercise"),
        ),
        (
            "Cox and log-rank",
            lambda: tables.treatment_effect(risk, comparisons),
            lambda: (
                greenwood.CoxPH().fit("Surv(time_days, is_event)", ["exercise"], data=people),
                greenwood.logrank_test("Surv(time_days, is_event)", "exercise", data=people),
            ),
        ),
    )
    table = Table(
        "estimate", "cohortmart, s", "greenwood, s", "ratio", title=f"{people.height:,} participants"
    )
    for name, own, peer in rows:
        seconds, peer_seconds = _timed(own), _timed(peer)
        table.add_row(name, f"{seconds:.4f}", f"{peer_seconds:.4f}", f"{peer_seconds / seconds:.0f}")
    console.print(table)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="cohortmart-bench-") as folder:
        output = Console(width=110)
        bench_estimators(output, bench_build(output, Path(folder)))
