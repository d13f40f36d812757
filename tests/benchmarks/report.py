"""The benchmark's words: Markdown tables, the machine, and blocks of files that are rewritten."""

import importlib.metadata
import os
import platform
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.cells import OWN, PYTHON_PEERS, ROWS_OF, Cell, R
from tests.benchmarks.family import claims, sum_of_best, sum_of_rows
from tests.benchmarks.rows import FAMILY, ROWS
from tests.benchmarks.survival import Results

RESULTS = Path(__file__).with_name("results.md")
README = Path(__file__).parents[2] / "README.md"

NOTES = """\
Two arms, three strata, daily ties, one event in five, competing deaths; the same Parquet file for everybody,
arm, stratum, day and code as small integers. Each cell is a process of its own. Seconds are the median of
{repeats} runs, of the number in brackets where the time for repeats ran out, and go from the Parquet file to
the estimates; R reads bare integers instead, and only its computation counts. Imports, and opening our
DuckDB, are not timed. Peak memory is that of the whole process, interpreter and imports included. The largest
difference is the largest relative difference to our numbers: survival, incidence and their errors on fifty
days an arm, chi-square, log hazard ratio, RMST and their errors.

The whole family of a library is the sum of its rows, ours is one pass. `-`: the library cannot do it.

- lifelines has no stratified log-rank test. It jitters tied times before an incidence, so that its result is
  random, and then visits each event time in a loop. Its variance of the restricted mean is another quantity.
- scikit-survival has no strata in tests and models and no restricted mean. Its incidence error is Aalen's,
  another estimator than R's infinitesimal jackknife.
- Cox models differ by where the iteration stops: R at 1e-9 of the log-likelihood, lifelines earlier."""


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out a Markdown table that can be read as it is; all columns but the first to the right."""
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    rule = ["-" * width if i == 0 else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    lines.insert(1, rule)
    return "\n".join(
        "| "
        + " | ".join(
            word.ljust(width) if i == 0 else word.rjust(width)
            for i, (word, width) in enumerate(zip(line, widths, strict=True))
        )
        + " |"
        for line in lines
    )


def size_table(results: Results, size: int) -> str:
    """Lay out the rows and libraries of one size."""
    rows = []
    for row in (*ROWS, FAMILY):
        for library in results.libraries:
            if library == OWN or (row != FAMILY):
                rows.append((row, library, *_columns(results, size, row, library)))
            elif total := sum_of_rows(results, size, library):
                own = results.own(size)
                ratio = total.ratio_to(own.median) if own else ""
                seconds = f"{'> ' if total.is_at_least else ''}{_seconds(total.seconds)}"
                rows.append((row, library, seconds, "", ratio, ""))
    header = ("row", "library", "seconds", "peak MB", "times ours", "largest difference")
    return markdown_table(header, rows)


def _columns(results: Results, size: int, row: str, library: str) -> tuple[str, str, str, str]:
    if library != OWN and row not in ROWS_OF[library]:
        return "-", "", "", ""
    cell = results.cells.get((size, row, library), Cell(failure="not run"))
    if cell.failure:
        return cell.failure, "", "", ""
    own = results.cell(size, row, OWN)
    difference = results.difference(size, row, library)
    repeats = f" ({len(cell.seconds)})" if len(cell.seconds) < results.repeats else ""
    return (
        f"{_seconds(cell.median)}{repeats}",
        f"{cell.peak_mb:,.0f}",
        f"{cell.median / own.median:,.1f}" if own and library != OWN else "",
        "" if library == OWN or difference is None else f"{difference:.0e}",
    )


def _seconds(seconds: float) -> str:
    return f"{seconds:.4f}" if seconds < 0.1 else f"{seconds:.3g}" if seconds < 100 else f"{seconds:,.0f}"


def family_table(results: Results) -> str:
    """Lay out the whole family by size: the README's table."""
    rows = []
    for size in results.sizes:
        own = results.own(size)
        if own is None:
            continue
        sums = [sum_of_rows(results, size, R), sum_of_best(results, size)]
        rows.append(
            (
                f"{size:,}",
                _seconds(own.median),
                f"{own.peak_mb / 1024:.2f}",
                *(f"{total.ratio_to(own.median)} ×" if total else "-" for total in sums),
            )
        )
    header = (
        "participants",
        "seconds",
        "peak GB",
        "R's survival takes",
        "the best Python library of each row",
    )
    return markdown_table(header, rows)


def survival_report(results: Results) -> str:
    """Write out everything measured so far."""
    versions = {cell.version for cell in results.cells.values() if cell.version}
    parts = ["## Survival at any size", machine((*PYTHON_PEERS, "duckdb", "polars", "numpy"), versions)]
    parts.append(NOTES.format(repeats=results.repeats))
    parts += ["### Whole family", family_table(results), "\n".join(f"- {line}" for line in claims(results))]
    for size in results.sizes:
        if any(key[0] == size for key in results.cells):
            parts += [f"### {size:,} participants", size_table(results, size)]
    return "\n\n".join(part for part in parts if part)


def machine(packages: Iterable[str], others: Iterable[str] = ()) -> str:
    """Say when and on what was measured."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    installed = []
    for package in packages:
        try:
            installed.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    facts = (
        f"{datetime.now(UTC):%Y-%m-%d}",
        _processor(),
        f"{os.cpu_count()} cores",
        f"{memory:.0f} GB",
        platform.system(),
        f"Python {platform.python_version()}",
        *installed,
        *sorted(others),
    )
    return f"{', '.join(facts)}."


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists() and (name := re.search(r"model name\s*: (.*)", information.read_text())):
        return name[1].strip()
    return platform.machine()


def rewrite_block(path: Path, name: str, text: str) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- /name -->`.

    Raises:
        ValueError: the file has no such block.
    """
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, opened, rest = path.read_text(encoding="utf-8").partition(start)
    _, closed, after = rest.partition(end)
    if not (opened and closed):
        raise ValueError(f"{path} has no block {start} ... {end}")
    path.write_text(f"{before}{start}\n{text}\n{end}{after}", encoding="utf-8")
