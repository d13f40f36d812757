"""The study packages of a build."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from orchestration.assets.failures import UNREADABLE, for_each_package
from orchestration.assets.ownership import DATA_ENGINEERING
from orchestration.build_database import BuildDatabase
from orchestration.build_outcome import RunRecord
from orchestration.consent.forget import complete_withdrawals
from orchestration.dbt_project import remove_stale_parses
from orchestration.deliveries.deliver import Delivery, deliver, reuse, save_deliveries
from orchestration.deliveries.landing_plan import LandingPlan, plan_landing, save_plan
from orchestration.landing import STUDY_TABLES, create_raw_tables, land_study
from orchestration.landing.kept import AUDIT_TABLES, load
from orchestration.progress import Progress
from orchestration.release.read import DamagedReleaseError, NoReleaseError, find_release
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
        raise type(error)(
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


def _deliver_inputs_of_release(settings: Settings, progress: Progress) -> list[Delivery]:
    """Take the packages of a release, and the configured ones in the place of those of the same study."""
    try:
        _note_other_cutoff(settings, progress)
        configured = _deliver_configured(settings, progress)
        given = {delivery.study_id for delivery in configured}
        (of_release,) = for_each_package(
            [settings.inputs_of], lambda release: reuse(settings, release, without=given)
        )
    except (NoReleaseError, DamagedReleaseError) as error:
        raise dg.Failure(str(error), metadata={UNREADABLE: True}, allow_retries=False) from None
    taken = [*of_release, *configured]
    progress.advance("studies", len(taken), len(taken))
    return taken


def _note_other_cutoff(settings: Settings, progress: Progress) -> None:
    """Say when the release whose packages are built again was the analysis of another day."""
    release = find_release(settings, settings.inputs_of)
    its = release.manifest.get("settings", {}).get("data_cutoff")
    own = settings.data_cutoff.isoformat() if settings.data_cutoff else None
    if its and its != own:
        progress.note(
            f"Release {release.release_id} was built with --data-cutoff {its}, and this one"
            f" {f'with {own}' if own else 'without one'}."
        )


def _deliver_all(settings: Settings, progress: Progress) -> list[Delivery]:
    if settings.inputs_of:
        return _deliver_inputs_of_release(settings, progress)
    if settings.studies:
        return _deliver_configured(settings, progress)
    return _deliver_shipped(settings, progress)


def _note_plan(plan: LandingPlan, delivered: list[Delivery], progress: Progress) -> None:
    """Say what was out of the ordinary, and what landed before, once anything has."""
    for sentence in (*(notice for d in delivered for notice in d.notices), *plan.damaged):
        progress.note(sentence)
    if plan.kept:
        progress.note(f"{plan}; {len(plan.new(delivered))} landed.")


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
    run_record: RunRecord,
) -> Iterator[dg.MaterializeResult[None]]:
    """Deliver every package and start the run's database with the study-level tables."""

    def say(sentence: str) -> None:
        context.log.info(sentence)
        progress.announce(sentence)

    with progress.part("studies"):
        settings = database.settings
        before = run_record.last_run()
        # The lock comes first: two builds must not keep the same delivery at once.
        database.create(context.run_id, on_wait=say)
        run_record.note_died(before)
        remove_stale_parses(settings)
        for_each_package([settings], lambda home: complete_withdrawals(home, progress.note))
        delivered = _deliver_all(settings, progress)
        plan = plan_landing(settings, delivered)
        _note_plan(plan, delivered, progress)
        with database.connect(context.run_id) as con:
            create_raw_tables(con)
            for delivery in delivered:
                land_study(con, load_study(delivery.folder))
            for kept in plan.kept.values():
                load(con, kept, AUDIT_TABLES)
            rows = {
                table: con.sql(f"select count(*) from {table}").fetchall()[0][0] for table in STUDY_TABLES
            }
        save_deliveries(settings.build, delivered)
        save_plan(settings.build, plan)
    yield dg.MaterializeResult(
        asset_key=DELIVERIES,
        metadata={
            "dagster/row_count": len(delivered),
            "studies": dg.MetadataValue.json({d.study_id: d.sha256 for d in delivered}),
            "landed_before": dg.MetadataValue.json(sorted(plan.kept)),
        },
    )
    for table, count in rows.items():
        yield dg.MaterializeResult(asset_key=table.split("."), metadata={"dagster/row_count": count})
