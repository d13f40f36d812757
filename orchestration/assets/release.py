"""The release: the last asset, made only when every blocking check has passed."""

from collections.abc import Iterable

import dagster as dg

from orchestration.assets.ownership import DATA_ENGINEERING
from orchestration.build_database import BuildDatabase
from orchestration.build_outcome import enter
from orchestration.catalogue import Table
from orchestration.consent.forget import remove_outdated
from orchestration.deliveries.deliver import read_deliveries
from orchestration.progress import Progress
from orchestration.release.publish import publish
from orchestration.validation import collect_outcomes, unmet

RELEASE = dg.AssetKey("release")


def build_release(catalogue: dict[str, Table], upstream: Iterable[dg.AssetKey]) -> dg.AssetsDefinition:
    """Define the release of all declared tables; it waits for the assets `upstream`."""

    @dg.asset(
        key=RELEASE,
        deps=list(upstream),
        group_name="release",
        kinds={"duckdb", "parquet"},
        owners=DATA_ENGINEERING,
        description="An immutable folder: DuckDB file, Parquet, manifest, validation results, report.",
    )
    def release(
        context: dg.AssetExecutionContext,
        database: BuildDatabase,
        progress: dg.ResourceParam[Progress],
    ) -> dg.MaterializeResult[None]:
        # Charts cost a second of imports that only this step needs.
        from orchestration.release.report import write_report  # noqa: PLC0415

        settings = database.settings
        with database.connect(context.run_id, read_only=True):
            pass  # fails with advice when the run has no database
        validation = collect_outcomes(settings.build / "validation")
        if reasons := unmet(validation):
            raise dg.Failure("Not validated: " + "; ".join(reasons), allow_retries=False)
        with progress.part("release"):
            folder = publish(
                settings.build_database,
                catalogue,
                settings,
                run_id=context.run_id,
                inputs=[d.as_input() for d in read_deliveries(settings.build)],
                validation=validation,
                write_report=write_report,
                on_table=lambda done, total, name: progress.advance("release", done, total, name),
            )
        enter(
            settings,
            context.run_id,
            "released",
            [],
            release_id=folder.name,
            data_cutoff=settings.data_cutoff.isoformat() if settings.data_cutoff else None,
            seconds={part: round(seconds, 2) for part, seconds in progress.seconds.items()},
        )
        remove_outdated(settings, progress.note)
        database.release_lock()
        return dg.MaterializeResult(
            metadata={"path": dg.MetadataValue.path(folder), "dagster/row_count": len(catalogue)}
        )

    return release
