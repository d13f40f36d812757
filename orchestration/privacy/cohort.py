"""The participants of one study as the aggregate profile counts them: arrays, one element for each of an arm.

Here: reading them from the tables of a release. Not here: what may be said of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from orchestration.privacy.atoms import IntArray

BoolArray = NDArray[np.bool_]

CENSORED, EVENT, COMPETING = 0, 1, 2
# Ten years wide; the last is that of everybody who is 90 or older.
AGE_GROUPS = ("below 40", "40 to 49", "50 to 59", "60 to 69", "70 to 79", "80 to 89", "90 or older")
SEXES = ("female", "male", "other", "unknown", "not recorded")


class Analysis(NamedTuple):
    """What a time to an event is of."""

    endpoint_id: str
    policy_id: str


class PairKey(NamedTuple):
    """What a pair of baseline and value is of; `visit` is that of the bout, or the earlier one at rest."""

    kind: str
    analyte_id: str
    visit: str
    timepoint: str
    is_plasma_volume_corrected: bool


@dataclass(frozen=True)
class Endings:
    """How time at risk ended, of every participant of an arm.

    `code` is CENSORED, EVENT or COMPETING; `event_class` is the place of the event's class in the cohort's
    `event_classes`, -1 when there was no event.
    """

    time_days: IntArray
    code: IntArray
    event_class: IntArray


@dataclass(frozen=True)
class ArmOfCohort:
    """The participants of an arm; `levels` are places in the vocabulary of a characteristic."""

    arm_id: str
    n: int
    endings: Mapping[Analysis, Endings] = field(default_factory=dict)
    levels: Mapping[str, IntArray] = field(default_factory=dict)
    pairs: Mapping[PairKey, BoolArray] = field(default_factory=dict)
    has_delayed_entry: bool = False


@dataclass(frozen=True)
class Design:
    """What a study is, whoever takes part. All stand in the order of importance."""

    study_id: str
    arms: tuple[str, ...]
    endpoints: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    event_classes: tuple[str, ...] = ()
    counted_classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    comparisons: tuple[tuple[str, str], ...] = ()
    landmarks_years: tuple[float, ...] = ()
    characteristics: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pair_keys: tuple[PairKey, ...] = ()


@dataclass(frozen=True)
class Cohort:
    """A study and its participants, by arm in the order of the design."""

    design: Design
    arms: tuple[ArmOfCohort, ...]

    @property
    def n(self) -> int:
        """Number of participants."""
        return sum(arm.n for arm in self.arms)


def read_cohort(con: duckdb.DuckDBPyConnection, study_id: str) -> Cohort:
    """Read a study from the database of a release."""
    endings = _frame(con, _ENDINGS, study_id)
    people = endings.unique("participant_id").select("participant_id", "arm_id").sort("participant_id")
    people = _with_levels(con, study_id, people)
    pairs = _frame(con, _PAIRS, study_id)
    classes = _column(con, "select event_class from reference.event_classes order by same_day_order")
    counted: dict[str, tuple[str, ...]] = {}
    for endpoint, event_class in con.execute(_COUNTED_CLASSES, [study_id]).fetchall():
        counted[endpoint] = (*counted.get(endpoint, ()), event_class)
    arm_ids = _column(
        con, "select arm_id from reference.study_arm where study_id = ? order by arm_order", study_id
    )
    arms = tuple(
        _arm(
            arm_id,
            people.filter(arm_id=arm_id),
            endings.filter(arm_id=arm_id),
            pairs.filter(arm_id=arm_id),
            classes,
        )
        for arm_id in arm_ids
    )
    design = Design(
        study_id=study_id,
        arms=arm_ids,
        endpoints=_column(con, _ENDPOINTS, study_id),
        policies=_column(
            con, "select policy_id from reference.censoring_policies order by not is_primary, policy_id"
        ),
        event_classes=classes,
        counted_classes=counted,
        comparisons=tuple(con.execute(_COMPARISONS, [study_id]).fetchall()),
        landmarks_years=_column(con, _LANDMARKS, study_id),
        characteristics={"sex": SEXES, "age_group": AGE_GROUPS} if "sex" in people.columns else {},
        pair_keys=tuple(sorted({key for arm in arms for key in arm.pairs})),
    )
    return Cohort(design, arms)


# The broadest endpoint first, then death from any cause, then the others from broad to narrow. What a study
# calls its primary endpoint is not in a release, and an order by events would tell of events.
_ENDPOINTS = """
with breadth as (
    select
        r.endpoint_id,
        count(*) filter (r.rule = 'event') as n_classes,
        bool_and((r.rule = 'event') = (c.event_group = 'death')) as is_death_of_any_cause,
    from reference.study_endpoint_rule as r
    inner join reference.event_classes as c using (event_class)
    where r.study_id = ?
    group by r.endpoint_id
)

