"""The expectation suites as blocking asset checks, one for each table that has a suite."""

import dagster as dg

from orchestration.build_database import BuildDatabase
from orchestration.progress import Progress
from orchestration.validation import Outcome, keep_rows, read_suite, save_outcomes, suites, validate


def _suite_check(position: int, table: str, total: int) -> dg.AssetChecksDefinition:
    suite = read_suite(table)

    @dg.asset_check(
        asset=dg.AssetKey(table.split(".")),
        name="expectations",
        blocking=True,
        description=f"{len(suite['expectations'])} expectations of schemas/expectations/{table}.json",
    )
    def expectations(
        context: dg.AssetCheckExecutionContext,
        database: BuildDatabase,
        progress: dg.ResourceParam[Progress],
    ) -> dg.AssetCheckResult:
        settings = database.settings
        with progress.part("validation"):
            with database.connect(context.run.run_id, read_only=True):
                pass  # fails with advice when the run has no database
            outcomes = validate(settings.build_database, table, suite)
            outcomes = keep_rows(settings.build / "failing_rows", table, outcomes)
            save_outcomes(settings.build / "validation", table, outcomes)
            progress.advance("validation", position, total, table)
        failed = [o for o in outcomes if not o.success]
        return dg.AssetCheckResult(
            passed=not failed,
            severity=_severity(failed),
            description="\n".join(o.complaint for o in failed),
            metadata={
                "reasons": dg.MetadataValue.json([o.says for o in failed if o.is_blocking]),
                "expectations": len(outcomes),
                "failed": dg.MetadataValue.json(
                    {o.expectation: {"says": o.says, "shown": o.unexpected} for o in failed}
                ),
            },
        )

    return expectations


def _severity(failed: list[Outcome]) -> dg.AssetCheckSeverity:
    if any(o.is_blocking for o in failed):
        return dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckSeverity.WARN


SUITE_CHECKS = [
    _suite_check(position, table, len(suites())) for position, table in enumerate(suites(), start=1)
]
