"""The tables that landing writes: `raw.*` by the contract, `audit.landing` and `audit.quarantine`."""

import duckdb
import polars as pl

from schemas.records import RECORDS

_SQL_TYPES: tuple[tuple[pl.DataType, str], ...] = (
    (pl.String(), "varchar"),
    (pl.Date(), "date"),
    (pl.Datetime("us"), "timestamp"),
    (pl.Float64(), "double"),
    (pl.Int64(), "bigint"),
    (pl.Boolean(), "boolean"),
)
STUDY_TABLES = {
    "raw.study": (
        "study_id varchar, title varchar, design varchar, index_cancer varchar, time_origin varchar,"
        " nominal_dates boolean, data_cutoff date, rmst_years double, quarantine_tolerance double,"
        " citation varchar, licence varchar"
    ),
    "raw.study_arms": "study_id varchar, arm_id varchar, label varchar, role varchar, arm_order bigint",
    "raw.study_comparisons": (
        "study_id varchar, experimental varchar, control varchar, comparison_order bigint"
    ),
    "raw.study_endpoints": "study_id varchar, endpoint_id varchar",
    "raw.study_endpoint_definitions": (
        "study_id varchar, endpoint_id varchar, label varchar, definition_version varchar,"
        " censored_at varchar, description varchar, source varchar"
    ),
    "raw.study_endpoint_rules": ("study_id varchar, endpoint_id varchar, event_class varchar, rule varchar"),
    "raw.study_policies": "study_id varchar, policy_id varchar",
    "raw.study_adjustment": "study_id varchar, covariate varchar, kind varchar, position bigint",
    "raw.study_strata": "study_id varchar, covariate varchar, position bigint",
    "raw.study_subgroups": "study_id varchar, covariate varchar, position bigint",
    "raw.study_landmarks": "study_id varchar, landmark_years double",
    "raw.study_timepoints": (
        "study_id varchar, timepoint varchar, role varchar, minutes_from_bout_end double,"
        " timepoint_order bigint"
    ),
    "raw.study_visits": "study_id varchar, visit varchar, visit_order bigint",
}
# What laboratories call an analyte and a unit, and what that is in `seeds/reference`.
_VOCABULARY_TABLES = {
    "raw.assay_vocabulary": (
        "analyte_text varchar, unit_text varchar, analyte_id varchar, unit_id varchar, to_canonical double"
    ),
    # The pairs that each study delivered, those of quarantined rows among them.
    "raw.assay_pairs": "study_id varchar, analyte_text varchar, unit_text varchar",
}
_AUDIT_TABLES = {
    "audit.landing": (
        "study_id varchar, record varchar, source_file varchar, file_sha256 varchar, file_bytes bigint,"
        " rows_read bigint, rows_accepted bigint, rows_quarantined bigint, rows_not_yet_enrolled bigint,"
        " rows_after_cutoff bigint, quarantine_tolerance double"
    ),
    "audit.quarantine": (
        "study_id varchar, record varchar, source_file varchar, source_line bigint, rule varchar,"
        " column_name varchar, value varchar, reason varchar, accepted varchar, row_text varchar"
    ),
    # Keys of quarantined rows, so that a row which refers to one can say where it went.
    "raw.quarantined_key": (
        "study_id varchar, record varchar, key_value varchar, source_file varchar, source_line bigint"
    ),
}


def sql_type(dtype: pl.DataType) -> str:
    """Return the DuckDB type of a contract column's type."""
    return next(name for polars, name in _SQL_TYPES if polars == dtype)


def create_raw_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Create every table that landing writes, empty; those that exist stay as they are."""
    con.execute("create schema if not exists raw; create schema if not exists audit")
    for table, columns in (STUDY_TABLES | _VOCABULARY_TABLES | _AUDIT_TABLES).items():
        con.execute(f"create table if not exists {table} ({columns})")
    for record in RECORDS.values():
        contract = [f"{name} {sql_type(column.dtype)}" for name, column in record.columns.items()]
        if record.name == "participants":
            contract.append("covariates struct(name varchar, value varchar)[]")
        columns = ", ".join(["study_id varchar", *contract, "source_file varchar", "source_line bigint"])
        con.execute(f"create table if not exists raw.{record.name} ({columns})")


def insert(con: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame, **same: str) -> None:
    """Append rows to a table; columns are matched by name, those in `same` have one value throughout."""
    if rows.is_empty():
        return
    con.register("landing_rows", rows.to_arrow())
    columns = ", ".join(["*", *(f"${name} as {name}" for name in same)])
    con.execute(f"insert into {table} by name select {columns} from landing_rows", same)
    con.unregister("landing_rows")
