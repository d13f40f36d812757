"""The marts that Python estimates from the risk table and the pairs of biomarker results."""

from collections.abc import Callable, Iterator

import dagster as dg
import duckdb
import polars as pl

from orchestration.assets.ownership import STATISTICS
from orchestration.build_database import BuildDatabase
from orchestration.catalogue import Table, create_statements
from orchestration.progress import Progress
from transforms.estimators import (
    biomarker_effects,
    biomarker_outcomes,
    biomarker_responses,
    competing_tables,
    effect_tables,
    published,
    recurrence_tables,
    survival_tables,
)
from transforms.estimators.risk_set import pool_strata

ESTIMATES = (
    "survival.curve",
    "survival.landmark",
    "survival.landmark_difference",
    "survival.summary",
    "survival.rmst_difference",
    "survival.treatment_effect",
    "recurrence.cumulative_incidence",
    "recurrence.effect",
    "recurrence.pattern",
    "recurrence.yearly_rate",
    "recurrence.second_primary",
    "recurrence.survival_after_recurrence",
    "recurrence.survival_after_recurrence_summary",
    "myokine.acute_response",
    "myokine.resting_change",
    "myokine.effect",
    "myokine.outcome_association",
    "benchmark.published_result",
)

_INPUTS = tuple(
    dg.AssetKey(table.split("."))
    for table in (
        "survival.risk_table",
        "intermediate.int_subgroups__risk_table",
        "intermediate.int_adjustment__patterns",
        "intermediate.int_adjustment__stays",
        "intermediate.int_delayed_entry__stays",
        "intermediate.int_recurrence__pattern_counts",
        "intermediate.int_recurrence__second_primary_counts",
        "intermediate.int_recurrence__after",
        "intermediate.int_biomarkers__acute",
        "intermediate.int_biomarkers__resting",
        "intermediate.int_biomarkers__pairs",
        "intermediate.int_biomarkers__outcomes",
        "raw.study",
        "raw.study_landmarks",
        "raw.study_comparisons",
        "raw.study_strata",
        "reference.published_results",
        "reference.imputation_policies",
    )
)


def _estimators(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, pl.DataFrame]]:
    """Compute every estimate of a build, each when it is asked for."""

    def rows(query: str) -> pl.DataFrame:
        return con.sql(query).pl()

    risk = rows("from survival.risk_table")
    # Most estimates know no strata: they are added up once, not by every estimator.
    pooled = pool_strata(risk)
    comparisons = rows("from raw.study_comparisons")
    landmarks = rows("from raw.study_landmarks")
    horizons = rows("select study_id, rmst_years from raw.study")
    after_recurrence = rows("from intermediate.int_recurrence__after")
    made: dict[str, pl.DataFrame] = {}
    steps: dict[str, Callable[[], pl.DataFrame]] = {
        "survival.curve": lambda: survival_tables.curve(pooled),
        "survival.landmark": lambda: survival_tables.landmark(pooled, landmarks),
        "survival.landmark_difference": lambda: survival_tables.landmark_difference(
            pooled, landmarks, comparisons
        ),
        "survival.summary": lambda: survival_tables.summary(pooled, horizons),
        "survival.rmst_difference": lambda: survival_tables.rmst_difference(pooled, horizons, comparisons),
        "survival.treatment_effect": lambda: effect_tables.treatment_effect(
            risk,
            comparisons,
            strata=rows("from raw.study_strata"),
            subgroup_table=rows("from intermediate.int_subgroups__risk_table"),
            adjustment_stays=rows("from intermediate.int_adjustment__stays"),
            adjustment_patterns=rows("from intermediate.int_adjustment__patterns"),
        ),
        "recurrence.cumulative_incidence": lambda: competing_tables.cumulative_incidence(
            pooled, rows("from intermediate.int_delayed_entry__stays")
        ),
        "recurrence.effect": lambda: competing_tables.effect(pooled, comparisons),
        "recurrence.pattern": lambda: recurrence_tables.pattern(
            rows("from intermediate.int_recurrence__pattern_counts")
        ),
        "recurrence.yearly_rate": lambda: recurrence_tables.yearly_rate(pooled),
        "recurrence.second_primary": lambda: recurrence_tables.second_primary(
            rows("from intermediate.int_recurrence__second_primary_counts")
        ),
        "recurrence.survival_after_recurrence": lambda: recurrence_tables.survival_after_recurrence(
            after_recurrence
        ),
        "recurrence.survival_after_recurrence_summary": (
            lambda: recurrence_tables.survival_after_recurrence_summary(after_recurrence)
        ),
        "myokine.acute_response": lambda: biomarker_responses.acute_response(
            rows("from intermediate.int_biomarkers__acute")
        ),
        "myokine.resting_change": lambda: biomarker_responses.resting_change(
            rows("from intermediate.int_biomarkers__resting")
        ),
        "myokine.effect": lambda: biomarker_effects.effect(
            rows("from intermediate.int_biomarkers__pairs"), comparisons
        ),
        "myokine.outcome_association": lambda: biomarker_outcomes.outcome_association(
            rows("from intermediate.int_biomarkers__outcomes"),
            rows("from reference.imputation_policies where is_default")["imputation"].item(),
        ),
        "benchmark.published_result": lambda: published.published_result(
            rows("from reference.published_results where study_id in (select study_id from raw.study)"),
            made["survival.landmark"],
            made["survival.landmark_difference"],
            made["survival.treatment_effect"],
            made["survival.summary"],
            biomarker_effect=made["myokine.effect"],
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
