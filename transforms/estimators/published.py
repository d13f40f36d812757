"""Published figures beside the warehouse's own: the frame of `benchmark.published_result`.

Belongs here: which of our estimates answers a published one, how far apart they are, and the verdict.
Does not belong here: estimating.
"""

import polars as pl

from transforms.estimators.elementary import log
from transforms.estimators.mart_columns import PUBLISHED_RESULT

LARGEST_DISTANCE_SE = 3.0

_TEXT_KEYS = ("endpoint_id", "arm_id", "experimental", "control")
_NUMBERS = ("at_years", "published_value", "published_low", "published_high")


def published_result(
    published: pl.DataFrame,
    landmark: pl.DataFrame,
    landmark_difference: pl.DataFrame,
    treatment_effect: pl.DataFrame,
    summary: pl.DataFrame,
    *,
    policy_id: str = "primary",
) -> pl.DataFrame:
    """Set each published figure beside our own, with the distance in standard errors and a verdict.

    What answers a published quantity, and its standard error:

    - hazard_ratio: the unadjusted one with Efron's ties; the error is that of its logarithm and the
      distance is taken between logarithms;
    - landmark_survival: survival of `arm_id` at `at_years`, a share of 1;
    - landmark_difference: survival of the experimental less that of the control arm at `at_years`;
    - event_share: participants of `arm_id` with the event, a share of those at risk at some time (so that a
      study of another size can be compared), with the binomial error sqrt(p (1 - p) / n).

    The verdict, the first that applies: `not estimable` when we have no value of our own; `within
    published interval` when a published interval covers our value, limits included; `within 3 standard
    errors` when the distance is at most 3, or there is no error and the values are equal; `differs`.

    Args:
        published: rows of `seeds/reference/published_results.csv`; empty cells null or empty text.
        landmark: rows of `survival.landmark`.
        landmark_difference: rows of `survival.landmark_difference`.
        treatment_effect: rows of `survival.treatment_effect`.
        summary: rows of `survival.summary`.
        policy_id: the censoring policy whose estimates answer.

    Raises:
        ValueError: a figure's quantity is none of the four, or its value is missing or impossible.
    """
    figures = _typed(published)
    estimates = (landmark, landmark_difference, treatment_effect, summary)
    own = _own_estimates(*(frame.filter(pl.col("policy_id") == policy_id) for frame in estimates))
    _check(figures, accepted=list(own))
    answered = [
        figures.filter(pl.col("quantity") == quantity).join(
            estimates, on=[c for c in estimates.columns if not c.startswith("own_")], how="left"
        )
        for quantity, estimates in own.items()
    ]
    judged = _judged(pl.concat(answered, how="diagonal"))
    return judged.select(list(PUBLISHED_RESULT)).sort("study_id", "figure_id")


def _typed(published: pl.DataFrame) -> pl.DataFrame:
    """Give the figures their types; a column of a seed that is all empty may have come as any."""
    return published.with_columns(
        *(pl.col(name).cast(pl.String).fill_null("") for name in _TEXT_KEYS),
        *(pl.col(name).cast(pl.String).replace("", None).cast(pl.Float64) for name in _NUMBERS),
    )


def _check(figures: pl.DataFrame, accepted: list[str]) -> None:
    for figure_id, quantity, value in figures.select("figure_id", "quantity", "published_value").iter_rows():
        where = f"published_results.csv, figure {figure_id!r}"
        if quantity not in accepted:
            raise ValueError(f"{where}: quantity {quantity!r} is not one of {', '.join(accepted)}.")
        if value is None or (quantity == "hazard_ratio" and value <= 0):
            raise ValueError(f"{where}: published_value is {value}; a number is needed, a ratio above 0.")


def _own_estimates(
    landmark: pl.DataFrame,
    landmark_difference: pl.DataFrame,
    treatment_effect: pl.DataFrame,
    summary: pl.DataFrame,
) -> dict[str, pl.DataFrame]:
    """Return our estimates by quantity: the columns that identify one, own_value, own_std_error.

    `own_scaled` is the value on the scale of its error where that is not the value's own.
    """
    arm, pair = ["study_id", "endpoint_id", "arm_id"], ["study_id", "endpoint_id", "experimental", "control"]
    effects = treatment_effect.filter(
        pl.col("model") == "unadjusted", pl.col("ties") == "efron", pl.col("subgroup") == "all"
    )
    share = pl.col("events") / pl.col("n")
    return {
        "hazard_ratio": effects.select(
            *pair, own_value="hazard_ratio", own_std_error="std_error", own_scaled="log_hazard_ratio"
        ),
        "landmark_survival": landmark.select(
            *arm, at_years="landmark_years", own_value="survival", own_std_error="std_error"
        ),
        "landmark_difference": landmark_difference.select(
            *pair, at_years="landmark_years", own_value="difference", own_std_error="std_error"
        ),
        "event_share": summary.select(
            *arm, own_value=share, own_std_error=(share * (1 - share) / pl.col("n")).sqrt()
        ),
    }


def _judged(answered: pl.DataFrame) -> pl.DataFrame:
    scaled = [
        log(value) if quantity == "hazard_ratio" else value
        for quantity, value in answered.select("quantity", "published_value").iter_rows()
    ]
    own, error, figure = pl.col("own_value"), pl.col("own_std_error"), pl.col("published_value")
    own_scaled = pl.coalesce("own_scaled", own)
    distance = (own_scaled - pl.Series("published_scaled", scaled, pl.Float64)) / error
    return answered.with_columns(distance_se=pl.when(error > 0).then(distance)).with_columns(
        verdict=pl.when(own.is_null())
        .then(pl.lit("not estimable"))
        .when(own.is_between("published_low", "published_high"))
        .then(pl.lit("within published interval"))
        .when((pl.col("distance_se").abs() <= LARGEST_DISTANCE_SE) | (own == figure))
        .then(pl.lit("within 3 standard errors"))
        .otherwise(pl.lit("differs"))
    )
