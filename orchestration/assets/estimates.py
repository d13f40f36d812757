"""The marts that Python estimates from the risk table."""

from collections.abc import Callable, Iterator

import dagster as dg
import duckdb
import polars as pl

from orchestration.assets.ownership import STATISTICS
from orchestration.build_database import BuildDatabase
from orchestration.catalogue import Table, create_statements
from orchestration.progress import Progress
from transforms.estimators import published, tables
from transforms.estimators.risk_set import pool_strata

ESTIMATES = (
    "survival.curve",
    "survival.landmark",
    "survival.summary",
    "survival.treatment_effect",
    "recurrence.cumulative_incidence",
    "benchmark.published_result",
)

_INPUTS = [
    dg.AssetKey(["survival", "risk_table"]),
    dg.AssetKey(["raw", "study"]),
    dg.AssetKey(["raw", "study_landmarks"]),
    dg.AssetKey(["raw", "study_comparisons"]),
    dg.AssetKey(["reference", "published_results"]),
]


def _estimators(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, pl.DataFrame]]:
    """Compute every estimate of a build, each when it is asked for."""
    # No model here is stratified: strata are added up once, not by every estimator.
    risk = pool_strata(con.sql("from survival.risk_table").pl())
    made: dict[str, pl.DataFrame] = {}
    steps: dict[str, Callable[[], pl.DataFrame]] = {
        "survival.curve": lambda: tables.curve(risk),
        "survival.landmark": lambda: tables.landmark(risk, con.sql("from raw.study_landmarks").pl()),
        "survival.summary": lambda: tables.summary(
            risk, con.sql("select study_id, rmst_years from raw.study").pl()
        ),
        "survival.treatment_effect": lambda: tables.treatment_effect(
            risk, con.sql("from raw.study_comparisons").pl()
        ),
        "recurrence.cumulative_incidence": lambda: tables.cumulative_incidence(risk),
        "benchmark.published_result": lambda: published.published_result(
            con.sql(
                "from reference.published_results where study_id in (select study_id from raw.study)"
            ).pl(),
            made["survival.landmark"],
            made["survival.treatment_effect"],
            made["survival.summary"],
        ),
    }
    for name in ESTIMATES:
        made[name] = steps[name]()
        yield name, made[name]


def write_table(con: duckdb.DuckDBPyConnection, table: Table, frame: pl.DataFrame) -> None:
    """Create a declared table and fill it; the frame must have exactly the declared columns."""
    declared = [c.name for c in table.columns]
    if sorted(frame.columns) != sorted(declared):
        raise ValueError(f"{table.full_name} is declared as {declared}, estimated as {frame.columns}")
    for statement in create_statements(table):
        con.execute(statement)
    rows = frame.select(declared).to_arrow()
    con.register("estimated_rows", rows)
    con.execute(f"insert into {table.full_name} from estimated_rows")
    con.unregister("estimated_rows")


def build_estimates(catalogue: dict[str, Table], spec: Callable[[str], dg.AssetSpec]) -> dg.AssetsDefinition:
    """Define the estimates; `spec` makes the asset spec of a declared table."""

    @dg.multi_asset(
        name="estimates",
        specs=[
            spec(name).replace_attributes(
                deps=_INPUTS,
                kinds={"python", "duckdb"},
                owners=STATISTICS,
            )
            for name in ESTIMATES
        ],
    )
    def estimates(
        context: dg.AssetExecutionContext,
        database: BuildDatabase,
        progress: dg.ResourceParam[Progress],
    ) -> Iterator[dg.MaterializeResult[None]]:
        with progress.part("estimates"), database.connect(context.run_id) as con:
            rows = {}
            for done, (name, frame) in enumerate(_estimators(con), start=1):
                write_table(con, catalogue[name], frame)
                rows[name] = frame.height
                progress.advance("estimates", done, len(ESTIMATES), name)
        for name, count in rows.items():
            yield dg.MaterializeResult(asset_key=name.split("."), metadata={"dagster/row_count": count})

    return estimates
