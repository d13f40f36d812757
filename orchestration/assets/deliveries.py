"""The study packages of a build."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from orchestration.assets.failures import for_each_package
from orchestration.assets.ownership import DATA_ENGINEERING
from orchestration.build_database import BuildDatabase
from orchestration.deliveries import Delivery, deliver, save_deliveries
from orchestration.landing import STUDY_TABLES, create_raw_tables, land_study
from orchestration.progress import Progress
from orchestration.settings import Settings
from schemas.errors import StudyPackageError
from schemas.study import STUDY_FILE, load_study

DELIVERIES = dg.AssetKey("deliveries")


def _deliver_shipped(settings: Settings, progress: Progress) -> list[Delivery]:
    # Simulating and reading the shipped studies takes libraries that other builds do not need.
    from seeds.studies import SHIPPED  # noqa: PLC0415

    delivered = []
    for done, (name, write_package) in enumerate(SHIPPED.items(), start=1):
        with tempfile.TemporaryDirectory(prefix="cohortmart-") as scratch:
            delivered.append(deliver(write_package(Path(scratch) / name), settings))
        progress.advance("studies", done, len(SHIPPED), name)
    return delivered


def _deliver(package: Path, settings: Settings) -> Delivery:
    """Deliver one package of several; what is wrong with its descriptor is said with its folder."""
    try:
        return deliver(package, settings)
    except StudyPackageError as error:
        raise StudyPackageError(
            f"{package}/{problem}" if problem.startswith(STUDY_FILE) else problem
            for problem in error.problems
        ) from None


def _deliver_configured(settings: Settings, progress: Progress) -> list[Delivery]:
    taken: dict[str, Path] = {}

    def work(package: Path) -> Delivery:
        delivery = _deliver(package, settings)
        other = taken.setdefault(delivery.study_id, package)
        if other != package:
            raise StudyPackageError(
                [f"{package}/study.yaml: study_id `{delivery.study_id}` is that of {other} too"]
            )
        progress.advance("studies", len(taken), len(settings.studies), delivery.study_id)
        return delivery

    return for_each_package(settings.studies, work)


def _spec(key: dg.AssetKey, description: str, deps: list[dg.AssetKey]) -> dg.AssetSpec:
    return dg.AssetSpec(
        key,
        deps=deps,
        group_name="landing",
        kinds={"python", "duckdb"},
        owners=DATA_ENGINEERING,
        description=description,
    )


@dg.multi_asset(
    name="deliveries",
    specs=[
        _spec(DELIVERIES, "Study packages of this build, kept by sha256.", []),
        *(
            _spec(
                dg.AssetKey(table.split(".")),
                "What the descriptors (study.yaml) of the delivered packages say.",
                [DELIVERIES],
            )
            for table in STUDY_TABLES
        ),
    ],
)
def deliveries(
    context: dg.AssetExecutionContext,
    database: BuildDatabase,
    progress: dg.ResourceParam[Progress],
) -> Iterator[dg.MaterializeResult[None]]:
    """Deliver every package and start the run's database with the study-level tables."""
    with progress.part("studies"):
        # The lock comes first: two builds must not keep the same delivery at once.
        database.create(context.run_id)
        deliver_all = _deliver_configured if database.studies else _deliver_shipped
        delivered = deliver_all(database.settings, progress)
        with database.connect(context.run_id) as con:
            create_raw_tables(con)
            for delivery in delivered:
                land_study(con, load_study(delivery.folder))
            rows = {
                table: con.sql(f"select count(*) from {table}").fetchall()[0][0] for table in STUDY_TABLES
            }
        save_deliveries(database.settings.build, delivered)
    yield dg.MaterializeResult(
        asset_key=DELIVERIES,
        metadata={
            "dagster/row_count": len(delivered),
            "studies": dg.MetadataValue.json({d.study_id: d.sha256 for d in delivered}),
        },
    )
    for table, count in rows.items():
        yield dg.MaterializeResult(asset_key=table.split("."), metadata={"dagster/row_count": count})
