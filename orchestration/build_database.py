"""The private DuckDB file that a run builds, and the lock that keeps it private.

One warehouse has one build at a time; readers only ever see the copy that the release step publishes.
dagster-duckdb's resource keeps its lock when a step raises and cannot open read-only, which is why this
one exists.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from orchestration import ledger, warehouse_lock
from orchestration.settings import Settings

# A process runs one build of a warehouse at a time: a lock that a build still holds is that of a failed run.
_building: set[Path] = set()

_DAGSTER_RUN = "dagster run "


class BuildDatabase(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Opens the build database of a warehouse.

    `home`, `studies`, `data_cutoff` (a date as text), `inputs_of` and `despite_lock` are those of `Settings`;
    what is empty is as the environment says. `wait_seconds` is how long a build waits for whoever holds the
    warehouse.
    """

    home: str
    studies: list[str]
    data_cutoff: str = ""
    inputs_of: str = ""
    despite_lock: str = ""
    wait_seconds: float = 0

    @property
    def settings(self) -> Settings:
        """The settings this resource was configured with."""
        given: dict[str, Any] = {
            name: value
            for name in ("data_cutoff", "inputs_of", "despite_lock")
            if (value := getattr(self, name))
        }
        return Settings(home=Path(self.home), studies=tuple(Path(s) for s in self.studies), **given)

    def create(self, run_id: str, on_wait: Callable[[str], object] | None = None) -> None:
        """Lock the warehouse for a run and start it with an empty database.

        Args:
            run_id: the run.
            on_wait: called with a sentence when there is somebody to wait for; by default Dagster's log.

        Raises:
            dagster.Failure: another living process is changing this warehouse.
        """
        if not ledger.command() or ledger.command().startswith(_DAGSTER_RUN):
            ledger.set_command(_DAGSTER_RUN + run_id)
        self.release_lock()
        settings = self.settings
        try:
            warehouse_lock.acquire(
                settings,
                f"build, run {run_id}",
                self.wait_seconds,
                on_wait or dg.get_dagster_logger().info,
            )
        except warehouse_lock.WarehouseBusyError as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        _building.add(settings.lock)
        if settings.build.exists():
            shutil.rmtree(settings.build)
        settings.build.mkdir(parents=True, mode=0o700)
        (settings.build / "run_id").write_text(run_id, encoding="utf-8")
        duckdb.connect(settings.build_database).close()

    def release_lock(self) -> None:
        """Let the next run begin; the files stay until then."""
        settings = self.settings
        if settings.lock in _building:
            _building.discard(settings.lock)
            warehouse_lock.release(settings)

    @contextmanager
    def connect(self, run_id: str, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the run's database; closed and unlocked whatever happens inside.

        Raises:
            dagster.Failure: the run did not start with `deliveries`, so it has no database.
        """
        settings = self.settings
        marker = settings.build / "run_id"
        if not marker.exists() or marker.read_text(encoding="utf-8") != run_id:
            raise dg.Failure(
                "This run has no build database: materialize all assets together, from `deliveries` on.",
                allow_retries=False,
            )
        con = duckdb.connect(
            settings.build_database, read_only=read_only, config={"threads": settings.threads}
        )
        try:
            yield con
        finally:
            con.close()
