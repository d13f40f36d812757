"""Hazard ratios of every model, their tests, differences and medians are R's, with late entry too."""

import csv
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from transforms.estimators import effect_tables, survival_tables

DATA = Path(__file__).parent / "data"
ENDPOINTS = ("OS", "DFS_CHALLENGE", "TIME_TO_RECURRENCE")
EXPERIMENTAL = ("LEV5FU", "LEV")
R_ARMS = {"OBS": "Obs", "LEV": "Lev", "LEV5FU": "Lev+5FU"}
SAME = {"rel": 1e-8, "abs": 1e-12}
ADJUSTMENTS = {
    "age+extent+node4": {"age": "continuous", "extent": "categorical", "node4": "categorical"},
    "sex+age+differ": {"sex": "categorical", "age": "continuous", "differ": "categorical"},
    "x+g": {"x": "continuous", "g": "categorical"},
}

Rows = dict[tuple[Any, ...], dict[str, Any]]
Effects = Callable[..., Rows]
RModel = Callable[[str, str], float | None]


@pytest.fixture(scope="module")
def r() -> RModel:
    """R's number: `r("beta_efron", "OS/LEV/unadjusted")`; None where R says NA or NaN."""
    with (DATA / "survival_models_r.csv").open(newline="", encoding="utf-8") as file:
        values = {(row["quantity"], row["scope"]): row["value"] for row in csv.DictReader(file)}

    def figure(quantity: str, scope: str) -> float | None:
        text = values[quantity, scope]
        return None if text in {"NA", "NaN"} else float(text)

    return figure


@pytest.fixture(scope="module")
def late_entry() -> pl.DataFrame:
    """A cohort with delayed entry; arm EARLY against LATE, stratum and subgroup g, covariate x."""
    people = pl.read_csv(DATA / "late_entry_cohort.csv")
    return people.select(
        endpoint_id=pl.lit("OS"),
        arm_id=pl.col("arm").replace_strict({0: "CONTROL", 1: "EXPERIMENTAL"}),
        stratum=pl.format("g={}", "g"),
        entry_days="entry",
        time_days="stop",
        code="status",
        x="x",
        g="g",
    )


def rows_of(frame: pl.DataFrame, *keys: str) -> Rows:
    return {tuple(row[key] for key in keys): row for row in frame.iter_rows(named=True)}


EFFECT_KEY = ("endpoint_id", "experimental", "model", "ties", "subgroup", "level")


def comparisons(*pairs: tuple[str, str]) -> pl.DataFrame:
    rows = [("trial", *pair, order) for order, pair in enumerate(pairs)]
    return pl.DataFrame(
        rows, schema=["study_id", "experimental", "control", "comparison_order"], orient="row"
    )


MOERTEL_COMPARISONS = comparisons(("LEV5FU", "OBS"), ("LEV", "OBS"))


@pytest.fixture(scope="module")
def moertel_effects(
    moertel: pl.DataFrame, moertel_risk_table: pl.DataFrame, model_frames_of: Callable[..., Any]
) -> dict[str, Rows]:
    """Effects by the adjustment they were made with."""
    made = {}
    for name in ("age+extent+node4", "sex+age+differ"):
        frames = model_frames_of(
            moertel,
            strata=["extent", "node4"],
            subgroups=["sex", "differ"],
            adjustment=ADJUSTMENTS[name],
        )
        frame = effect_tables.treatment_effect(moertel_risk_table, MOERTEL_COMPARISONS, **frames)
        made[name] = rows_of(frame, *EFFECT_KEY)
    return made


@pytest.fixture(scope="module")
def late_effects(
    late_entry: pl.DataFrame, risk_table_of: Callable[..., Any], model_frames_of: Callable[..., Any]
) -> Rows:
    frames = model_frames_of(late_entry, strata=["g"], subgroups=["g"], adjustment=ADJUSTMENTS["x+g"])
    pair = comparisons(("EXPERIMENTAL", "CONTROL"))
    return rows_of(effect_tables.treatment_effect(risk_table_of(late_entry), pair, **frames), *EFFECT_KEY)


