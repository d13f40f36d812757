"""`cohortmart simulate`: write a simulated study package."""

from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from seeds.studies.challenge import simulate


def run_simulate(participants: int, seed: int, out: Path) -> int:
    """Simulate CHALLENGE into a folder.

    Returns:
        Exit status: 0, or 2 when the folder holds something already.
    """
    console = Console(stderr=True)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        console.print(f"{out} is not an empty folder: name another.", style="red", highlight=False)
        return 2
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("participants", total=participants)
        simulate(
            participants,
            seed,
            out,
            lambda done, total: bars.update(task, completed=done, total=total),
        )
    Console().print(f"Study package written: {out}", highlight=False, soft_wrap=True)
    return 0
