"""Progress bars of the build, one for each part."""

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from orchestration.progress import PARTS, Progress


class TerminalProgress(Progress):
    """Draws a bar for each part; in a pipe it draws nothing."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.bars = Bars(
            TextColumn("{task.description:<11}"),
            BarColumn(bar_width=30),
            TextColumn("{task.completed:>3.0f}/{task.total:<3.0f}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[label]}", style="dim", markup=False),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def start(self) -> None:
        """Show every part, none begun."""
        for part in PARTS:
            self._tasks[part] = self.bars.add_task(part, total=1, start=False, label="")
        self.bars.start()

    def stop(self) -> None:
        """Leave the bars as they are."""
        self.bars.stop()

    def announce(self, sentence: str) -> None:
        """Print a sentence above the bars."""
        self.bars.console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    def advance(self, part: str, done: int, total: int, label: str = "") -> None:
        """Move the bar of a part; its clock starts with its first unit."""
        task = self._tasks[part]
        self.bars.start_task(task)
        self.bars.update(task, completed=done, total=max(done, total), label="" if done >= total else label)