def check_model(own: dict[str, Any], r: RModel, scope: str) -> None:
    for column, quantity in {
        "log_hazard_ratio": f"beta_{own['ties']}",
        "std_error": f"se_{own['ties']}",
        "ph_chisq": f"zph_chisq_{own['ties']}",
        "ph_p": f"zph_p_{own['ties']}",
        "n": "n",
        "events": "events",
    }.items():
        assert own[column] == pytest.approx(r(quantity, scope), **SAME), column
    assert own["reason"] == ""


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize(("endpoint", "experimental"), list(product(ENDPOINTS, EXPERIMENTAL)))
def test_unadjusted_stratified_and_adjusted_models_with_their_test_of_proportional_hazards(
    moertel_effects: dict[str, Rows], r: RModel, endpoint: str, experimental: str, ties: str
) -> None:
    scope = f"{endpoint}/{experimental}"
    for adjustment, effects in moertel_effects.items():
        names = {"unadjusted": "unadjusted", "stratified": "stratified", "adjusted": adjustment}
        for model, name in names.items():
            own = effects[endpoint, experimental, model, ties, "all", "all"]
            check_model(own, r, f"{scope}/{name}")
            assert own["interaction_p"] is None
            assert (own["strata"], own["covariates"]) == (
                "extent, node4" if model == "stratified" else "",
                ", ".join(adjustment.split("+")) if model == "adjusted" else "",
            )


@pytest.mark.parametrize("subgroup", ["sex", "differ"])
@pytest.mark.parametrize(("endpoint", "experimental"), list(product(ENDPOINTS, EXPERIMENTAL)))
def test_every_level_of_a_subgroup_with_its_interaction(
    moertel_effects: dict[str, Rows], r: RModel, endpoint: str, experimental: str, subgroup: str
) -> None:
    effects = moertel_effects["age+extent+node4"]
    scope = f"{endpoint}/{experimental}/{subgroup}"
    for level, ties in product({"sex": "01", "differ": "123"}[subgroup], ("efron", "breslow")):
        own = effects[endpoint, experimental, "subgroup", ties, subgroup, level]
        check_model(own, r, f"{scope}/{level}")
        assert own["logrank_chisq"] == pytest.approx(r("logrank_chisq", f"{scope}/{level}"), **SAME)
        assert own["interaction_p"] == pytest.approx(r(f"interaction_p_{ties}", scope), **SAME)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_models_of_a_cohort_with_late_entry(late_effects: Rows, r: RModel, ties: str) -> None:
    for model, name in {"unadjusted": "unadjusted", "stratified": "stratified", "adjusted": "x+g"}.items():
        check_model(late_effects["OS", "EXPERIMENTAL", model, ties, "all", "all"], r, f"late/{name}")
    for level in "abc":
        own = late_effects["OS", "EXPERIMENTAL", "subgroup", ties, "g", level]
        check_model(own, r, f"late/g/{level}")
        assert own["interaction_p"] == pytest.approx(r(f"interaction_p_{ties}", "late/g"), **SAME)


@pytest.fixture(scope="module")
def sparse() -> pl.DataFrame:
    """The cohort with delayed entry, with factors that have sparse levels."""
    people = pl.read_csv(DATA / "survival_models_sparse.csv")
    return people.with_columns(
        endpoint_id=pl.lit("OS"),
        arm_id=pl.col("arm").replace_strict({0: "CONTROL", 1: "EXPERIMENTAL"}),
        stratum=pl.lit(""),
        code="status",
        entry_days="entry",
        time_days="stop",
    )


@pytest.fixture(scope="module")
def sparse_effects(
    sparse: pl.DataFrame, risk_table_of: Callable[..., Any], model_frames_of: Callable[..., Any]
) -> Effects:
    """Effects with a sparse factor as subgroup and covariate, from `late` entry or from the `origin`."""

    def effects(entry: str, factor: str) -> Rows:
        people = sparse.with_columns(level=factor)
        if entry == "origin":
            people = people.with_columns(entry_days=0, time_days=pl.col("stop") - pl.col("entry"))
        kinds = {"x": "continuous", "level": "categorical"}
        frames = model_frames_of(people, subgroups=["level"], adjustment=kinds)
        pair = comparisons(("EXPERIMENTAL", "CONTROL"))
        return rows_of(effect_tables.treatment_effect(risk_table_of(people), pair, **frames), *EFFECT_KEY)

    return effects


