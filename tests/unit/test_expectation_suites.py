"""What every suite of expectations must be, so that its failures can be read and its rules be run."""

import json
import re
import string
from pathlib import Path

import pytest
import yaml

import schemas
import transforms
from orchestration.validation import read_suite, suites
from schemas.records import RECORDS
from schemas.reference import seed_column

FOLDER = Path(schemas.__file__).parent / "expectations"
MARTS = Path(transforms.__file__).parent / "models" / "marts"
MART_SCHEMAS = ("survival", "recurrence", "myokine", "study", "benchmark")

# What a reader of the marts relies on without asking.
RELIED_ON = {
    "survival.time_to_event": [
        "one-row-each",
        "everybody-as-randomised",
        "nothing-after-the-cutoff",
        "earliest-event-decides",
        "policies-keep-their-order",
    ],
    "survival.risk_table": ["at-risk-by-entries-and-exits", "every-outcome-is-counted"],
    "survival.curve": ["counts-of-the-risk-table", "product-limit", "nelson-aalen", "greenwood"],
    "survival.summary": ["counts-of-the-participants", "events-add-up-over-classes"],
    "survival.treatment_effect": ["every-analysis", "score-equation", "log-rank-of-the-risk-table"],
    "recurrence.first_event": ["events-of-time-to-event", "endpoints-nest"],
    "recurrence.cumulative_incidence": ["aalen-johansen", "not-above-one-minus-survival"],
    "recurrence.pattern": ["classes-and-organs-add-up", "all-are-the-events-of-the-arm"],
    "recurrence.yearly_rate": ["years-add-up", "exact-poisson-interval"],
    "recurrence.survival_after_recurrence": ["at-risk-by-entries-and-exits", "product-limit"],
    "myokine.result": [
        "every-well-is-counted-once",
        "value-is-the-mean-of-the-wells",
        "imputed-by-the-default-policy",
        "dill-and-costill",
        "nothing-unusable-is-reported",
        "mostly-below-the-limit-is-refused",
        "baselines-of-a-plate-near-the-usual-range",
        "baselines-near-the-others-of-the-study",
        "responses-near-the-baseline-of-the-bout",
    ],
    "myokine.plate_quality": ["one-unit-on-a-plate", "verdict-of-the-limits"],
    "myokine.acute_response": [
        "of-its-bout",
        "baseline-and-value-are-results",
        "change-of-value-and-baseline",
    ],
    "myokine.resting_change": ["baseline-and-value-are-resting-results", "hours-since-the-last-exercise"],
    "myokine.effect": [
        "every-estimator-of-every-contrast",
        "acute-and-resting-apart",
        "refused-as-decided",
        "geometric-mean-of-the-ratios",
        "t-tests-and-intervals",
        "adjusted-within-the-family",
    ],
    "myokine.outcome_association": ["nothing-before-the-biomarker-counts", "score-equation"],
    "audit.evidence": [
        "every-recorded-day-once",
        "everybody-starts",
        "events-as-recorded",
        "every-outcome-is-in-it",
    ],
    "study.participant": ["one-row-each", "everybody-is-here", "arm-as-randomised", "start-and-entry"],
    "benchmark.published_result": ["every-figure-as-published", "own-value-of-the-marts"],
}


def _expectations(table):
    return read_suite(table)["expectations"]


def _queries(table):
    kwargs = {e["meta"]["id"]: e["kwargs"] for e in _expectations(table)}
    return {name: k["unexpected_rows_query"] for name, k in kwargs.items() if "unexpected_rows_query" in k}


def _declared_tables():
    for path in MARTS.rglob("*.yml"):
        declared = yaml.safe_load(path.read_text(encoding="utf-8"))
        for model in declared.get("models", []):
            yield f"{path.parent.name}.{model['name']}"
        for source in declared.get("sources", []):
            yield from (f"{source['name']}.{table['name']}" for table in source["tables"])


def _estimated_tables():
    for path in sorted(MARTS.rglob("_estimates*.yml")):
        declared = yaml.safe_load(path.read_text(encoding="utf-8"))
        for source in declared["sources"]:
            for table in source["tables"]:
                name = f"{source['name']}.{table['name']}"
                yield pytest.param(name, {column["name"] for column in table["columns"]}, id=name)