select endpoint_id
from breadth
order by
    row_number() over (order by is_death_of_any_cause, n_classes desc, endpoint_id) > 1,
    not is_death_of_any_cause, n_classes desc, endpoint_id
"""

_COUNTED_CLASSES = """
select r.endpoint_id, r.event_class
from reference.study_endpoint_rule as r
inner join reference.event_classes as c using (event_class)
where r.study_id = ? and r.rule = 'event'
order by r.endpoint_id, c.same_day_order
"""

_COMPARISONS = """
select experimental, control from reference.study_comparison where study_id = ? order by comparison_order
"""

_LANDMARKS = (
    "select distinct landmark_years from survival.landmark where study_id = ? order by landmark_years"
)

_ENDINGS = """
select participant_id, arm_id, endpoint_id, policy_id, entry_days, time_days, competing_code, event_class
from survival.time_to_event
where study_id = ?
"""

# Who contributes a pair to an effect, as the model int_biomarkers__pairs says it. Of the ways to read results
# beyond a limit only one is counted: the difference between two ways would tell how many are beyond it.
_PAIRS = """
select
    'acute' as kind, participant_id, arm_id, analyte_id, visit, timepoint, is_plasma_volume_corrected
from myokine.acute_response
where study_id = $1 and imputation = 'as_reported' and is_first_bout and difference is not null
union all
select
    'resting', participant_id, arm_id, analyte_id, from_visit, to_visit, false
from myokine.resting_change
where study_id = $1 and imputation = 'as_reported' and is_first_from_visit and coalesce(is_rested, true)
    and difference is not null
"""


def _with_levels(con: duckdb.DuckDBPyConnection, study_id: str, people: pl.DataFrame) -> pl.DataFrame:
    """Add what is known of everybody, where the release has it."""
    known = con.execute(
        "select count(*) from duckdb_tables() where schema_name = 'study' and table_name = 'participant'"
    ).fetchone()
    if known == (0,):
        return people
    described = _frame(
        con, "select participant_id, age_years, sex from study.participant where study_id = ?", study_id
    )
    decade = (pl.col("age_years") // 10).cast(pl.Int64).clip(3, 9) - 3
    sex = pl.col("sex").replace_strict({name: place for place, name in enumerate(SEXES)}, default=4)
    return people.join(described, on="participant_id", how="left", maintain_order="left").with_columns(
        # Who has no age is in a class of its own, which is not counted.
        age_group=decade.fill_null(len(AGE_GROUPS)),
        sex=sex.cast(pl.Int64),
    )


def _arm(
    arm_id: str, people: pl.DataFrame, endings: pl.DataFrame, pairs: pl.DataFrame, classes: tuple[str, ...]
) -> ArmOfCohort:
    places = {name: place for place, name in enumerate(classes)}
    by_analysis = {}
    for key, rows in endings.group_by("endpoint_id", "policy_id"):
        ordered = rows.sort("participant_id")
        code = ordered["competing_code"].to_numpy().astype(np.int64)
        event_class = ordered["event_class"].replace_strict(places, default=-1, return_dtype=pl.Int64)
        by_analysis[Analysis(*key)] = Endings(
            ordered["time_days"].to_numpy().astype(np.int64),
            code,
            np.where(code == EVENT, event_class.to_numpy(), -1),
        )
    everybody = people["participant_id"]
    return ArmOfCohort(
        arm_id,
        people.height,
        by_analysis,
        {name: people[name].to_numpy() for name in ("sex", "age_group") if name in people.columns},
        {
            PairKey(*key): everybody.is_in(rows["participant_id"].unique().implode()).to_numpy()
            for key, rows in pairs.group_by(*PairKey._fields)
        },
        bool((endings["entry_days"] > 0).any()),
    )


def _column(con: duckdb.DuckDBPyConnection, query: str, *parameters: str) -> tuple[Any, ...]:
    return tuple(value for (value,) in con.execute(query, list(parameters)).fetchall())


def _frame(con: duckdb.DuckDBPyConnection, query: str, study_id: str) -> pl.DataFrame:
    frame = pl.from_arrow(con.execute(query, [study_id]).to_arrow_table())
    assert isinstance(frame, pl.DataFrame)
    return frame
