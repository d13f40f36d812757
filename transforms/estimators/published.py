"""Published figures beside the warehouse's own: the frame of `benchmark.published_result`.

Belongs here: which of our estimates answers a published one, how far apart they are, and the verdict.
Does not belong here: estimating.
"""

import polars as pl

from transforms.estimators.biomarker_estimators import BIOMARKER_ESTIMATORS
from transforms.estimators.biomarker_pairs import BOUNDS_ONLY
from transforms.estimators.elementary import log
from transforms.estimators.mart_columns import PUBLISHED_RESULT

LARGEST_DISTANCE_SE = 3.0

_POLICY = "primary"
_IMPUTATIONS = ("as_reported", BOUNDS_ONLY)
_RATIOS = ("hazard_ratio", *(one.name for one in BIOMARKER_ESTIMATORS if one.scale == "ratio"))
_TEXT_KEYS = ("endpoint_id", "arm_id", "experimental", "control", "kind", "analyte_id", "visit", "timepoint")
_NUMBERS = ("at_years", "published_value", "published_low", "published_high")


def published_result(
    published: pl.DataFrame,
    landmark: pl.DataFrame,
    landmark_difference: pl.DataFrame,
    treatment_effect: pl.DataFrame,
    summary: pl.DataFrame,
    *,
    biomarker_effect: pl.DataFrame,
) -> pl.DataFrame:
    """Set each published figure beside our own, with the distance in standard errors and a verdict.

    What answers a published quantity, and its standard error:

    - hazard_ratio: the unadjusted one with Efron's ties;
    - landmark_survival: survival of `arm_id` at `at_years`, a share of 1;
    - landmark_difference: survival of the experimental less that of the control arm at `at_years`;
    - event_share: participants of `arm_id` with the event, a share of those at risk at some time (so that a
      study of another size can be compared), with the binomial error sqrt(p (1 - p) / n);
    - the name of an estimator of `myokine.effect`: its estimate from results as reported, without correction
      for plasma volume; those with exact intervals have no error.

    Of a ratio, of hazards or of a biomarker, the error is that of its logarithm, and the distance is taken
    between logarithms. Where a range was published instead of a value, the distance is that to its nearer
    end, 0 within it.

    The verdict, the first that applies: `not estimable` when we have no value of our own; `within
    published interval` when a published interval or range covers our value, limits included; `within 3
    standard errors` when the distance is at most 3, or there is no error and the values are equal; `differs`.

    Args:
        published: rows of `seeds/reference/published_results.csv`; empty cells null or empty text.
        landmark: rows of `survival.landmark`.
        landmark_difference: rows of `survival.landmark_difference`.
        treatment_effect: rows of `survival.treatment_effect`.
        summary: rows of `survival.summary`.
        biomarker_effect: rows of `myokine.effect`.

    Raises:
        ValueError: a figure's quantity is unknown, or its value is missing or impossible.
    """
    figures = _typed(published)
    of_endpoints = (landmark, landmark_difference, treatment_effect, summary)
    own = _own_estimates(*(frame.filter(policy_id=_POLICY) for frame in of_endpoints))
    own |= _own_biomarker_effects(biomarker_effect)
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
    for row in figures.iter_rows(named=True):
        where = f"published_results.csv, figure {row['figure_id']!r}"
        if row["quantity"] not in accepted:
            raise ValueError(f"{where}: quantity {row['quantity']!r} is not one of {', '.join(accepted)}.")
        if row["published_value"] is None and None in (row["published_low"], row["published_high"]):
            raise ValueError(
                f"{where}: published_value is None; a number is needed, or published_low and published_high."
            )
        for name in ("published_value", "published_low", "published_high"):
            if row["quantity"] in _RATIOS and row[name] is not None and row[name] <= 0.0:
                raise ValueError(f"{where}: {name} is {row[name]}; a ratio above 0 is needed.")


def _own_estimates(
    landmark: pl.DataFrame,
    landmark_difference: pl.DataFrame,
    treatment_effect: pl.DataFrame,
    summary: pl.DataFrame,
) -> dict[str, pl.DataFrame]:
    """Return our estimates by quantity: the columns that identify one, own_value, own_std_error."""
    arm, pair = ["study_id", "endpoint_id", "arm_id"], ["study_id", "endpoint_id", "experimental", "control"]
    effects = treatment_effect.filter(
        pl.col("model") == "unadjusted", pl.col("ties") == "efron", pl.col("subgroup") == "all"
    )
    share = pl.col("events") / pl.col("n")
    return {
        "hazard_ratio": effects.select(*pair, own_value="hazard_ratio", own_std_error="std_error"),
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


def _own_biomarker_effects(effect: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return our effects on biomarkers by estimator, as `_own_estimates` does."""
    is_within_arm, nobody = pl.col("comparator_arm_id") == "", pl.lit("")
    own = effect.filter(
        pl.col("imputation").is_in(_IMPUTATIONS), ~pl.col("is_plasma_volume_corrected")
    ).select(
        *("estimator", "study_id", "kind", "analyte_id", "visit", "timepoint"),
        arm_id=pl.when(is_within_arm).then("arm_id").otherwise(nobody),
        experimental=pl.when(is_within_arm).then(nobody).otherwise("arm_id"),
        control="comparator_arm_id",
        own_value="estimate",
        own_std_error="std_error",
    )
    return {one.name: own.filter(estimator=one.name).drop("estimator") for one in BIOMARKER_ESTIMATORS}


def _judged(answered: pl.DataFrame) -> pl.DataFrame:
    own, error = pl.col("own_value"), pl.col("own_std_error")
    nearest = own.clip("published_low", "published_high")
    figures = answered.with_columns(figure=pl.coalesce("published_value", nearest))
    distance = (_on_scale_of_error(figures, "own_value") - _on_scale_of_error(figures, "figure")) / error
    return figures.with_columns(distance_se=pl.when(error > 0).then(distance)).with_columns(
        verdict=pl.when(own.is_null())
        .then(pl.lit("not estimable"))
        .when(own.is_between("published_low", "published_high"))
        .then(pl.lit("within published interval"))
        .when((pl.col("distance_se").abs() <= LARGEST_DISTANCE_SE) | (own == pl.col("figure")))
        .then(pl.lit("within 3 standard errors"))
        .otherwise(pl.lit("differs"))
    )


def _on_scale_of_error(figures: pl.DataFrame, column: str) -> pl.Series:
    """Return a column with the logarithms of ratios, null where one is not above 0, and other quantities."""
    return pl.Series(
        [
            value if quantity not in _RATIOS else log(value) if value else None
            for quantity, value in figures.select("quantity", column).iter_rows()
        ],
        dtype=pl.Float64,
    )
