"""Charts of the report as SVG: drawn once, readable offline and without scripts."""

from typing import Any

import altair as alt
import polars as pl
import vl_convert as vlc

# Colours that differ for the colour-blind (Okabe and Ito 2008); the control arm comes first and is grey.
COLOURS = ("#666666", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
# A screen shows no more steps than this.
_STEPS_SHOWN = 200
_DAYS_PER_YEAR = 365.25


def as_svg(chart: alt.LayerChart | alt.HConcatChart | alt.ConcatChart) -> str:
    """Draw a chart in the report's style as SVG text."""
    alt.data_transformers.disable_max_rows()
    styled = chart.configure(
        font="sans-serif", view=alt.ViewConfig(stroke=None), axis=alt.AxisConfig(gridColor="#eee")
    )
    return vlc.vegalite_to_svg(styled.to_dict())


def _thinned(curve: pl.DataFrame) -> pl.DataFrame:
    """Keep at most about `_STEPS_SHOWN` evenly spaced steps of each arm, first and last among them."""
    position = pl.int_range(pl.len()).over("endpoint_id", "arm_id")
    size = pl.len().over("endpoint_id", "arm_id")
    every = pl.max_horizontal(size // _STEPS_SHOWN, 1)
    return curve.filter((position % every == 0) | (position == size - 1))


def survival_curves(curve: pl.DataFrame, at_risk: pl.DataFrame, arms: list[str]) -> str:
    """Draw Kaplan-Meier curves with 95 % bands and the numbers at risk below, one panel for each endpoint.

    Args:
        curve: rows of `survival.curve` of one study and policy, in key order.
        at_risk: endpoint_id, arm_id, years, n_at_risk.
        arms: arm ids, the control first.

    Returns:
        SVG text.
    """
    shown = _thinned(curve).with_columns(years=pl.col("time_days") / _DAYS_PER_YEAR)
    years = at_risk["years"].unique().sort().to_list()
    followed = alt.Scale(domain=[0, max(shown["years"].to_list())], nice=False)
    x = alt.X("years:Q", title="Years since origin", scale=followed, axis=alt.Axis(values=years, format="d"))
    colour = alt.Color(
        "arm_id:N",
        title=None,
        scale=alt.Scale(domain=arms, range=list(COLOURS[: len(arms)])),
        legend=alt.Legend(orient="top", symbolOpacity=1),
    )
    panels = []
    for endpoint in shown["endpoint_id"].unique(maintain_order=True):
        base = alt.Chart(shown.filter(endpoint_id=endpoint)).encode(x=x, color=colour)
        band = base.mark_area(interpolate="step-after", opacity=0.15, strokeWidth=0).encode(
            y=alt.Y("conf_low:Q", scale=alt.Scale(domain=[0, 1])), y2="conf_high:Q"
        )
        line = base.mark_line(interpolate="step-after", strokeWidth=1.6).encode(
            y=alt.Y(
                "survival:Q",
                title="Event-free",
                axis=alt.Axis(format="%"),
                scale=alt.Scale(domain=[0, 1]),
            )
        )
        numbers = (
            alt.Chart(at_risk.filter(endpoint_id=endpoint))
            .mark_text(fontSize=9)
            .encode(
                x=alt.X("years:Q", axis=None, scale=followed),
                y=alt.Y("arm_id:N", sort=arms, title=None, axis=None),
                text="n_at_risk:Q",
                color=colour,
            )
            .properties(width=270, height={"step": 11})
        )
        drawn = (band + line).properties(width=270, height=170, title=endpoint)
        panels.append(alt.vconcat(drawn, numbers, spacing=2))
    return as_svg(alt.concat(*panels, columns=3))


def subgroup_forest(effects: pl.DataFrame) -> str:
    """Draw the hazard ratio in every level of the subgroups, below that of everybody.

    Args:
        effects: subgroup, level, n, events, hazard_ratio, conf_low, conf_high and interaction_p of one
            endpoint and comparison, in the order they are drawn.

    Returns:
        SVG text.
    """
    rows = pl.DataFrame([_forest_row(row) for row in effects.to_dicts()], infer_schema_length=None)
    rows = rows.with_columns(
        # Once for each subgroup, on its first level.
        interaction=pl.when(pl.col("subgroup").is_first_distinct()).then("interaction").otherwise(pl.lit(""))
    )
    order = rows["label"].to_list()
    base = alt.Chart(rows).encode(y=alt.Y("label:N", sort=order, title=None, axis=alt.Axis(labelLimit=260)))
    scale = alt.Scale(type="log", nice=False, padding=12)
    interval = base.mark_rule(strokeWidth=1.6, color=COLOURS[1]).encode(
        x=alt.X("conf_low:Q", scale=scale, title="Hazard ratio (log scale)"), x2="conf_high:Q"
    )
    point = base.mark_square(opacity=1, color=COLOURS[1]).encode(
        x="hazard_ratio:Q", size=alt.Size("events:Q", legend=None, scale=alt.Scale(range=[20, 130]))
    )
    one = alt.Chart(pl.DataFrame({"one": [1]})).mark_rule(strokeDash=[4, 3], color="#888").encode(x="one:Q")
    height = {"step": 16}
    columns = [
        base.mark_text(align="left", fontSize=10)
        .encode(
            y=alt.Y("label:N", sort=rows["label"].to_list(), axis=None), text=f"{column}:N", x=alt.value(0)
        )
        .properties(width=width, height=height, title=alt.Title(title, fontSize=10, anchor="start"))
        for column, title, width in (
            ("counted", "events / n", 70),
            ("written", "hazard ratio (95 % CI)", 120),
            ("interaction", "P interaction", 70),
        )
    ]
    return as_svg(
        alt.hconcat((one + interval + point).properties(width=320, height=height), *columns, spacing=8)
    )


def _forest_row(effect: dict[str, Any]) -> dict[str, Any]:
    """Add to an effect what is written beside its interval."""
    limits = [effect[name] for name in ("hazard_ratio", "conf_low", "conf_high")]
    interaction = effect["interaction_p"]
    return {
        **effect,
        "label": "All" if effect["subgroup"] == "all" else f"{effect['subgroup']}: {effect['level']}",
        "counted": f"{effect['events']:,} / {effect['n']:,}",
        "written": "not estimable" if None in limits else "{:.2f} ({:.2f}-{:.2f})".format(*limits),
        "interaction": "" if interaction is None else f"{interaction:.2g}",
    }


def forest(results: pl.DataFrame) -> str:
    """Draw hazard ratios with their 95 % intervals, the published ones beside them.

    Args:
        results: one row for each endpoint and comparison as `read_results` gives them, of one study,
            with an estimate.

    Returns:
        SVG text.
    """
    label = pl.format("{}: {} vs {}", "endpoint_id", "experimental", "control")
    own = results.select(
        label=label,
        source=pl.lit("this release"),
        ratio="hazard_ratio",
        low="conf_low",
        high="conf_high",
    )
    published = results.filter(pl.col("published_value").is_not_null()).select(
        label=label,
        source=pl.lit("published"),
        ratio="published_value",
        low="published_low",
        high="published_high",
    )
    rows = pl.concat([own, published], how="vertical_relaxed")
    order = own["label"].to_list()
    base = alt.Chart(rows).encode(
        y=alt.Y("label:N", sort=order, title=None, axis=alt.Axis(labelLimit=320)),
        yOffset=alt.YOffset("source:N", sort=["this release", "published"]),
        color=alt.Color(
            "source:N",
            title=None,
            scale=alt.Scale(domain=["this release", "published"], range=["#0072b2", "#d55e00"]),
            legend=alt.Legend(orient="top"),
        ),
    )
    scale = alt.Scale(type="log", nice=False, padding=12)
    interval = base.mark_rule(strokeWidth=1.6).encode(
        x=alt.X(
            "low:Q",
            scale=scale,
            title="Hazard ratio (log scale): left of 1 favours the experimental arm",
        ),
        x2="high:Q",
    )
    point = base.mark_square(size=55, opacity=1).encode(x="ratio:Q")
    one = alt.Chart(pl.DataFrame({"one": [1]})).mark_rule(strokeDash=[4, 3], color="#888").encode(x="one:Q")
    return as_svg((one + interval + point).properties(width=460, height={"step": 13}))
