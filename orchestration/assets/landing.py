"""One asset for each record type: from a delivered file to `raw.<record>`."""

import itertools
from collections.abc import Iterator

import dagster as dg
import duckdb

from orchestration.assets.deliveries import DELIVERIES
from orchestration.assets.failures import for_each_package
from orchestration.assets.ownership import DATA_ENGINEERING
from orchestration.build_database import BuildDatabase
from orchestration.deliveries import Delivery, read_deliveries
from orchestration.landing import FileLanding, above_tolerance, apply_cross_record_rules, land_record
from orchestration.progress import Progress
from schemas.errors import StudyPackageError
from schemas.records import RECORDS, RecordType
from schemas.study import load_study

LANDING = dg.AssetKey(["audit", "landing"])
QUARANTINE = dg.AssetKey(["audit", "quarantine"])
ASSAY_VOCABULARY = dg.AssetKey(["raw", "assay_vocabulary"])
WITHIN_TOLERANCE = "quarantine_within_tolerance"


def raw_key(record: str) -> dg.AssetKey:
    """The asset of a record type's raw table."""
    return dg.AssetKey(["raw", record])


def _column_schema(record: RecordType) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, str(column.dtype), column.description)
            for name, column in record.columns.items()
        ]
    )


def _land(con: duckdb.DuckDBPyConnection, delivery: Delivery, record: str) -> list[FileLanding]:
    """Land a record of one study of several; what is wrong with it is said with the study's name."""
    try:
        return land_record(con, load_study(delivery.folder), record)
    except StudyPackageError as error:
        raise StudyPackageError(f"{delivery.study_id}: {problem}" for problem in error.problems) from None


def _raw_asset(position: int, record: RecordType) -> dg.AssetsDefinition:
    @dg.asset(
        key=raw_key(record.name),
        deps=[DELIVERIES],
        group_name="landing",
        kinds={"polars", "duckdb"},
        owners=DATA_ENGINEERING,
        description=record.description,
        metadata={"dagster/column_schema": _column_schema(record)},
    )
    def raw_record(
        context: dg.AssetExecutionContext,
        database: BuildDatabase,
        progress: dg.ResourceParam[Progress],
    ) -> dg.MaterializeResult[None]:
        with progress.part("landing"), database.connect(context.run_id) as con:
            files = for_each_package(
                read_deliveries(database.settings.build),
                lambda delivery: _land(con, delivery, record.name),
            )
            landed = list(itertools.chain.from_iterable(files))
            progress.advance("landing", position, len(RECORDS) + 1, record.name)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": sum(f.rows_accepted for f in landed),
                "rows_read": sum(f.rows_read for f in landed),
                "rows_quarantined": sum(f.rows_quarantined for f in landed),
            }
        )

    return raw_record


RAW_ASSETS = [_raw_asset(position, record) for position, record in enumerate(RECORDS.values(), start=1)]


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            key,
            deps=[raw_key(name) for name in RECORDS],
            group_name="landing",
            kinds={"duckdb"},
            owners=DATA_ENGINEERING,
            description=description,
        )
        for key, description in (
            (LANDING, "Rows read, accepted and quarantined of every delivered file."),
            (QUARANTINE, "Every reason for which a row was set aside, with file, line and text."),
            (ASSAY_VOCABULARY, "What laboratories call their analytes and units, and what that is."),
        )
    ],
    check_specs=[
        dg.AssetCheckSpec(
            WITHIN_TOLERANCE,
            asset=LANDING,
            blocking=True,
            description="No file has more rows set aside than its study.yaml tolerates (default none).",
        )
    ],
)
def landing_audit(
    context: dg.AssetExecutionContext,
    database: BuildDatabase,
    progress: dg.ResourceParam[Progress],
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Apply the rules across records, once every record type has landed, and balance the books."""
    with progress.part("landing"), database.connect(context.run_id) as con:
        studies = [load_study(d.folder) for d in read_deliveries(database.settings.build)]
        apply_cross_record_rules(con, studies)
        breaches = above_tolerance(con)
        counts = {
            key: con.sql(f"select count(*) from {'.'.join(key.path)}").fetchall()[0][0]
            for key in (LANDING, QUARANTINE, ASSAY_VOCABULARY)
        }
        progress.advance("landing", len(RECORDS) + 1, len(RECORDS) + 1, "rules across records")
    for key, rows in counts.items():
        yield dg.MaterializeResult(asset_key=key, metadata={"dagster/row_count": rows})
    yield dg.AssetCheckResult(
        asset_key=LANDING,
        check_name=WITHIN_TOLERANCE,
        passed=not breaches,
        description="; ".join(str(breach) for breach in breaches),
    )
