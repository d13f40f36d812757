"""A release under a key is the release without it, with pseudonyms in the place of identifiers."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.catalogue import Table, is_direct_identifier, read_catalogue
from orchestration.dbt_project import read_manifest
from orchestration.privacy.pseudonyms import LETTERS, is_pseudonym, pseudonym
from orchestration.settings import Settings
from schemas.privacy import Privacy
from schemas.records import RECORDS

KEY = "a key of more than sixteen bytes"
# A trial with survival and recurrence, and a study with samples and bouts.
STUDIES = ("moertel-colon", "landers-ramos-50km")

# Columns of tables about participants that were found to tell nothing of who they are: counts, intervals,
# flags, quantities and words of a vocabulary. A new one is judged before it is added.
TELL_NOTHING = {
    *("study_id", "endpoint_id", "policy_id", "evidence_order", "event_number", "entry_days", "time_days"),
    *("is_event", "cnsr", "censor_reason", "event_class", "event_organ", "competing_code", "evidence"),
    *("recorded_as", "is_after_cutoff", "is_before_start", "source_record", "definition_version"),
    *("days_since_previous", "days_between", "from_visit", "to_visit", "imputation", "is_reportable"),
    *("is_plasma_volume_corrected", "is_first_bout", "baseline_timepoint", "baseline_minutes", "baseline"),
    *("difference", "ratio", "log_ratio", "pct_change", "peak", "peak_timepoint", "peak_minutes"),
    *("peak_ratio", "n_responses", "n_planned_responses", "net_incremental_auc", "auc_end_minutes"),
    *("positive_incremental_auc", "from_timepoint", "to_timepoint", "from_hours_since_exercise", "reason"),
    *("to_hours_since_exercise", "is_rested", "is_first_from_visit", "result_as_reported", "is_below_limit"),
    *("value_as_reported", "is_above_limit", "n_wells", "n_replicates", "n_plates", "replicate_cv_pct"),
    *("is_cv_flagged", "imputed_value", "plasma_volume_change_pct", "corrected_value", "record"),
    *("corrected_imputed_value", "rule", "column_name", "accepted"),
}


@pytest.fixture(scope="module")
def manifest(warehouse: Path) -> dict:
    return read_manifest(Settings(home=warehouse))


@pytest.fixture(scope="module")
def catalogue(manifest) -> dict[str, Table]:
    return read_catalogue(manifest)


def test_every_column_of_a_table_about_participants_has_a_tag_that_was_decided(manifest, catalogue):
    contract = {column for record in RECORDS.values() for column in record.columns}
    provenance = {"source_file", "source_line", "row_text"}
    nodes = [*manifest["nodes"].values(), *manifest["sources"].values()]
    explicit = {
        (f"{node['schema']}.{node['name']}", name)
        for node in nodes
        for name, column in node["columns"].items()
        if "privacy" in {**column.get("meta", {}), **column.get("config", {}).get("meta", {})}
    }
    undecided = [
        f"{table.full_name}.{column.name}"
        for table in catalogue.values()
        if any(column.privacy is Privacy.DIRECT_IDENTIFIER for column in table.columns)
        for column in table.columns
        if column.name not in contract | provenance | TELL_NOTHING
        and not column.data_type.startswith(("DATE", "TIMESTAMP"))
        and (table.full_name, column.name) not in explicit
    ]
    assert not undecided


def test_tables_about_participants_say_so(catalogue):
    direct = {name: _direct(table) for name, table in catalogue.items() if _direct(table)}
    assert direct["survival.time_to_event"] == ["participant_id"]
    assert direct["myokine.result"] == ["sample_id", "participant_id", "bout_id"]
    assert direct["audit.quarantine"] == ["value", "row_text"]
    for schema in ("survival.curve", "survival.risk_table", "recurrence.pattern", "myokine.effect"):
        assert schema not in direct
    dates = [
        c for t in catalogue.values() for c in t.columns if c.data_type.startswith(("DATE", "TIMESTAMP"))
    ]
    assert dates
    assert not [column for column in dates if column.privacy is Privacy.NEITHER]


def _direct(table: Table) -> list[str]:
    return [column.name for column in table.columns if column.privacy is Privacy.DIRECT_IDENTIFIER]


@pytest.fixture(scope="module")
def keyed(cohortmart, shipped_packages, tmp_path_factory) -> Path:
    """The home of a warehouse of some of the shipped studies, built under a key."""
    home = tmp_path_factory.mktemp("keyed") / "home"
    studies = (a for name in STUDIES for a in ("--study", shipped_packages[name]))
    built = cohortmart("build", *studies, home=home, COHORTMART_PSEUDONYM_KEY=KEY)
    assert built.returncode == 0, built.stdout + built.stderr
    return home


@pytest.fixture(scope="module")
def both(warehouse: Path, keyed: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Both releases, `plain` and `keyed`, and the pseudonyms of everything that `plain` identifies."""
    with duckdb.connect() as con:
        for name, home in (("plain", warehouse), ("keyed", keyed)):
            path = (home / "warehouse" / "current" / "cohortmart.duckdb").resolve()
            con.execute(f"attach '{path}' as {name} (read_only)")
        con.execute("create table pseudonyms (domain varchar, study_id varchar, known varchar, made varchar)")
        for table, column in _identifying(con):
            known = con.execute(
                f"select distinct study_id, {column} from plain.{table} where study_id in ?", [STUDIES]
            ).fetchall()
            made = [(column, s, i, pseudonym(KEY, s, i, column) if i else i) for s, i in known]
            if made:
                con.executemany("insert into pseudonyms values (?, ?, ?, ?)", made)
        con.execute("create table mapping as select distinct * from pseudonyms")
        yield con


