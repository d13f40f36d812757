"""`report.html` of a release: one page, no scripts, readable offline."""

from pathlib import Path
from typing import Any

import duckdb
import jinja2
import polars as pl

from orchestration.release.charts import forest, survival_curves
from orchestration.release.results import read_results, read_studies

_TEMPLATE = Path(__file__).with_name("report.html.jinja")


def write_report(
    con: duckdb.DuckDBPyConnection, folder: Path, release_id: str, validation: dict[str, Any]
) -> None:
    """Write the report of the release that `con` reads into its folder.

    Args:
        con: the released database.
        folder: where `report.html` goes.
        release_id: name of the release.
        validation: what `validation.json` holds.
    """
    results = read_results(con)
    studies = [
        {
            **study,
            **_study(con, study["study_id"], [r for r in results if r["study_id"] == study["study_id"]]),
        }
        for study in read_studies(con)
    ]
    files = con.sql("from audit.landing order by all").pl().to_dicts()
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    page = template.render(
        release_id=release_id,
        studies=studies,
        files=files,
        statistics=validation["statistics"],
        warnings=[
            (table, outcome["says"], outcome["observed"])
            for table, outcomes in validation["tables"].items()
            for outcome in outcomes
            if not outcome["success"]
        ],
    )
    (folder / "report.html").write_text(page, encoding="utf-8")


def _study(con: duckdb.DuckDBPyConnection, study_id: str, results: list[dict[str, Any]]) -> dict[str, Any]:
    arms = con.execute(
        "select arm_id from reference.study_arm where study_id = ? order by role != 'control', arm_order",
        [study_id],
    ).fetchall()
    curve = pl.from_arrow(
        con.execute(
            "from survival.curve where study_id = ? and policy_id = 'primary' order by all",
            [study_id],
        ).to_arrow_table()
    )
    assert isinstance(curve, pl.DataFrame)
    estimated = [r for r in results if r["hazard_ratio"] is not None]
    return {
        "results": results,
        "curves": survival_curves(curve, [arm for (arm,) in arms]) if curve.height else "",
        "forest": forest(pl.DataFrame(estimated, infer_schema_length=None)) if estimated else "",
    }
