"""Great Expectations suites, run inside the build's DuckDB file.

A suite is a JSON file, `schemas/expectations/<schema>.<table>.json`. Every expectation carries in its
meta an `id`, unique in the suite, and `says`, the sentence shown when it fails. Severity `critical`
blocks what follows; `warning` is reported.

A rule in SQL is an `unexpected_rows_expectation`; its query returns the rows that break the rule, and is
written as a list of lines, so that people can read it and a change shows line by line. It reads the table
as `{batch}`, always inside a query of its own (`select * from {batch}`), for with a join Great Expectations
puts a bare subquery there and without one a subquery that has an alias already. Other tables of the build
are named; they must be made no later than the suite's own. SQLAlchemy takes `:name` for a parameter, so
there is no colon in a query, and braces are doubled.

What is shown of a row leaves out the columns that alone tell who somebody is: outcomes go to logs, to Dagster
and into releases. Whole rows stay in a private file of the build.
"""

import gc
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import schemas
from orchestration.catalogue import is_direct_identifier

_ROWS_NAMED = 3
_ROWS_KEPT = 5
# What outcomes do not take along into a release.
_PRIVATE = ("rows", "rows_file")

SUITES = Path(schemas.__file__).parent / "expectations"

# Without these three every metric fails on DuckDB: its result dies with the transaction rolled back.
_ENGINE_OPTIONS = {
    "isolation_level": "AUTOCOMMIT",
    "skip_autocommit_rollback": True,
    "pool_reset_on_return": None,
}


@dataclass(frozen=True)
class Outcome:
    """How one expectation of a suite went.

    Attributes:
        expectation: its id in the suite.
        says: what it says.
        severity: `critical` blocks what follows.
        success: whether it is met.
        observed: how often it is not.
        unexpected: the first offending values or rows, without direct identifiers.
        rows: the same rows whole; they leave the build only in `rows_file`.
        rows_file: where the whole rows can be read, once they are kept.
    """

    expectation: str
    says: str
    severity: str
    success: bool
    observed: str
    unexpected: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...] = field(default=(), repr=False, compare=False)
    rows_file: Path | None = None

    @property
    def is_blocking(self) -> bool:
        """Whether this outcome stops what follows."""
        return not self.success and self.severity == "critical"

    @property
    def complaint(self) -> str:
        """What is wrong, how often, and if it blocks the first rows at fault."""
        if not self.is_blocking:
            return f"Warning: {self.says} ({self.observed} against it)"
        rows = "".join(f"\n  {row}" for row in self.unexpected[:_ROWS_NAMED])
        whose = f"\n  Whose rows they are: {self.rows_file}" if self.rows_file else ""
        return f"{self.says} ({self.observed} against it){', such as' if rows else ''}{rows}{whose}"


def read_suite(table: str) -> dict[str, Any]:
    """Read the suite of a table, named `schema.table`, the lines of its queries joined."""
    suite: dict[str, Any] = json.loads((SUITES / f"{table}.json").read_text(encoding="utf-8"))
    for expectation in suite["expectations"]:
        if lines := expectation["kwargs"].get("unexpected_rows_query"):
            expectation["kwargs"]["unexpected_rows_query"] = "\n".join(lines)
    return suite


def suites() -> list[str]:
    """Names of the tables that have a suite, sorted."""
    return sorted(path.stem for path in SUITES.glob("*.json"))


@cache
def _context() -> Any:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    # Seconds of import that only a validating process should pay for.
    import great_expectations as gx  # noqa: PLC0415

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    # Half a million objects of the import will never be garbage: spare every later collection them.
    gc.freeze()
    return context


@cache
def _rows_against() -> Any:
    """The kind of expectation that SQL rules are run as.

    Great Expectations' own runs the query twice, once to count and once to show, and shows the rows only
    in the result format that also collects every offending value of the other expectations.
    """
    import great_expectations as gx  # noqa: PLC0415
    from great_expectations.constants import MAX_RESULT_RECORDS  # noqa: PLC0415

    class RowsAgainstRule(gx.expectations.UnexpectedRowsExpectation):  # type: ignore[misc]
        metric_dependencies = ("unexpected_rows_query.table",)

        def _validate(self, metrics: dict[str, Any], **_: Any) -> dict[str, Any]:
            rows = metrics["unexpected_rows_query.table"]
            count = f"{len(rows)}" + (" or more" if len(rows) == MAX_RESULT_RECORDS else "")
            return {
                "success": not rows,
                "result": {"observed_value": count, "details": {"unexpected_rows": rows}},
            }

    return RowsAgainstRule


def validate(database: Path, table: str, suite: dict[str, Any] | None = None) -> list[Outcome]:
    """Run the suite of one table inside its DuckDB file.

    Args:
        database: the file; nobody else may hold it open for writing.
        table: `schema.table`.
        suite: a suite as parsed JSON; default the one that ships for the table.

    Returns:
        One outcome for each expectation, in the suite's order.

    Raises:
        RuntimeError: an expectation could not be evaluated at all; the message is the engine's.
    """
    declared = suite or read_suite(table)
    try:
        outcomes = {o.expectation: o for o in _run(database, table, declared)}
    finally:
        # The last connection hangs in a reference cycle, and with it the lock on the file.
        gc.collect()
    return [outcomes[e["meta"]["id"]] for e in declared["expectations"]]