def test_every_table_of_a_mart_has_a_suite():
    declared = {table for table in _declared_tables() if table.split(".")[0] in MART_SCHEMAS}
    assert declared
    assert declared <= set(suites())


@pytest.mark.parametrize("table", suites())
def test_a_suite_is_named_as_its_file_and_its_table(table):
    suite = json.loads((FOLDER / f"{table}.json").read_text(encoding="utf-8"))
    assert list(suite) == ["name", "expectations"]
    assert suite["name"] == table
    assert re.fullmatch(r"[a-z]+\.[a-z_]+", table)


@pytest.mark.parametrize("table", suites())
def test_ids_are_unique_words(table):
    ids = [e["meta"]["id"] for e in _expectations(table)]
    assert len(set(ids)) == len(ids) >= 5
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in ids)


@pytest.mark.parametrize("table", suites())
def test_every_expectation_says_in_one_sentence_what_holds(table):
    for expectation in _expectations(table):
        says = expectation["meta"]["says"]
        assert says.endswith("."), says
        assert ". " not in says.replace("1. ", ""), says
        assert len(says) <= 160, says


@pytest.mark.parametrize("table", suites())
def test_severity_is_stated_and_something_blocks(table):
    severities = [e["severity"] for e in _expectations(table)]
    assert set(severities) <= {"critical", "warning"}
    assert "critical" in severities


@pytest.mark.parametrize("table", RELIED_ON)
def test_what_readers_rely_on_blocks(table):
    blocking = {e["meta"]["id"] for e in _expectations(table) if e["severity"] == "critical"}
    assert set(RELIED_ON[table]) <= blocking


@pytest.mark.parametrize("table", suites())
def test_no_suite_names_an_endpoint_an_analyte_or_a_policy(table):
    codes = {
        *seed_column("endpoint_definitions", "endpoint_id"),
        *seed_column("censoring_policies", "policy_id"),
        *seed_column("analytes", "analyte_id"),
        *seed_column("imputation_policies", "imputation"),
    }
    for name, query in _queries(table).items():
        assert codes.isdisjoint(re.findall(r"'(\w+)'", query)), name


@pytest.mark.parametrize(("table", "columns"), list(_estimated_tables()))
def test_every_column_of_an_estimated_table_is_looked_at(table, columns):
    looked_at = set(re.findall(r"\w+", json.dumps([e["kwargs"] for e in _expectations(table)])))
    assert columns <= looked_at


@pytest.mark.parametrize("table", suites())
def test_queries_are_written_in_lines_that_fit_a_screen(table):
    suite = json.loads((FOLDER / f"{table}.json").read_text(encoding="utf-8"))
    for expectation in suite["expectations"]:
        if query := expectation["kwargs"].get("unexpected_rows_query"):
            assert isinstance(query, list)
            assert max(len(line) for line in query) <= 110


@pytest.mark.parametrize("table", suites())
def test_queries_read_the_table_in_a_way_that_great_expectations_can_fill_in(table):
    for name, query in _queries(table).items():
        fields = {field for _, field, _, _ in string.Formatter().parse(query) if field is not None}
        assert fields == {"batch"}, name
        # An alias behind it would clash with the one that is put there when the query has no join.
        assert not re.search(r"\{batch\}\s+(as\s|[a-z]\s|inner|left|full|asof|cross|anti)", query), name
        # SQLAlchemy would ask for a value of :name.
        assert ":" not in query, name


@pytest.mark.parametrize("table", suites())
def test_queries_name_what_they_return_or_everything(table):
    for name, query in _queries(table).items():
        assert query.lstrip().startswith(("select", "with", "--")), name
        assert query == query.rstrip("; \n"), name


def test_the_rows_of_every_record_type_are_counted_against_the_audit():
    query = _queries("audit.landing")["accepted-rows-are-there"]
    assert set(re.findall(r"raw\.(\w+)", query)) == set(RECORDS)
