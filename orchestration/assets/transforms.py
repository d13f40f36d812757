"""The dbt models, seeds and tests as assets and checks."""

import importlib
import threading
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliInvocation, dbt_assets
from packaging.version import Version

from orchestration.assets.landing import LANDING
from orchestration.assets.ownership import DATA_ENGINEERING, STATISTICS
from orchestration.build_database import BuildDatabase
from orchestration.catalogue import MART_SCHEMAS
from orchestration.dbt_project import PROJECT, dbt_environment, dbt_executable, target_folder
from orchestration.progress import Progress


class Translator(DagsterDbtTranslator):
    """Names assets `schema/table`, groups them by schema, and holds staging back until landing is sound."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Key by the schema and name that analysts write in SQL."""
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Group by schema."""
        return str(dbt_resource_props["schema"])

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        """Marts answer to the statisticians, what leads to them to the engineers."""
        return STATISTICS if dbt_resource_props["schema"] in MART_SCHEMAS else DATA_ENGINEERING

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: Any) -> dg.AssetSpec:
        """Make what reads raw tables wait for the audit of landing."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        depends_on = self.get_resource_props(manifest, unique_id).get("depends_on", {})
        if any(node.startswith("source.") for node in depends_on.get("nodes", [])):
            return spec.merge_attributes(deps=[LANDING])
        return spec


def _warm_up_validation() -> None:
    """Import Great Expectations beside the dbt process: seconds that nobody waits for."""
    threading.Thread(target=importlib.import_module, args=("great_expectations",), daemon=True).start()


def _run_dbt(
    context: dg.AssetExecutionContext,
    database: BuildDatabase,
    manifest: Mapping[str, Any],
    translator: Translator,
) -> DbtCliInvocation:
    """Start one `dbt build`.

    `DbtCliResource.cli` would first run `dbt --version` and open an adapter of its own in this process:
    five seconds for row counts that one query gives afterwards.
    """
    settings = database.settings
    return DbtCliInvocation.run(
        args=[dbt_executable(), "build", "--exclude-resource-type", "unit_test"],
        env={**dbt_environment(settings), "DBT_LOG_FORMAT": "json"},
        manifest=manifest,
        dagster_dbt_translator=translator,
        project_dir=PROJECT,
        target_path=target_folder(settings),
        raise_on_error=True,
        context=context,
        adapter=None,
        cli_version=Version(version("dbt-core")),
    )


def _row_counts(database: BuildDatabase, run_id: str) -> dict[tuple[str, str], int]:
    """Count the rows of every table in the build; views are left out, they would be computed for it."""
    with database.connect(run_id, read_only=True) as con:
        tables = con.sql("select schema_name, table_name from duckdb_tables()").fetchall()
        return {
            (schema, name): con.sql(f'select count(*) from "{schema}"."{name}"').fetchall()[0][0]
            for schema, name in tables
        }


def build_transforms(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """Define the dbt assets of a parsed project."""
    translator = Translator()

    @dbt_assets(manifest=manifest, dagster_dbt_translator=translator, name="dbt")
    def dbt_models(
        context: dg.AssetExecutionContext,
        database: BuildDatabase,
        progress: dg.ResourceParam[Progress],
    ) -> Iterator[Any]:
        _warm_up_validation()
        with progress.part("transforms"):
            events = []
            steps = len(context.selected_output_names) + len(context.selected_asset_check_keys)
            for event in _run_dbt(context, database, manifest, translator).stream():
                events.append(event)
                progress.advance("transforms", len(events), steps)
            counts = _row_counts(database, context.run_id)
        yield from (_with_row_count(event, manifest, counts) for event in events)

    return dbt_models


def _with_row_count(event: Any, manifest: Mapping[str, Any], counts: Mapping[tuple[str, str], int]) -> Any:
    """Add its number of rows to the output of a table; pass everything else on."""
    if not isinstance(event, dg.Output):
        return event
    node = manifest["nodes"][event.metadata["unique_id"].value]
    rows = counts.get((node["schema"], node["name"]))
    if rows is None:
        return event
    return event.with_metadata({**event.metadata, "dagster/row_count": rows})