def _identifying(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    rows = con.sql(
        "select schema_name || '.' || table_name, column_name from duckdb_columns()"
        " where database_name = 'plain' order by all"
    ).fetchall()
    return [(table, column) for table, column in rows if column in LETTERS]


def _tables(con: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    rows = con.sql(
        "select schema_name || '.' || table_name, list(column_name) from duckdb_columns()"
        " where database_name = 'plain' group by 1 order by 1"
    ).fetchall()
    return {table: columns for table, columns in rows if "study_id" in columns}


def test_every_table_is_that_of_a_build_without_a_key_up_to_the_pseudonyms(both):
    tables = _tables(both)
    assert len(tables) > 20
    for table, columns in tables.items():
        replaced = {column: place for place, column in enumerate(columns) if column in LETTERS}
        joins = "".join(
            f" join mapping as m{place} on m{place}.domain = '{column}'"
            f" and m{place}.study_id = t.study_id and m{place}.known = t.{column}"
            for column, place in replaced.items()
        )
        exchange = ", ".join(f"m{place}.made as {column}" for column, place in replaced.items())
        select = f"t.* replace ({exchange})" if replaced else "t.*"
        listed = ", ".join(f"'{study}'" for study in STUDIES)
        plain = f"select {select} from plain.{table} as t{joins} where t.study_id in ({listed})"
        keyed = f"select * from keyed.{table} where study_id in ({listed})"
        gone = both.sql(f"({plain}) except all ({keyed}) limit 3").fetchall()
        new = both.sql(f"({keyed}) except all ({plain}) limit 3").fetchall()
        assert (gone, new) == ([], []), table


def test_no_identifier_is_left_where_pseudonyms_are(both):
    for table, column in _identifying(both):
        shown = both.sql(f"select distinct {column} from keyed.{table} where {column} <> ''").fetchall()
        assert all(is_pseudonym(value) and value[0] == LETTERS[column] for (value,) in shown), table


def test_other_columns_named_after_an_identifier_would_be_seen(both):
    """A mart that names a participant otherwise would keep the identifier, were it not for its own rule."""
    named = [
        (table, column)
        for table, columns in _tables(both).items()
        for column in columns
        if is_direct_identifier(column) and column not in (*LETTERS, "row_text")
    ]
    assert not named