def _run(database: Path, table: str, declared: dict[str, Any]) -> list[Outcome]:
    import great_expectations as gx  # noqa: PLC0415

    sources = _context().data_sources
    schema, name = table.split(".")
    source = sources.add_sql(table, connection_string=f"duckdb:///{database}", kwargs=_ENGINE_OPTIONS)
    try:
        batch = (
            source.add_table_asset(table, table_name=name, schema_name=schema)
            .add_batch_definition_whole_table("whole")
            .get_batch()
        )
        expectations = [_expectation(e) for e in declared["expectations"]]
        suite = gx.ExpectationSuite(declared["name"], expectations=expectations)
        result = batch.validate(suite, result_format="SUMMARY")
        return [_outcome(r) for r in result.results]
    finally:
        source.get_engine().dispose()
        sources.delete(source.name)


def _expectation(declared: dict[str, Any]) -> Any:
    if declared["type"] != "unexpected_rows_expectation":
        return declared
    return _rows_against()(**declared["kwargs"], severity=declared["severity"], meta=declared["meta"])


def _outcome(result: Any) -> Outcome:
    config = result.expectation_config
    if message := _exception(result.exception_info or {}):
        raise RuntimeError(f"{config.meta['id']}: {message}")
    details = result.result or {}
    shown = details.get("partial_unexpected_list") or details.get("details", {}).get("unexpected_rows", [])
    observed = details.get("observed_value", details.get("unexpected_count", ""))
    return Outcome(
        expectation=config.meta["id"],
        says=config.meta["says"],
        severity=str(config.severity.value if hasattr(config.severity, "value") else config.severity),
        success=bool(result.success),
        observed=str(observed),
        unexpected=tuple(_shown(value, config.kwargs.get("column", "")) for value in shown[:_ROWS_KEPT]),
        rows=tuple(row for row in shown[:_ROWS_KEPT] if _names_somebody(row)),
    )


def _shown(offending: object, column: str) -> str:
    """Write an offending value of a column, or a row as its columns and what they hold."""
    if not isinstance(offending, Mapping):
        return "(not shown)" if is_direct_identifier(column) else str(offending)
    return ", ".join(
        f"{name} {value}"
        for name, value in offending.items()
        if value not in (None, "") and not is_direct_identifier(name)
    )


def _names_somebody(offending: object) -> bool:
    return isinstance(offending, Mapping) and any(map(is_direct_identifier, offending))


def keep_rows(folder: Path, table: str, outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Keep the whole rows that failed, which say whose they are, for the owner of the build alone.

    Returns:
        The outcomes; those whose rows were kept say in which file.
    """
    path = folder / f"{table}.jsonl"
    told = [replace(o, rows_file=path) if o.rows and not o.success else o for o in outcomes]
    lines = [
        json.dumps({"expectation": o.expectation, **row}, default=str)
        for o in told
        if o.rows_file
        for row in o.rows
    ]
    if lines:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Private from the first byte: a mode that is set afterwards comes too late.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.writelines(f"{line}\n" for line in lines)
    return told


def save_outcomes(folder: Path, table: str, outcomes: list[Outcome]) -> None:
    """Keep the outcomes of a table in the run's folder, for the release's `validation.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    content = [
        {name: value for name, value in asdict(replace(o, rows=())).items() if name not in _PRIVATE}
        for o in outcomes
    ]
    (folder / f"{table}.json").write_text(json.dumps(content, indent=2), encoding="utf-8")


def collect_outcomes(folder: Path) -> dict[str, Any]:
    """Gather the outcomes of a run as `validation.json` holds them: statistics, then by table."""
    tables = {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))
    }
    every = [outcome for outcomes in tables.values() for outcome in outcomes]
    passed = sum(outcome["success"] for outcome in every)
    return {
        "statistics": {
            "expectations": len(every),
            "passed": passed,
            "failed": len(every) - passed,
            "tables": len(tables),
        },
        "tables": tables,
    }


def unmet(validation: dict[str, Any]) -> list[str]:
    """Say why collected outcomes do not allow a release: suites that did not run, rules that block."""
    tables = validation["tables"]
    return [f"the suite of {table} did not run" for table in suites() if table not in tables] + [
        f"{table}: {outcome['says']}"
        for table, outcomes in tables.items()
        for outcome in outcomes
        if Outcome(**outcome).is_blocking
    ]


def _exception(info: dict[str, Any]) -> str | None:
    """The message of an exception info, which is one record or a record for each metric."""
    records = [info] if "raised_exception" in info else list(info.values())
    return next((r["exception_message"] for r in records if r["raised_exception"]), None)
