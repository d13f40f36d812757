"""Charts of biomarkers in the report, as SVG."""

import altair as alt
import polars as pl

from orchestration.release.charts import COLOURS, as_svg


def ratio_forest(effects: pl.DataFrame, contrasts: list[str]) -> str:
    """Draw geometric-mean ratios with their 95 % intervals, one panel for each timepoint.

    Args:
        effects: analyte, contrast, timepoint, estimate, conf_low, conf_high, published_value,
            published_low and published_high, in the order they are drawn; all with an estimate.
        contrasts: the contrasts in the order of their colours.

    Returns:
        SVG text. A published figure is a diamond, a published interval or range a bar behind ours.
    """
    analytes = effects["analyte"].unique(maintain_order=True).to_list()
    scale = alt.Scale(type="log", nice=False, padding=12)
    colour = alt.Color(
        "contrast:N",
        title=None,
        scale=alt.Scale(domain=contrasts, range=list(COLOURS[1 : len(contrasts) + 1])),
        legend=alt.Legend(orient="top", labelLimit=400, symbolOpacity=1, symbolType="square"),
    )
    panels = []
    for timepoint in effects["timepoint"].unique(maintain_order=True):
        base = alt.Chart(effects.filter(timepoint=timepoint)).encode(
            y=alt.Y("analyte:N", sort=analytes, title=None, axis=alt.Axis(labelLimit=260)),
            yOffset=alt.YOffset("contrast:N", sort=contrasts),
            color=colour,
        )
        x = alt.X("conf_low:Q", scale=scale, title="Ratio to baseline (log scale)")
        published = base.mark_rule(strokeWidth=7, opacity=0.25).encode(
            x=alt.X("published_low:Q", scale=scale), x2="published_high:Q"
        )
        figure = base.mark_point(shape="diamond", size=70, filled=False).encode(x="published_value:Q")
        interval = base.mark_rule(strokeWidth=1.6).encode(x=x, x2="conf_high:Q")
        point = base.mark_square(size=45, opacity=1).encode(x="estimate:Q")
        one = (
            alt.Chart(pl.DataFrame({"one": [1]})).mark_rule(strokeDash=[4, 3], color="#888").encode(x="one:Q")
        )
        drawn = published + interval + point + figure + one
        panels.append(drawn.properties(width=250, height={"step": 13}, title=timepoint))
    return as_svg(alt.concat(*panels, columns=3))
