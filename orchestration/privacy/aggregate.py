"""The aggregate profile: tables of counts from which no count of 1 to 10 participants follows.

Here: from the database of a release to the files. Which counts may be published is decided in
`publishable_counts` by the rule of `atoms`; what the tables hold beside them is in `aggregate_tables`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.privacy import aggregate_tables
from orchestration.privacy.aggregate_tables import Estimate, Row
from orchestration.privacy.cohort import PairKey, read_cohort
from orchestration.privacy.export_folder import ExportedTable, write_parquet
from orchestration.privacy.publishable_counts import publishable_counts

_TEXT, _COUNT, _NUMBER, _FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()
_ANALYSIS = dict.fromkeys(("study_id", "endpoint_id", "policy_id", "arm_id"), _TEXT)
_COMPARISON = dict.fromkeys(
    ("study_id", "endpoint_id", "policy_id", "experimental", "control", "model"), _TEXT
)
_INTERVAL = dict.fromkeys(("conf_low", "conf_high", "p_value"), _NUMBER)
_CURVE = {
    **_ANALYSIS,
    "years": _NUMBER,
    **dict.fromkeys(("n_event", "n_competing", "n_censored", "n_remaining"), _COUNT),
    "is_suppressed": _FLAG,
    **dict.fromkeys(("survival", "conf_low", "conf_high", "event_incidence", "competing_incidence"), _NUMBER),
}
_EFFECT = {
    **_COMPARISON,
    **dict.fromkeys(("n_experimental", "n_control", "n_event_experimental", "n_event_control"), _COUNT),
    "is_suppressed": _FLAG,
    "hazard_ratio": _NUMBER,
    **_INTERVAL,
}

COLUMNS: dict[str, dict[str, pa.DataType]] = {
    "study.participants": {"study_id": _TEXT, "arm_id": _TEXT, "n": _COUNT, "is_suppressed": _FLAG},
    "study.characteristic": {
        **dict.fromkeys(("study_id", "arm_id", "characteristic", "level"), _TEXT),
        "n": _COUNT,
        "percent": _COUNT,
        "is_suppressed": _FLAG,
    },
    "survival.summary": {
        **_ANALYSIS,
        **dict.fromkeys(("n", "n_event", "n_competing", "n_censored"), _COUNT),
        "is_suppressed": _FLAG,
    },
    "survival.curve": _CURVE,
    "survival.landmark": _CURVE,
    "survival.treatment_effect": _EFFECT,
    "recurrence.pattern": {
        **dict.fromkeys(("study_id", "endpoint_id", "arm_id", "event_class"), _TEXT),
        "n": _COUNT,
        "percent": _COUNT,
        "is_suppressed": _FLAG,
    },
    "recurrence.effect": _EFFECT,
    "myokine.effect": {
        **dict.fromkeys(
            ("study_id", "kind", "analyte_id", "arm_id", "comparator_arm_id", "visit", "timepoint"), _TEXT
        ),
        "is_plasma_volume_corrected": _FLAG,
        **dict.fromkeys(("n_paired", "n_paired_comparator"), _COUNT),
        "is_suppressed": _FLAG,
        "ratio": _NUMBER,
        **_INTERVAL,
    },
}
"""The columns of every table of the profile, by table."""


def write_aggregate(
    con: duckdb.DuckDBPyConnection, study_ids: list[str], folder: Path
) -> dict[str, ExportedTable]:
    """Write the aggregated tables of some studies of a release.

    Returns:
        What was written, by table; `more` says how many counts are shown and how many suppressed.
    """
    rows: dict[str, list[Row]] = {table: [] for table in COLUMNS}
    for study_id in study_ids:
        for table, of_study in aggregated(con, study_id).items():
            rows[table].extend(of_study)
    written = {}
    for table, columns in COLUMNS.items():
        frame = pa.Table.from_pylist(rows[table], schema=pa.schema(list(columns.items())))
        n_shown, n_cells = _shown(rows[table])
        written[table] = ExportedTable(
            write_parquet(folder, table, frame),
            more={"counts_shown": n_shown, "counts_suppressed": n_cells - n_shown},
        )
    return written


def aggregated(con: duckdb.DuckDBPyConnection, study_id: str) -> dict[str, list[Row]]:
    """Make the rows of every table of the profile for one study of a release."""
    cohort = read_cohort(con, study_id)
    design, counts = cohort.design, publishable_counts(cohort)
    return {
        "study.participants": list(aggregate_tables.participants(design, counts)),
        "study.characteristic": list(aggregate_tables.characteristic(design, counts)),
        "survival.summary": list(aggregate_tables.summary(design, counts)),
        "survival.curve": list(aggregate_tables.curve(design, counts)),
        "survival.landmark": list(aggregate_tables.landmark(design, counts)),
        "survival.treatment_effect": list(
            aggregate_tables.effect(design, counts, dict(_hazard_ratios(con, _UNADJUSTED, study_id)))
        ),
        "recurrence.pattern": list(aggregate_tables.pattern(design, counts)),
        "recurrence.effect": list(
            aggregate_tables.effect(design, counts, dict(_hazard_ratios(con, _COMPETING, study_id)))
        ),
        "myokine.effect": list(
            aggregate_tables.biomarker_effect(design, counts, dict(_ratios(con, study_id)))
        ),
    }


def is_count(column: str) -> bool:
    """Whether a column of the profile's tables counts participants."""
    return column == "n" or column.startswith("n_")


def _shown(rows: list[Row]) -> tuple[int, int]:
    cells = [value for row in rows for name, value in row.items() if is_count(name)]
    return sum(value is not None for value in cells), len(cells)


# One model of each kind: every further one is another number about the same few participants.
_UNADJUSTED = """
select endpoint_id, experimental, control, model, hazard_ratio, conf_low, conf_high, p_value
from survival.treatment_effect
inner join reference.censoring_policies using (policy_id)
where study_id = ? and is_primary and model = 'unadjusted' and ties = 'efron'
"""

_COMPETING = """
select endpoint_id, experimental, control, model, hazard_ratio, conf_low, conf_high, p_value
from recurrence.effect
inner join reference.censoring_policies using (policy_id)
where study_id = ? and is_primary
"""

_RATIOS = """
select
    kind, analyte_id, visit, timepoint, is_plasma_volume_corrected, arm_id, comparator_arm_id,
    estimate, conf_low, conf_high, p_value, n_paired, n_paired_comparator, is_reportable,
from myokine.effect
where study_id = ? and imputation = 'as_reported'
    and estimator in ('paired_geometric_mean_ratio', 'ratio_of_geometric_mean_ratios')
"""


def _hazard_ratios(
    con: duckdb.DuckDBPyConnection, query: str, study_id: str
) -> Iterator[tuple[tuple[str, str, str, str], Estimate]]:
    for endpoint, experimental, control, model, *numbers in con.execute(query, [study_id]).fetchall():
        yield (endpoint, experimental, control, model), Estimate(*numbers)


def _ratios(
    con: duckdb.DuckDBPyConnection, study_id: str
) -> Iterator[tuple[tuple[PairKey, str, str], tuple[Estimate, int, int]]]:
    for row in con.execute(_RATIOS, [study_id]).fetchall():
        kind, analyte, visit, timepoint, is_corrected, arm_id, comparator, *numbers = row
        *estimate, n_paired, n_comparator, is_reportable = numbers
        pair = PairKey(kind, analyte, visit, timepoint, is_corrected)
        nothing: list[Any] = [None] * 4
        shown = Estimate(*(estimate if is_reportable else nothing))
        yield (pair, arm_id, comparator), (shown, n_paired, n_comparator)
