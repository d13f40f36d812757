"""One asset for each record type: from a delivered file, or what it landed as before, to `raw.<record>`."""

import contextlib
import itertools
from collections.abc import Iterator

import dagster as dg
import duckdb

from orchestration.assets.deliveries import DELIVERIES
from orchestration.assets.failures import for_each_package
from orchestration.assets.ownership import DATA_ENGINEERING
from orchestration.build_database import BuildDatabase
from orchestration.deliveries.deliver import Delivery, read_deliveries
from orchestration.deliveries.landing_plan import is_cut_short, landing_of, read_plan
from orchestration.deliveries.late_corrections import find_corrections
from orchestration.landing import FileLanding, above_tolerance, apply_cross_record_rules, land_record
from orchestration.landing.data_cutoff import apply_data_cutoff
from orchestration.landing.kept import DamagedLandingError, keep, load
from orchestration.progress import Progress
from orchestration.settings import Settings
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


@contextlib.contextmanager
def _damage_fails() -> Iterator[None]:
    """Say of a kept landing that was damaged since the run began what to do; the next run throws it away."""
    try:
        yield
    except DamagedLandingError as error:
        raise dg.Failure(f"{error}; start the build again", allow_retries=False) from None


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
        build = database.settings.build
        plan = read_plan(build)
        with progress.part("landing"), database.connect(context.run_id) as con:
            files = for_each_package(
                plan.new(read_deliveries(build)),
                lambda delivery: _land(con, delivery, record.name),
            )
            landed = list(itertools.chain.from_iterable(files))
            with _damage_fails():
                kept = sum(load(con, kept, [f"raw.{record.name}"]) for kept in plan.kept.values())
            progress.advance("landing", position, len(RECORDS) + 1, record.name)
        accepted = sum(f.rows_accepted for f in landed)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": accepted + kept,
                "rows_read": sum(f.rows_read for f in landed),
                "rows_quarantined": sum(f.rows_quarantined for f in landed),
                "rows_landed_anew": accepted,
                "rows_landed_before": kept,
            }
        )

    return raw_record


RAW_ASSETS = [_raw_asset(position, record) for position, record in enumerate(RECORDS.values(), start=1)]


def _keep_landed(
    con: duckdb.DuckDBPyConnection, settings: Settings, deliveries: list[Delivery], progress: Progress
) -> None:
    """Keep what studies landed as, so that the next build need not land them again.

    Of a study that an earlier data cutoff concerns, only a part has landed.
    """
    for delivery in deliveries:
        if is_cut_short(settings, delivery):
            continue
        try:
            keep(con, delivery.study_id, landing_of(settings, delivery))
        except OSError as error:
            progress.note(f"{delivery.study_id}: what it landed as could not be kept ({error.strerror}).")


def _note_corrections(settings: Settings, run_id: str, progress: Progress) -> None:
    """Say, and enter in the ledger, what changes against the release that is current."""
    for correction in find_corrections(settings, read_deliveries(settings.build)):
        correction.enter(settings, run_id)
        progress.note(str(correction))


def _pseudonymise(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    if settings.pseudonym_key is not None:
        from orchestration.privacy.pseudonyms import pseudonymise  # noqa: PLC0415 - where a key is set only

        pseudonymise(con, settings.pseudonym_key)


def _apply_cutoff(con: duckdb.DuckDBPyConnection, settings: Settings, progress: Progress) -> None:
    """Make this the analysis of an earlier day, where one was asked for."""
    cutoff = settings.data_cutoff
    if cutoff is None:
        return
    (left_out,) = for_each_package([cutoff], lambda day: apply_data_cutoff(con, day))
    for study_id, what in left_out.items():
        progress.note(f"{study_id}: data cutoff {cutoff}; {what}.")
    if not left_out:
        progress.note(f"Data cutoff {cutoff}: no study has a later one.")


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
    """Apply an earlier data cutoff and the rules across records, once all has landed; balance the books."""
    settings = database.settings
    new = read_plan(settings.build).new(read_deliveries(settings.build))
    with progress.part("landing"), database.connect(context.run_id) as con:
        # First: a record from after the cutoff must not decide which of the others stands.
        _apply_cutoff(con, settings, progress)
        apply_cross_record_rules(con, [load_study(delivery.folder) for delivery in new])
        breaches = above_tolerance(con)
        _keep_landed(con, settings, new, progress)
        _note_corrections(settings, context.run_id, progress)
        _pseudonymise(con, settings)
        counts = {
            key: con.sql(f"select count(*) from {'.'.join(key.path)}").fetchall()[0][0]
            for key in (LANDING, QUARANTINE, ASSAY_VOCABULARY)
        }
        progress.advance("landing", len(RECORDS) + 1, len(RECORDS) + 1, "rules across records")
    said = dg.MetadataValue.text("\n".join(progress.notes))
    for key, rows in counts.items():
        more = {"said": said} if key == LANDING and progress.notes else {}
        yield dg.MaterializeResult(asset_key=key, metadata={"dagster/row_count": rows, **more})
    yield dg.AssetCheckResult(
        asset_key=LANDING,
        check_name=WITHIN_TOLERANCE,
        passed=not breaches,
        description="; ".join(str(breach) for breach in breaches),
        metadata={"reasons": dg.MetadataValue.json([breach.count for breach in breaches])},
    )
