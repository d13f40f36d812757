"""What a release says, for the terminal: effects, survival and biomarkers beside the published figures."""

import shlex
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestration.release.biomarkers import ratio_text, read_biomarker_effects
from orchestration.release.results import read_results, read_studies
from orchestration.settings import Settings

_QUERY = "select * from survival.treatment_effect where policy_id = 'primary' and ties = 'efron'"

_READ_AS = (
    "Geometric-mean ratios to the baseline, results as reported: one that is text, such as <0.17, has no\n"
    "value. Other estimators and imputations, and the correction for plasma volume: myokine.effect."
)
_CONTRAST = ("kind", "visit", "arm_id", "comparator_arm_id")


def print_release(settings: Settings, console: Console) -> None:
    """Print one table for each study of the current release, and what to open next."""
    release = settings.current.resolve()
    con = duckdb.connect(release / "cohortmart.duckdb", read_only=True)
    try:
        studies = read_studies(con)
        results = read_results(con)
        biomarkers = read_biomarker_effects(con)
    finally:
        con.close()
    for study in studies:
        console.print()
        console.print(f"{study['study_id']}: {study['title']}", style="bold", markup=False)
        console.print(
            f"{study['participants']:,} participants, {study['arms_in_words']}, data cutoff {_cutoff(study)}",
            markup=False,
            highlight=False,
        )
        own = [r for r in results if r["study_id"] == study["study_id"] and study["is_followed"]]
        for comparison in dict.fromkeys((r["experimental"], r["control"]) for r in own):
            console.print()
            console.print(
                _comparison_table([r for r in own if (r["experimental"], r["control"]) == comparison])
            )
        # Next to survival, resting biomarkers are a side issue of many rows: the report has them.
        _print_biomarkers(
            console,
            [
                row
                for row in biomarkers
                if row["study_id"] == study["study_id"] and not (own and row["kind"] == "resting")
            ],
        )
    console.print()
    console.print(f"Release {release.name}", style="bold", highlight=False)
    for label, path in (
        ("report", settings.current / "report.html"),
        ("database", settings.current / "cohortmart.duckdb"),
        ("Parquet", settings.current / "parquet"),
        ("manifest", settings.current / "manifest.json"),
    ):
        console.print(f"  {label:<9} {path}", highlight=False, markup=False, soft_wrap=True)
    home = "" if settings.home == Settings().home else f" --home {shlex.quote(str(settings.home))}"
    console.print(
        f'  query     cohortmart sql "{_QUERY}"{home}\n',
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _cutoff(study: dict[str, Any]) -> str:
    """Say until when a study's data count, and who is left out as they had not been enrolled by then."""
    if not study["not_yet_enrolled"]:
        return str(study["data_cutoff"])
    return f"{study['data_cutoff']} ({study['not_yet_enrolled']:,} participants enrolled later are left out)"


def _comparison_table(rows: list[dict[str, Any]]) -> Table:
    """Lay out one comparison; pairs of figures are experimental / control."""
    has_published = any(r["published_value"] is not None for r in rows)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(f"{rows[0]['experimental']} vs {rows[0]['control']}", no_wrap=True)
    for header, style in (
        ("events", ""),
        ("hazard ratio (95 % CI)", ""),
        *([("published", "cyan")] if has_published else []),
        ("survival", ""),
        *([("published", "cyan")] if has_published else []),
    ):
        table.add_column(header, style=style, justify="right")
    for row in rows:
        ratio = _ratio(row["hazard_ratio"], row["conf_low"], row["conf_high"]) or row["reason"]
        survival = _survivals(row["survival_experimental"], row["survival_control"])
        if not row["events_experimental"] and not row["events_control"]:
            survival = ""  # 100 % of nothing observed is no survival
        years = f"{row['landmark_years']:g} y: " if survival else ""
        cells = [row["endpoint_id"], f"{row['events_experimental']} / {row['events_control']}", ratio]
        if has_published:
            cells.append(_ratio(row["published_value"], row["published_low"], row["published_high"]))
        cells.append(years + survival)
        if has_published:
            cells.append(_survivals(row["published_experimental"], row["published_control"]))
        table.add_row(*cells)
    return table


def _print_biomarkers(console: Console, effects: list[dict[str, Any]]) -> None:
    """Print the ratios within each arm and between arms, one table for each kind, visit and contrast."""
    by_contrast: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in effects:
        by_contrast.setdefault(tuple(row[name] for name in _CONTRAST), []).append(row)
    if by_contrast:
        console.print()
        console.print(_READ_AS, style="dim", markup=False, highlight=False, soft_wrap=True)
    for rows in by_contrast.values():
        console.print()
        console.print(_biomarker_table(rows))


def _biomarker_table(rows: list[dict[str, Any]]) -> Table:
    """Lay out one contrast: analytes by timepoint, as geometric-mean ratios to the baseline."""
    kind, visit, arm_id, comparator = (rows[0][name] for name in _CONTRAST)
    timepoints = list(dict.fromkeys(row["timepoint"] for row in rows))
    table = Table(box=None, pad_edge=False, header_style="bold")
    contrast = f"{arm_id} vs {comparator}" if comparator else arm_id
    table.add_column(Text(f"{kind}, {visit}: {contrast}"), no_wrap=True)
    for timepoint in timepoints:
        table.add_column(f"{timepoint}, ratio (95 % CI)", justify="right", no_wrap=True)
    for analyte in dict.fromkeys(row["analyte"] for row in rows):
        of_analyte = {row["timepoint"]: row for row in rows if row["analyte"] == analyte}
        table.add_row(analyte, *(_biomarker_cell(of_analyte.get(timepoint)) for timepoint in timepoints))
    return table


def _biomarker_cell(effect: dict[str, Any] | None) -> str:
    if effect is None:
        return ""
    if not effect["is_reportable"]:
        return "not reportable"
    text = ratio_text(effect["estimate"], effect["conf_low"], effect["conf_high"]) or "not estimable"
    beyond = f", {effect['n_censored']} beyond a limit" if effect["n_censored"] else ""
    return f"{text}  n {effect['n_paired'] + effect['n_paired_comparator']}{beyond}"


def _ratio(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return ""
    interval = f" ({low:.2f}-{high:.2f})" if low is not None and high is not None else ""
    return f"{value:.2f}{interval}"


def _survivals(experimental: float | None, control: float | None) -> str:
    if experimental is None or control is None:
        return ""
    return f"{100 * experimental:.1f} / {100 * control:.1f} %"
