"""The private DuckDB file that a run builds, and the lock that keeps it private.

One warehouse has one build at a time; readers only ever see the copy that the release step publishes.
dagster-duckdb's resource keeps its lock when a step raises and cannot open read-only, which is why this
one exists.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import dagster as dg
import duckdb

from orchestration.settings import Settings

# The lock of a run is its open file: the system frees it when the process ends, however it ends.
# A process runs one build of a warehouse at a time, so a lock it still holds is that of a failed run.
_held: dict[Path, IO[str]] = {}


class BuildDatabase(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Opens the build database of a warehouse; `home` and `studies` are those of `Settings`."""

    home: str
    studies: list[str]

    @property
    def settings(self) -> Settings:
        """The settings this resource was configured with."""
        return Settings(home=Path(self.home), studies=tuple(Path(s) for s in self.studies))

    def create(self, run_id: str) -> None:
        """Lock the warehouse for a run and start it with an empty database.

        Raises:
            dagster.Failure: another run of a living process is building in this warehouse.
        """
        folder = self.settings.build
        folder.mkdir(parents=True, exist_ok=True)
        self.release_lock()
        _held[folder] = _lock(folder.with_name("build.lock"), run_id)
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / "run_id").write_text(run_id, encoding="utf-8")
        duckdb.connect(self.settings.build_database).close()

    def release_lock(self) -> None:
        """Let the next run begin; the files stay until then."""
        if lock := _held.pop(self.settings.build, None):
            lock.close()

    @contextmanager
    def connect(self, run_id: str, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the run's database; closed and unlocked whatever happens inside.

        Raises:
            dagster.Failure: the run did not start with `deliveries`, so it has no database.
        """
        marker = self.settings.build / "run_id"
        if not marker.exists() or marker.read_text(encoding="utf-8") != run_id:
            raise dg.Failure(
                "This run has no build database: materialize all assets together, from `deliveries` on.",
                allow_retries=False,
            )
        con = duckdb.connect(
            self.settings.build_database, read_only=read_only, config={"threads": self.settings.threads}
        )
        try:
            yield con
        finally:
            con.close()


def _lock(path: Path, run_id: str) -> IO[str]:
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip()
        file.close()
        raise dg.Failure(
            f"Another build of this warehouse is under way ({holder}); start again when it has ended.",
            allow_retries=False,
        ) from None
    file.truncate(0)
    file.write(f"run {run_id}, process {os.getpid()}")
    file.flush()
    return file
