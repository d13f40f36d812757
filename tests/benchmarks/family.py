"""The whole family: our one pass beside the sums of the others' rows, and what is claimed of it."""

from dataclasses import dataclass

from tests.benchmarks.cells import PYTHON_PEERS, R
from tests.benchmarks.rows import INCIDENCE, ROWS
from tests.benchmarks.survival import Results

TRIAL_SIZE = 929  # as many as Moertel's trial


@dataclass(frozen=True)
class Sum:
    """Seconds of several rows: at least so many if a row was cut short, and of how many rows too few."""

    seconds: float
    is_at_least: bool
    missing: int

    def ratio_to(self, own_seconds: float) -> str:
        """Say how many times our seconds these are."""
        ratio = self.seconds / own_seconds
        text = f"{'> ' if self.is_at_least else ''}{ratio:,.{0 if ratio >= 10 else 1}f}"
        return f"{text} ({len(ROWS) - self.missing} of {len(ROWS)} rows)" if self.missing else text


def sum_of_rows(results: Results, size: int, library: str, rows: tuple[str, ...] = ROWS) -> Sum | None:
    """Add up a library's rows at a size; a row stopped at the limit counts with the limit."""
    return _sum(results, size, (library,), rows)


def sum_of_best(results: Results, size: int) -> Sum | None:
    """Add up, row by row, the fastest Python library."""
    return _sum(results, size, tuple(peer for peer in PYTHON_PEERS if peer in results.libraries), ROWS)


def _sum(results: Results, size: int, libraries: tuple[str, ...], rows: tuple[str, ...]) -> Sum | None:
    seconds, limits, missing = 0.0, False, 0
    for row in rows:
        best, is_limit = _fastest(results, size, row, libraries)
        limits |= is_limit
        missing += best is None
        seconds += best or 0.0
    return Sum(seconds, limits, missing) if missing < len(rows) else None


def _fastest(results: Results, size: int, row: str, libraries: tuple[str, ...]) -> tuple[float | None, bool]:
    done = [cell.median for library in libraries if (cell := results.cell(size, row, library))]
    if done:
        return min(done), False
    failures = [cell.failure for library in libraries if (cell := results.cells.get((size, row, library)))]
    limits = [float(failure.split()[1]) for failure in failures if failure.startswith("> ")]
    return (min(limits), True) if limits else (None, False)


def claims(results: Results) -> list[str]:
    """Set what issue and README promise beside what was measured, a line each."""
    lines = []
    for size, seconds in ((TRIAL_SIZE, 0.025), (1_000_000, 0.15), (10_000_000, 1.0)):
        if own := results.own(size):
            lines.append(_claim(f"whole family at {size:,} in s", own.median, "<", seconds))
    if own := results.own(10_000_000):
        lines.append(_claim("its peak memory at 10,000,000 in GB", own.peak_mb / 1024, "<", 0.5))
    for size in (1_000_000, 10_000_000):
        for name, total, times in (
            ("R's survival", sum_of_rows(results, size, R), 100),
            ("the best Python library of each row", sum_of_best(results, size), 10),
        ):
            own = results.own(size)
            if own and total and not total.missing:
                lines.append(
                    _claim(f"{name} at {size:,}, times ours", total.seconds / own.median, ">=", times)
                )
        # Its infinitesimal jackknife is most of R's time, and not everybody asks for it.
        others = tuple(row for row in ROWS if row != INCIDENCE)
        rest = sum_of_rows(results, size, R, others)
        if (own := results.own(size)) and rest and not rest.missing:
            ratio = rest.seconds / own.median
            lines.append(f"besides: R's four other rows at {size:,}, times our five: {ratio:.3g}")
    return lines


def _claim(what: str, measured: float, relation: str, bound: float) -> str:
    holds = measured < bound if relation == "<" else measured >= bound
    return f"{'holds' if holds else 'FALLS SHORT'}: {what}: {measured:.3g} ({relation} {bound:g})"
