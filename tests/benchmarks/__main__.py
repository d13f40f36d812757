"""`make bench`: survival at any size beside other libraries, and whole builds by part."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from tests.benchmarks import build, report, survival
from tests.benchmarks.cells import OWN, ROWS_OF, Cell, Limits, R, r_program

app = typer.Typer(add_completion=False, help=__doc__)

WriteReadme = Annotated[
    bool,
    typer.Option(
        "--write-readme", help="Keep what is measured: in results.md as it comes, the README at the end."
    ),
]


@app.command("survival")
def survival_command(
    *,
    sizes: Annotated[str, typer.Option(help="Participants, as in 1e4,1e5.")] = "929,1e4,1e5,1e6,1e7",
    peers: Annotated[str, typer.Option(help="Libraries beside ours; empty for none.")] = ",".join(ROWS_OF),
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each cell; the median counts.")] = 5,
    budget: Annotated[float, typer.Option(help="Seconds of a cell after which no run is repeated.")] = 60,
    limit: Annotated[float, typer.Option(help="Seconds after which a cell is given up.")] = 600,
    memory_gb: Annotated[float, typer.Option(help="Memory that a cell may take.")] = 12,
    write_readme: WriteReadme = False,
) -> None:
    """Time curve, log-rank, Cox, RMST, incidence and all of them from one Parquet file of participants."""
    libraries = (OWN, *_known(peers))
    results = survival.Results(_numbers(sizes), libraries, repeats)

    def measured(size: int, row: str, library: str, cell: Cell) -> None:
        outcome = cell.failure or f"{cell.median:.4f} s, {cell.peak_mb:,.0f} MB"
        typer.echo(f"{size:>12,}  {row:<28}  {library:<15}  {outcome}")
        if write_readme:
            report.rewrite_block(report.RESULTS, "survival", report.survival_report(results))

    with tempfile.TemporaryDirectory(prefix="cohortmart-bench-") as scratch:
        try:
            survival.measure(results, Limits(repeats, budget, limit, memory_gb), Path(scratch), measured)
        finally:  # what was measured before an interruption is worth having
            typer.echo("\n" + report.survival_report(results))
            if write_readme:
                report.rewrite_block(report.README, "bench", report.family_table(results))


@app.command("build")
def build_command(
    *,
    sizes: Annotated[str, typer.Option(help="Participants, as in 889,1e5.")] = "889,1e5,1e6",
    write_readme: WriteReadme = False,
) -> None:
    """Time whole builds of simulated packages, from records to a release."""
    _time_builds("participants", sizes, build.simulate, "build" if write_readme else "")


@app.command("assays")
def assays_command(
    *,
    sizes: Annotated[str, typer.Option(help="Assay rows, as in 1e4,1e6.")] = "1e4,1e6",
    write_readme: WriteReadme = False,
) -> None:
    """Time whole builds of packages with plates, from wells to effects and a release."""
    _time_builds("assay rows", sizes, build.write_plates, "assays" if write_readme else "")


def _time_builds(
    counted: str, sizes: str, write_package: Callable[[int, Path], build.Build | None], block: str
) -> None:
    """Build packages of each size and print the table; keep it in a block of results.md if one is named."""

    def measured(name: str, one: build.Build) -> None:
        outcome = one.failure or f"{one.seconds[build.TOTAL]:.1f} s, {one.peak_gb:.2f} GB"
        typer.echo(f"{name:<24}  {outcome}")

    with tempfile.TemporaryDirectory(prefix="cohortmart-bench-") as scratch:
        builds = build.measure(_numbers(sizes), Path(scratch), measured, write_package)
    text = build.build_report(builds, counted)
    typer.echo("\n" + text)
    if block:
        report.rewrite_block(report.RESULTS, block, text)


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(sorted(int(float(word)) for word in text.split(",")))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: write numbers of participants, as in 1e4,1e5") from error


def _known(text: str) -> list[str]:
    peers = [word for word in text.split(",") if word]
    if unknown := [peer for peer in peers if peer not in ROWS_OF]:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(ROWS_OF)}")
    if R in peers and not r_program():
        typer.echo("R is left out: there is no Rscript on this machine.")
        peers.remove(R)
    return peers


if __name__ == "__main__":
    app()
