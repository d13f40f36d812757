"""`report.html` of a release: one page, no scripts, readable offline."""

from pathlib import Path
from typing import Any

import duckdb
import jinja2
import polars as pl

from orchestration.release.biomarker_charts import ratio_forest
from orchestration.release.biomarkers import (
    ratio_text,
    read_associations,
    read_biomarker_effects,
    read_plates_to_review,
)
from orchestration.release.charts import forest, subgroup_forest, survival_curves
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
    biomarkers = read_biomarker_effects(con)
    plates = read_plates_to_review(con)
    studies = [
        {
            **study,
            **(_outcomes(con, study["study_id"], _of_study(results, study)) if study["is_followed"] else {}),
            "biomarkers": _biomarkers(_of_study(biomarkers, study)),
            "plates": _of_study(plates, study),
        }
        for study in read_studies(con)
    ]
    files = con.sql("from audit.landing order by all").pl().to_dicts()
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.globals["ratio_text"] = ratio_text
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


def _of_study(rows: list[dict[str, Any]], study: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for row in rows if row["study_id"] == study["study_id"]]


def _biomarkers(effects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Gather the effects of a study by kind and visit, with a forest plot of each."""
    blocks = []
    for kind, visit in dict.fromkeys((row["kind"], row["visit"]) for row in effects):
        rows = [
            {
                **row,
                "contrast": " vs ".join(arm for arm in (row["arm_id"], row["comparator_arm_id"]) if arm),
            }
            for row in effects
            if (row["kind"], row["visit"]) == (kind, visit)
        ]
        within = [row for row in rows if row["estimate"] is not None and not row["comparator_arm_id"]]
        contrasts = list(dict.fromkeys(row["contrast"] for row in within))
        drawn = pl.DataFrame(within, infer_schema_length=None)
        blocks.append(
            {
                "kind": kind,
                "visit": visit,
                "effects": [row for row in rows if row["is_reportable"]],
                "refused": sorted(
                    {(row["analyte"], row["reason"]) for row in rows if not row["is_reportable"]}
                ),
                "has_published": any(row["verdict"] is not None for row in rows),
                "has_censored": any(row["censored_estimate"] is not None for row in rows),
                "forest": ratio_forest(drawn, contrasts) if within else "",
            }
        )
    return blocks


def _outcomes(con: duckdb.DuckDBPyConnection, study_id: str, results: list[dict[str, Any]]) -> dict[str, Any]:
    """Gather survival and recurrence of a study that follows its participants."""
    arms = [
        arm_id
        for (arm_id,) in con.execute(
            "select arm_id from reference.study_arm where study_id = ? order by role != 'control', arm_order",
            [study_id],
        ).fetchall()
    ]
    curve = _frame(
        con, "from survival.curve where study_id = ? and policy_id = 'primary' order by all", study_id
    )
    estimated = [r for r in results if r["hazard_ratio"] is not None]
    ((main_endpoint,),) = con.execute(_MAIN_ENDPOINT, [study_id]).fetchall() or [("",)]
    return {
        "results": results,
        "arm_ids": arms,
        "main_endpoint": main_endpoint,
        "curves": survival_curves(curve, _frame(con, _AT_RISK, study_id), arms) if curve.height else "",
        "forest": forest(pl.DataFrame(estimated, infer_schema_length=None)) if estimated else "",
        "subgroups": _subgroups(con, study_id, main_endpoint),
        "pattern": _pattern(con, study_id, main_endpoint),
        "associations": read_associations(con, study_id, main_endpoint),
    }


# Subgroups and first events are shown for the endpoint that has most to say of them.
_MAIN_ENDPOINT = """
select endpoint_id
from survival.summary
where study_id = ? and policy_id = 'primary'
group by endpoint_id
order by sum(events) desc, endpoint_id
limit 1
"""

# At the start of every year, or of every second one where follow-up is long.
_AT_RISK = """
with moves as (
    select endpoint_id, arm_id, time_days, n_entered, n_event + n_competing + n_censored as n_left
    from survival.risk_table
    where study_id = ? and policy_id = 'primary'
),

ticks as (
    select unnest(
        generate_series(0, max(time_days) // 365, case when max(time_days) > 6 * 366 then 2 else 1 end)
    )::double as years
    from moves
)

select
    endpoint_id, arm_id, years,
    sum(
        case when time_days = 0 or time_days < years * 365.25 then n_entered else 0 end
        - case when time_days < years * 365.25 then n_left else 0 end
    )::bigint as n_at_risk,
from moves cross join ticks
group by all
order by all
"""


def _subgroups(con: duckdb.DuckDBPyConnection, study_id: str, endpoint_id: str) -> list[tuple[str, str]]:
    """Draw the subgroups of each comparison that has any: its name, its forest plot."""
    effects = _frame(
        con,
        """
        select e.*
        from survival.treatment_effect as e
        inner join reference.study_comparison as c using (study_id, experimental, control)
        where e.study_id = ? and e.endpoint_id = ? and e.policy_id = 'primary' and e.ties = 'efron'
            and e.model in ('unadjusted', 'subgroup')
        order by c.comparison_order, e.subgroup != 'all', e.subgroup, e.level
        """,
        study_id,
        endpoint_id,
    )
    drawn = []
    for (experimental, control), rows in effects.group_by("experimental", "control", maintain_order=True):
        if rows["hazard_ratio"].is_not_null().any() and (rows["model"] == "subgroup").any():
            drawn.append((f"{experimental} vs {control}", subgroup_forest(rows)))
    return drawn


def _pattern(con: duckdb.DuckDBPyConnection, study_id: str, endpoint_id: str) -> list[dict[str, Any]]:
    """Read class and organ of first events: label, organ, and by arm how many and the rate."""
    rows = _frame(
        con,
        """
        select p.event_class, c.label, p.organ, p.arm_id, p.n, p.percent, p.rate_per_1000_person_years as rate
        from recurrence.pattern as p
        left join reference.event_classes as c using (event_class)
        where p.study_id = ? and p.endpoint_id = ?
        order by c.same_day_order nulls last, p.organ != 'all', p.organ
        """,
        study_id,
        endpoint_id,
    )
    # A class that is in one organ only, as deaths are in none, has nothing to add up.
    n_organs = pl.col("organ").n_unique().over("event_class")
    shown = rows.filter((pl.col("organ") == "all") | (n_organs > 2))
    return [
        {
            "label": block["label"][0] or "All classes",
            "organ": {"all": "all" if block["label"][0] else "", "": "not recorded"}.get(organ, organ),
            "is_total": organ == "all",
            "arms": {row["arm_id"]: row for row in block.to_dicts()},
        }
        for (_, organ), block in shown.group_by("event_class", "organ", maintain_order=True)
    ]


def _frame(con: duckdb.DuckDBPyConnection, query: str, *parameters: str) -> pl.DataFrame:
    frame = pl.from_arrow(con.execute(query, parameters).to_arrow_table())
    assert isinstance(frame, pl.DataFrame)
    return frame
