"""The survival table: every library on every row and size; ours first, the others from small to large."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks import cohort
from tests.benchmarks.cells import OWN, ROWS_OF, Cell, Limits, R, r_columns, run_cell
from tests.benchmarks.rows import FAMILY, ROWS, largest_difference


@dataclass
class Results:
    """The cells measured so far."""

    sizes: tuple[int, ...]
    libraries: tuple[str, ...]  # ours first
    repeats: int
    cells: dict[tuple[int, str, str], Cell] = field(default_factory=dict)  # by size, row, library

    def cell(self, size: int, row: str, library: str) -> Cell | None:
        """Return a cell that ended with a time, None for any other."""
        cell = self.cells.get((size, row, library))
        return cell if cell and not cell.failure else None

    def own(self, size: int) -> Cell | None:
        """Return our whole family at a size."""
        return self.cell(size, FAMILY, OWN)

    def difference(self, size: int, row: str, library: str) -> float | None:
        """Return the largest relative difference of a library's numbers to ours."""
        theirs, ours = self.cell(size, row, library), self.cell(size, row, OWN)
        return largest_difference(theirs.numbers, ours.numbers) if theirs and ours else None


def measure(
    results: Results, limits: Limits, scratch: Path, measured: Callable[[int, str, str, Cell], None]
) -> None:
    """Fill in the cells, telling `measured` of each as it comes."""
    files = {size: scratch / f"participants-{size}.parquet" for size in results.sizes}
    for size, row, library in _order(results):
        if not files[size].exists():
            cohort.write(files[size], size)
        if library == R and not r_columns(files[size]).exists():
            r_columns(files[size]).mkdir()
            cohort.write_for_r(files[size], r_columns(files[size]))
        cell = _hopeless(results, size, row, library) or run_cell(library, row, files[size], limits)
        results.cells[size, row, library] = cell
        measured(size, row, library, cell)


def _order(results: Results) -> Iterator[tuple[int, str, str]]:
    """Ours at every size is a matter of a minute, and what an interrupted run should not lack."""
    for size in results.sizes:
        for row in (*ROWS, FAMILY):
            yield size, row, OWN
    for size in results.sizes:
        for row in ROWS:
            for library in results.libraries:
                if row in ROWS_OF.get(library, ()):
                    yield size, row, library


def _hopeless(results: Results, size: int, row: str, library: str) -> Cell | None:
    """Return the failure of a smaller size, which need not be waited for again."""
    smaller = [s for s in results.sizes if s < size and (s, row, library) in results.cells]
    before = results.cells[max(smaller), row, library] if smaller else None
    if before is None or not before.failure.startswith((">", "out of memory")):
        return None
    known = before.failure.partition(" already at")[0]
    first = before.failure.partition(" already at ")[2] or f"{max(smaller):,}"
    return Cell(failure=f"{known} already at {first}")
