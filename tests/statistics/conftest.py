"""The Moertel trial, R's numbers for it, and risk tables counted from participants."""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest

GOLDEN = Path(__file__).parent / "data" / "moertel_colon_r.csv"
ARMS = {"Obs": "OBS", "Lev": "LEV", "Lev+5FU": "LEV5FU"}
MOERTEL_COVARIATES = ("extent", "node4", "age", "sex", "differ")

RFigure = Callable[..., float | None]


@pytest.fixture(scope="session")
def r_figure() -> RFigure:
    """R's value of a quantity: `r_figure("survival", "OS", "OBS", 5)`; None where R says NA."""
    with GOLDEN.open(newline="", encoding="utf-8") as file:
        values = {
            (row["quantity"], row["scope"], row["arm"], row["at"]): row["value"]
            for row in csv.DictReader(file)
        }

    def figure(quantity: str, endpoint: str, arm: str, at: float | None = None) -> float | None:
        text = values[quantity, endpoint, arm, "" if at is None else f"{at:g}"]
        return None if text == "NA" else float(text)

    return figure


@pytest.fixture(scope="session")
def risk_table_of() -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Counts participants into rows of survival.risk_table; a stratum is known unless it is empty.

    The participants have endpoint_id, arm_id, stratum, entry_days, time_days and code (0 censored,
    1 event, 2 competing), one row per participant and endpoint.
    """
    keys = ["study_id", "endpoint_id", "policy_id", "arm_id", "stratum"]

    def count(participants: pl.DataFrame, study_id: str = "trial") -> pl.DataFrame:
        people = participants.with_columns(study_id=pl.lit(study_id), policy_id=pl.lit("primary"))
        groups = people.partition_by(keys, maintain_order=True)
        table = pl.concat([group.select(keys).head(1).join(_days(group), how="cross") for group in groups])
        return table.with_columns(is_stratum_known=pl.col("stratum") != "")

    return count


@pytest.fixture(scope="session")
def delayed_stays_of() -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Makes rows of intermediate.int_delayed_entry__stays of participants, as of `risk_table_of`.

    Arms without delayed entry have rows too, which no estimator uses.
    """

    def stays(participants: pl.DataFrame, study_id: str = "trial") -> pl.DataFrame:
        people = participants.with_columns(
            study_id=pl.lit(study_id), policy_id=pl.lit("primary"), pattern=pl.lit("")
        )
        return _stays(people).drop("pattern")

    return stays


def _days(group: pl.DataFrame) -> pl.DataFrame:
    entry, leave, code = (group[name].to_numpy() for name in ("entry_days", "time_days", "code"))
    days = np.union1d(entry, leave)[:, None]
    at_risk = ((entry < days) | (entry == 0)) & (leave >= days)
    counts = {
        "n_at_risk": at_risk,
        "n_event": (leave == days) & (code == 1),
        "n_competing": (leave == days) & (code == 2),
        "n_censored": (leave == days) & (code == 0),
        "n_entered": entry == days,
    }
    return pl.DataFrame(
        {"time_days": days[:, 0], **{name: rows.sum(axis=1) for name, rows in counts.items()}}
    )


@pytest.fixture(scope="session")
def model_frames_of() -> Callable[..., dict[str, pl.DataFrame]]:
    """Counts participants, as of `risk_table_of` with covariates, for subgroup and adjusted models.

    A null covariate is a missing one.
    """

    def count(
        participants: pl.DataFrame,
        *,
        strata: Sequence[str] = (),
        subgroups: Sequence[str] = (),
        adjustment: Mapping[str, str] | None = None,
        study_id: str = "trial",
    ) -> dict[str, pl.DataFrame]:
        people = participants.with_columns(
            study_id=pl.lit(study_id), policy_id=pl.lit("primary"), pattern=pl.lit(0)
        )
        kinds = dict(adjustment or {})
        complete = people.drop_nulls(list(kinds)).with_columns(
            pattern=pl.concat_str(
                [pl.lit("pattern"), *(pl.col(c).cast(pl.String) for c in kinds)], separator="|"
            )
        )
        factors = {"study_id": study_id, "covariate": list(strata), "position": list(range(len(strata)))}
        return {
            "strata": pl.DataFrame(factors, schema_overrides={"covariate": pl.String, "position": pl.Int64}),
            "subgroup_table": _subgroup_table(people, subgroups),
            "adjustment_stays": _stays(complete if kinds else complete.clear()),
            "adjustment_patterns": _patterns(complete, kinds),
        }

    return count


