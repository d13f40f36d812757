"""The Dagster code location: `dagster dev -m orchestration.definitions`."""

from collections.abc import Callable

import dagster as dg

from orchestration.assets.deliveries import deliveries
from orchestration.assets.estimates import build_estimates
from orchestration.assets.landing import LANDING, QUARANTINE, RAW_ASSETS, landing_audit
from orchestration.assets.release import build_release
from orchestration.assets.transforms import build_transforms
from orchestration.assets.validation import SUITE_CHECKS
from orchestration.build_database import BuildDatabase
from orchestration.build_outcome import RunRecord
from orchestration.catalogue import Table, read_catalogue
from orchestration.dbt_project import read_manifest
from orchestration.progress import Progress
from orchestration.settings import Settings

JOB = "build"


def _spec(catalogue: dict[str, Table]) -> Callable[[str], dg.AssetSpec]:
    def spec(name: str) -> dg.AssetSpec:
        table = catalogue[name]
        columns = [
            dg.TableColumn(
                c.name,
                c.data_type,
                c.description,
                dg.TableColumnConstraints(nullable=c.nullable),
            )
            for c in table.columns
        ]
        return dg.AssetSpec(
            [table.schema, table.name],
            group_name=table.schema,
            description=f"{table.description}\n\nGrain: {table.grain}",
            metadata={"dagster/column_schema": dg.TableSchema(columns=columns)},
        )

    return spec


def build_defs(
    settings: Settings | None = None, progress: Progress | None = None, wait_seconds: float = 0
) -> dg.Definitions:
    """Define everything that Dagster knows of cohortmart.

    Args:
        settings: the warehouse; default from the environment.
        progress: told how far a run is; default one that shows nothing.
        wait_seconds: how long a run waits for whoever is changing the warehouse.

    Returns:
        Assets, checks, the job `build`, its nightly schedule and the resources.
    """
    settings = settings or Settings()
    manifest = read_manifest(settings)
    catalogue = read_catalogue(manifest)
    transforms = build_transforms(manifest)
    estimates = build_estimates(catalogue, _spec(catalogue))
    readable = {dg.AssetKey(name.split(".")) for name in catalogue} | {LANDING, QUARANTINE}
    job = dg.define_asset_job(JOB, dg.AssetSelection.all(), description="From packages to a release.")
    return dg.Definitions(
        assets=[
            deliveries,
            *RAW_ASSETS,
            landing_audit,
            transforms,
            estimates,
            build_release(catalogue, sorted(readable)),
        ],
        asset_checks=SUITE_CHECKS,
        jobs=[job],
        schedules=[
            dg.ScheduleDefinition(
                name="nightly",
                job=job,
                cron_schedule=settings.nightly_cron,
                execution_timezone=settings.time_zone,
                default_status=dg.DefaultScheduleStatus.RUNNING,
                description="Rebuild the warehouse every night.",
            )
        ],
        resources={
            # The pseudonym key is no part of it: Dagster shows what its resources are made with.
            "database": BuildDatabase(
                home=str(settings.home),
                studies=[str(p.absolute()) for p in settings.studies],
                data_cutoff=settings.data_cutoff.isoformat() if settings.data_cutoff else "",
                inputs_of=settings.inputs_of,
                despite_lock=settings.despite_lock,
                wait_seconds=wait_seconds,
            ),
            "run_record": RunRecord(home=str(settings.home)),
            "progress": progress or Progress(),
        },
        # One process is one writer; steps of a run share a DuckDB file.
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Definitions of the warehouse that the environment names; evaluated when Dagster loads it."""
    return build_defs()