SPARSE = ["eventless_arm", "one_arm", "eventless", "eventless_reference", "first_event", "every"]


@pytest.mark.parametrize(("entry", "factor"), list(product(["late", "origin"], SPARSE)))
def test_the_interaction_with_sparse_levels_is_the_likelihood_ratio_in_the_limit(
    sparse_effects: Effects, r: RModel, entry: str, factor: str
) -> None:
    rows = sparse_effects(entry, factor)
    levels = [row for row in rows.values() if row["model"] == "subgroup"]
    assert len(levels) >= 4
    for own in levels:
        expected = r(f"interaction_p_{own['ties']}", f"sparse/{entry}/{factor}")
        assert own["interaction_p"] == pytest.approx(expected, **SAME)


@pytest.mark.parametrize(
    ("entry", "factor"), list(product(["late", "origin"], ["eventless", "eventless_reference", "every"]))
)
def test_who_is_of_a_level_without_events_is_left_out_of_the_adjusted_model(
    sparse_effects: Effects, r: RModel, entry: str, factor: str
) -> None:
    """The model without them is R's on the others, and its hazard ratio that of R's with everybody."""
    rows = sparse_effects(entry, factor)
    scope = f"sparse/{entry}/x+{factor}"
    for ties in ("efron", "breslow"):
        own = rows["OS", "EXPERIMENTAL", "adjusted", ties, "all", "all"]
        check_model(own, r, scope)
        for column, quantity in {"log_hazard_ratio": "beta", "std_error": "se"}.items():
            in_the_limit = r(f"{quantity}_with_everybody_{ties}", scope)
            assert own[column] == pytest.approx(in_the_limit, rel=1e-8)


def years_of(*days: float) -> pl.DataFrame:
    return pl.DataFrame({"study_id": "trial", "landmark_years": [day / 365.25 for day in days]})


@pytest.mark.parametrize(("endpoint", "experimental"), list(product(ENDPOINTS, EXPERIMENTAL)))
def test_differences_at_landmarks_and_in_restricted_mean(
    moertel_risk_table: pl.DataFrame, r: RModel, endpoint: str, experimental: str
) -> None:
    table = moertel_risk_table.filter(endpoint_id=endpoint)
    horizon = pl.DataFrame({"study_id": ["trial"], "rmst_years": [5.0]})
    scope = f"{endpoint}/{experimental}"
    at = rows_of(
        survival_tables.landmark_difference(table, years_of(365.25, 1095.75, 1826.25), MOERTEL_COMPARISONS),
        *("landmark_years", "experimental"),
    )
    for years, day in {1: "365.25", 3: "1095.75", 5: "1826.25"}.items():
        own = at[years, experimental]
        check_difference(own, own["difference"], r, "landmark_difference", f"{scope}@{day}")
    means = rows_of(survival_tables.rmst_difference(table, horizon, MOERTEL_COMPARISONS), "experimental")
    own = means[experimental,]
    check_difference(own, own["difference_days"], r, "rmst_difference", scope)


def check_difference(own: dict[str, Any], difference: float, r: RModel, quantity: str, scope: str) -> None:
    value, error = r(quantity, scope), r(f"{quantity}_se", scope)
    assert value is not None
    assert error is not None
    assert difference == pytest.approx(value, **SAME)
    assert own["std_error"] == pytest.approx(error, **SAME)
    assert own["p_value"] == pytest.approx(r(f"{quantity}_p", scope), **SAME)
    margin = 1.959963984540054 * error
    assert [own["conf_low"], own["conf_high"]] == pytest.approx([value - margin, value + margin], **SAME)


