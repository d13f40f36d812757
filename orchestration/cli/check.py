"""`cohortmart check`: what a build would make of a study package."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from orchestration.cli.terminal import terminal
from orchestration.landing import check_package, render_check
from schemas.plain_text import plain


def run_check(path: Path, threads: int) -> int:
    """Land a package into a scratch database and print what was found.

    Args:
        path: folder of the package.
        threads: how many threads DuckDB uses; nothing that is found depends on it.

    Returns:
        Exit status: 0, 1 when a row is quarantined, 2 when the package cannot be read.
    """
    errors = Console(stderr=True)
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as bars:
        tasks = {}

        def show(file: str, done: int, total: int) -> None:
            if file not in tasks:
                tasks[file] = bars.add_task(escape(plain(file)), total=total)
            bars.update(tasks[file], completed=done)

        report = check_package(path, show, threads)
    terminal().print(render_check(report))
    return report.exit_status