_ANALYSIS = ["study_id", "endpoint_id", "policy_id"]


def _subgroup_table(people: pl.DataFrame, subgroups: Sequence[str]) -> pl.DataFrame:
    """One row per participant and day of entry or exit, which the estimators add up."""
    parts = [
        people.drop_nulls(name).select(
            *_ANALYSIS,
            pl.lit(name).alias("subgroup"),
            pl.col(name).cast(pl.String).alias("level"),
            "arm_id",
            day.cast(pl.Int64).alias("time_days"),
            *(
                ((code == pl.col("code")) & leaves).cast(pl.Int64).alias(count)
                for count, code in (("n_event", 1), ("n_competing", 2), ("n_censored", 0))
            ),
            n_entered=(~leaves).cast(pl.Int64),
        )
        for name in ("arm_id", *subgroups)
        for day, leaves in ((pl.col("entry_days"), pl.lit(False)), (pl.col("time_days"), pl.lit(True)))
    ]
    return pl.concat(parts).filter(pl.col("subgroup") != "arm_id")


def _stays(people: pl.DataFrame) -> pl.DataFrame:
    """One row per participant, which the estimators add up."""
    return people.select(
        *(*_ANALYSIS, "arm_id", "pattern", "entry_days", "time_days"), competing_code="code", n=pl.lit(1)
    )


def _patterns(people: pl.DataFrame, kinds: Mapping[str, str]) -> pl.DataFrame:
    parts = [
        people.select(
            "study_id",
            "pattern",
            covariate=pl.lit(name),
            position=pl.lit(position),
            kind=pl.lit(kinds.get(name, "")),
            level=pl.col(name).cast(pl.String),
        ).unique(maintain_order=True)
        for position, name in enumerate(("arm_id", *kinds))
    ]
    return pl.concat(parts).filter(pl.col("covariate") != "arm_id")


@pytest.fixture(scope="session")
def moertel() -> pl.DataFrame:
    """The trial's participants with covariates, a row per endpoint: OS, DFS_CHALLENGE, TIME_TO_RECURRENCE."""
    import greenwood  # noqa: PLC0415

    rows = pl.DataFrame(greenwood.load_dataset("colon"))
    recurrence = rows.filter(pl.col("etype") == 1).select("id", relapsed_on="time", relapsed="status")
    death = rows.filter(pl.col("etype") == 2).select(
        *("id", "rx", "extent", "node4", "age", "sex", "differ"), died_on="time", died="status"
    )
    people = death.join(recurrence, on="id").select(
        "id",
        "relapsed_on",
        "relapsed",
        "died_on",
        "died",
        *MOERTEL_COVARIATES,
        arm_id=pl.col("rx").replace_strict(ARMS),
        stratum=pl.format("extent={}|node4={}", "extent", "node4"),
        entry_days=0,
    )
    relapsed, died = pl.col("relapsed") == 1, pl.col("died") == 1
    first_on = pl.when(relapsed).then("relapsed_on").otherwise("died_on")
    endpoints = {
        "OS": (pl.col("died_on"), died.cast(pl.Int64)),
        "DFS_CHALLENGE": (first_on, (relapsed | died).cast(pl.Int64)),
        "TIME_TO_RECURRENCE": (first_on, pl.when(relapsed).then(1).when(died).then(2).otherwise(0)),
    }
    return pl.concat(
        people.select(
            "id",
            "arm_id",
            "stratum",
            "entry_days",
            *MOERTEL_COVARIATES,
            endpoint_id=pl.lit(endpoint),
            time_days=day,
            code=code.cast(pl.Int64),
        )
        for endpoint, (day, code) in endpoints.items()
    )


@pytest.fixture(scope="session")
def moertel_risk_table(
    moertel: pl.DataFrame, risk_table_of: Callable[[pl.DataFrame], pl.DataFrame]
) -> pl.DataFrame:
    return risk_table_of(moertel)