MEDIANS = {
    "median": "median_days",
    "median_low_log": "median_days_low",
    "median_high_log": "median_days_high",
    "median_low_log-log": "median_days_low_log_log",
    "median_high_log-log": "median_days_high_log_log",
    "median_low_plain": "median_days_low_plain",
    "median_high_plain": "median_days_high_plain",
}
NO_HORIZON = pl.DataFrame({"study_id": ["trial"], "rmst_years": [None]})


@pytest.mark.parametrize(("endpoint", "arm"), list(product(ENDPOINTS, R_ARMS)))
def test_medians_with_limits_on_three_scales(
    moertel_risk_table: pl.DataFrame, r: RModel, endpoint: str, arm: str
) -> None:
    table = moertel_risk_table.filter(endpoint_id=endpoint, arm_id=arm)
    own = survival_tables.summary(table, NO_HORIZON).row(0, named=True)
    for quantity, column in MEDIANS.items():
        assert own[column] == r(quantity, f"{endpoint}/{R_ARMS[arm]}"), column


LIMITS = {
    "survival": "survival",
    "survival_se": "std_error",
    "low_log": "conf_low",
    "high_log": "conf_high",
    "low_log-log": "conf_low_log_log",
    "high_log-log": "conf_high_log_log",
    "low_plain": "conf_low_plain",
    "high_plain": "conf_high_plain",
}


def check_limits(own: dict[str, Any], r: RModel, scope: str) -> None:
    for quantity, column in LIMITS.items():
        expected = r(quantity, scope)
        assert own[column] == (expected if expected is None else pytest.approx(expected, **SAME)), column


def test_curve_and_medians_of_a_cohort_with_late_entry(
    late_entry: pl.DataFrame, risk_table_of: Callable[..., Any], r: RModel
) -> None:
    for number, arm in enumerate(("CONTROL", "EXPERIMENTAL")):
        table = risk_table_of(late_entry.filter(arm_id=arm))
        own = survival_tables.summary(table, NO_HORIZON).row(0, named=True)
        for quantity, column in MEDIANS.items():
            assert own[column] == r(quantity, f"late/{number}"), column
        for row in survival_tables.landmark(table, years_of(30, 100, 200)).iter_rows(named=True):
            check_limits(row, r, f"late/{number}@{row['landmark_years'] * 365.25:.0f}")
    table = risk_table_of(late_entry)
    pair = comparisons(("EXPERIMENTAL", "CONTROL"))
    for own in survival_tables.landmark_difference(table, years_of(100, 200), pair).iter_rows(named=True):
        scope = f"late@{own['landmark_years'] * 365.25:.0f}"
        check_difference(own, own["difference"], r, "landmark_difference", scope)
    horizon = pl.DataFrame({"study_id": ["trial"], "rmst_years": [300 / 365.25]})
    own = survival_tables.rmst_difference(table, horizon, pair).row(0, named=True)
    check_difference(own, own["difference_days"], r, "rmst_difference", "late")


def test_where_survival_is_1_or_0_the_scales_end_as_in_r(
    risk_table_of: Callable[..., Any], r: RModel
) -> None:
    people = pl.DataFrame(
        {"time_days": [1, 2, 2, 3, 4], "code": [0, 1, 0, 1, 1]},
    ).with_columns(endpoint_id=pl.lit("OS"), arm_id=pl.lit("ALL"), stratum=pl.lit(""), entry_days=0)
    table = risk_table_of(people)
    for row in survival_tables.curve(table).filter(pl.col("time_days") > 0).iter_rows(named=True):
        check_limits(row, r, f"ends@{row['time_days']}")
    for row in survival_tables.landmark(table, years_of(4, 6)).iter_rows(named=True):
        scope = f"ends@{row['landmark_years'] * 365.25:.0f}"
        check_limits(row, r, scope)
        assert row["n_at_risk"] == r("n_at_risk", scope)
    own = survival_tables.summary(table, NO_HORIZON).row(0, named=True)
    for quantity, column in MEDIANS.items():
        assert own[column] == r(quantity, "ends"), column
