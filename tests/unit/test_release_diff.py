"""What changed between two releases, in a statistician's order: main results, estimates, rows."""

import json
import uuid
from datetime import date
from pathlib import Path

import duckdb
import pytest
import yaml
from typer.testing import CliRunner

from orchestration import ledger
from orchestration.catalogue import Column, Table
from orchestration.cli.app import app
from orchestration.release.diff import diff
from orchestration.release.estimates import CURVES, MAIN_RESULTS, POINT_ESTIMATES
from orchestration.release.publish import publish
from orchestration.release.read import find_release
from orchestration.settings import Settings
from schemas.privacy import Privacy
from tests.small_release import VALIDATION, deliver

ROOT = Path(__file__).parents[2]

KEYS = {
    "audit.evidence": ("study_id", "participant_id", "evidence_order"),
    "myokine.effect": ("study_id", "analyte_id", "estimator"),
    "recurrence.effect": ("study_id", "endpoint_id", "policy_id", "experimental", "control", "model"),
    "study.participant": ("study_id", "participant_id"),
    "survival.summary": ("study_id", "endpoint_id", "arm_id"),
    "survival.treatment_effect": (
        "study_id",
        "endpoint_id",
        "policy_id",
        "experimental",
        "control",
        "model",
        "ties",
        "subgroup",
        "level",
    ),
}


def hazard_ratio(value, **other):
    """A hazard ratio of exercise over usual care with a standard error of 0.25, as the primary analysis."""
    row = {"study_id": "trial", "endpoint_id": "OS", "policy_id": "primary", "experimental": "EX"}
    row |= {"control": "UC", "model": "unadjusted", "ties": "efron", "subgroup": "all", "level": "all"}
    row |= {"hazard_ratio": value, "std_error": 0.25, "conf_low": None, "conf_high": None}
    row |= {"p_value": 0.5, "n": 100, "events": 40} | other
    return row


def subhazard_ratio(value, **other):
    row = {"study_id": "trial", "endpoint_id": "DSS", "policy_id": "primary", "experimental": "EX"}
    row |= {"control": "UC", "model": "fine_gray", "hazard_ratio": value, "std_error": 0.25, "n": 100}
    return row | {"events": 30} | other


def change(value, **other):
    """A change of a myokine in its own unit, without a standard error, with a 95 % interval of +- 1.96."""
    row = {"study_id": "trial", "analyte_id": "IL6", "estimator": "paired_median", "scale": "difference"}
    row |= {"estimate": value, "std_error": None, "conf_low": value - 1.959964, "conf_high": value + 1.959964}
    return row | {"conf_level": 0.95} | other


def median(value, **other):
    row = {"study_id": "trial", "endpoint_id": "OS", "arm_id": "EX", "median_days": value}
    return row | {"median_days_low": 100.0, "median_days_high": None, "reverse_km_median_days": 500.0} | other


def evidence(order, day, what="contact", participant="P1"):
    row = {"study_id": "trial", "participant_id": participant, "evidence_order": order}
    return row | {"dated_on": day, "evidence": what, "source_line": order + 1}


TYPES = {str: "VARCHAR", int: "BIGINT", float: "DOUBLE", type(None): "DOUBLE", date: "DATE"}


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", threads=1)


@pytest.fixture
def run(settings):
    def invoke(*arguments):
        done = CliRunner().invoke(app, [*arguments, "--home", str(settings.home)])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.stdout

    yield invoke
    ledger.set_command("")


def published(settings, **tables):
    """Publish tables of these rows, which are named with __ for the dot; returns the release."""
    build = settings.build / "build.duckdb"
    build.parent.mkdir(parents=True, exist_ok=True)
    build.unlink(missing_ok=True)
    declared = {}
    with duckdb.connect(build) as con:
        for python_name, rows in tables.items():
            name = python_name.replace("__", ".")
            types = {column: TYPES[type(value)] for column, value in rows[0].items()}
            con.execute(f"create schema if not exists {name.partition('.')[0]}")
            con.execute(f"create table {name} ({', '.join(f'{c} {t}' for c, t in types.items())})")
            con.executemany(
                f"insert into {name} values ({', '.join('?' for _ in types)})",
                [[row[column] for column in types] for row in rows],
            )
            schema, _, table = name.partition(".")
            columns = tuple(
                Column(c, t, f"The {c}.", nullable=c not in KEYS[name], privacy=Privacy.NEITHER)
                for c, t in types.items()
            )
            declared[name] = Table(schema, table, "one row for each key", KEYS[name], "A table.", columns)
    folder = publish(
        build,
        declared,
        settings,
        run_id=str(uuid.uuid4()),
        inputs=[deliver(settings, 1)],
        validation=VALIDATION,
        write_report=lambda _con, folder, _id, _validation: (folder / "report.html").write_text("<p>"),
        on_table=lambda _done, _total, _name: None,
    )
    return find_release(settings, folder.name)


def effects(settings, before, after):
    return tuple(published(settings, survival__treatment_effect=rows) for rows in (before, after))


def test_the_primary_result_comes_first_with_its_events(settings, run):
    sensitivity = {"policy_id": "last_contact"}, {"ties": "breslow"}, {"model": "adjusted"}
    before, after = effects(
        settings,
        [
            hazard_ratio(0.8),
            hazard_ratio(1.0, endpoint_id="DFS"),
            *(hazard_ratio(0.7, **s) for s in sensitivity),
        ],
        [
            hazard_ratio(0.75, events=41),
            hazard_ratio(1.0, endpoint_id="DFS"),
            *(hazard_ratio(0.1, **s) for s in sensitivity),
            hazard_ratio(0.9, study_id="another"),
        ],
    )
    printed = run("diff", before.release_id, after.release_id)
    of_main = printed.partition("Main results")[2].splitlines()[3:5]
    assert " ".join(of_main[0].split()) == "trial OS EX vs UC HR 0.8 0.75 40/100 -> 41/100"
    assert of_main[1] == "1 main result did not move; 1 main result only in the newer release"
    assert printed.index("Main results") < printed.index("estimates moved") < printed.index("1 row added")
    main = json.loads(run("diff", before.release_id, after.release_id, "-f", "json"))["main"]
    assert main["moved"][0]["hazard_ratio"] == {"before": 0.8, "after": 0.75}
    assert (main["n_unmoved"], main["n_added"], main["n_removed"]) == (1, 1, 0)


def test_a_main_result_moves_with_its_events_alone(settings):
    before, after = effects(settings, [hazard_ratio(0.8)], [hazard_ratio(0.8, events=41)])
    found = diff(before, after)
    assert [result.events for result in found.main.moved] == [(40, 41)]
    assert found.n_moves == 0


def test_a_subhazard_is_a_main_result_and_a_cause_specific_hazard_is_not(settings):
    before, after = (
        published(
            settings,
            recurrence__effect=[subhazard_ratio(value), subhazard_ratio(value, model="cause_specific")],
        )
        for value in (0.5, 0.6)
    )
    (moved,) = diff(before, after).main.moved
    assert (moved.effect, moved.hazard_ratio) == ("subhazard ratio", (0.5, 0.6))


def test_estimates_are_ordered_by_their_standard_errors_with_ratios_on_the_log_scale(settings):
    before, after = (
        published(
            settings,
            survival__treatment_effect=[
                hazard_ratio(ratio, endpoint_id="HALVED"),
                hazard_ratio(1 / ratio, endpoint_id="DOUBLED", std_error=0.5),
            ],
            myokine__effect=[change(difference)],
        )
        for ratio, difference in ((1.0, 0.0), (0.5, 2.0))
    )
    found = diff(before, after)
    # log 2 is 2.77 standard errors of 0.25 and 1.39 of 0.5; a difference of 2 is two of 1.
    assert [m.std_errors for m in found.moves] == pytest.approx([2.7726, 2.0, 1.3863], abs=1e-4)
    assert [m.key.get("endpoint_id") for m in found.moves] == ["HALVED", None, "DOUBLED"]
    # Standard errors, intervals, p values and counts are no estimates.
    assert {m.column for m in found.moves} == {"hazard_ratio", "estimate"}


def test_of_equal_standard_errors_the_larger_change_comes_first(settings):
    before, after = effects(
        settings,
        [
            hazard_ratio(1.0, endpoint_id="A", std_error=0.5),
            hazard_ratio(1.0, endpoint_id="B", std_error=1.0),
        ],
        [
            hazard_ratio(2.0, endpoint_id="A", std_error=0.5),
            hazard_ratio(4.0, endpoint_id="B", std_error=1.0),
        ],
    )
    found = diff(before, after)
    assert [m.key["endpoint_id"] for m in found.moves] == ["B", "A"]


def test_without_a_standard_error_the_interval_stands_for_it_half_of_one_that_is_open(settings):
    before, after = (published(settings, survival__summary=[median(value)]) for value in (296.0, 394.0))
    (moved,) = diff(before, after).moves
    # 294 days above the lower end of a 95 % interval are 150 days of standard error, 196 days are 100.
    assert moved.std_error == pytest.approx(150, abs=0.01)
    assert moved.std_errors == pytest.approx(98 / 150, abs=1e-4)


def test_estimates_have_moved_as_far_whichever_release_comes_first(settings):
    rows = [hazard_ratio(0.8, std_error=0.2), hazard_ratio(1.0, endpoint_id="DSS", std_error=0.4)]
    fewer = [hazard_ratio(0.4, std_error=2.0), hazard_ratio(0.6, endpoint_id="DSS", std_error=0.3)]
    before, after = effects(settings, rows, fewer)
    forth, back = diff(before, after).moves, diff(after, before).moves
    assert [m.key["endpoint_id"] for m in forth] == ["DSS", "OS"]
    assert [(m.key, m.std_errors) for m in forth] == [(m.key, m.std_errors) for m in back]


def test_what_was_not_estimable_is_said_so_and_stands_apart(settings, run):
    before, after = effects(
        settings,
        [hazard_ratio(0.8), hazard_ratio(None, endpoint_id="DSS"), hazard_ratio(0.7, endpoint_id="DFS")],
        [hazard_ratio(0.9), hazard_ratio(0.6, endpoint_id="DSS"), hazard_ratio(None, endpoint_id="DFS")],
    )
    found = diff(before, after)
    assert [(m.before, m.after) for m in found.moves] == [(0.8, 0.9)]
    assert {(m.before, m.after) for m in found.gained_or_lost} == {(None, 0.6), (0.7, None)}
    printed = run("diff", before.release_id, after.release_id)
    assert "1 estimate moved" in printed
    assert "2 estimates were not estimable before, or not after" in printed
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    assert "trial DSS EX vs UC HR not estimable 0.6 40/100" in lines


def test_a_ratio_of_nothing_is_no_error(settings):
    before, after = effects(settings, [hazard_ratio(0.0)], [hazard_ratio(0.5)])
    (moved,) = diff(before, after).moves
    assert (moved.before, moved.after, moved.std_errors) == (0.0, 0.5, None)


def test_no_more_estimates_are_shown_than_the_limit_and_all_are_counted(settings, run):
    before, after = effects(
        settings, *([hazard_ratio(v, endpoint_id=f"E{n}") for n in range(5)] for v in (0.8, 0.9))
    )
    found = diff(before, after, limit=2)
    assert (len(found.moves), found.n_moves, len(found.main.moved)) == (2, 5, 5)
    assert "5 estimates moved" in run("diff", before.release_id, after.release_id, "--limit", "2")


def test_a_record_that_came_before_others_is_one_row_added(settings, run):
    days = [date(2020, 1, 1), date(2020, 6, 1), date(2021, 1, 1)]
    before = published(settings, audit__evidence=[evidence(n + 1, day) for n, day in enumerate(days)])
    early = date(2020, 3, 1)
    after = published(
        settings, audit__evidence=[evidence(n + 1, day) for n, day in enumerate(sorted([*days, early]))]
    )
    (table,) = diff(before, after).tables
    assert (table.n_added, table.n_removed, table.n_changed) == (1, 0, 0)
    assert table.added[0]["dated_on"] == early
    assert "evidence_order" not in table.added[0]
    assert "\n  1 row added\n" in run("diff", before.release_id, after.release_id)


def test_the_same_evidence_twice_is_counted_twice(settings):
    day = date(2020, 1, 1)
    before = published(settings, audit__evidence=[evidence(1, day)])
    after = published(settings, audit__evidence=[evidence(1, day), evidence(2, day)])
    (table,) = diff(before, after).tables
    assert (table.n_added, table.n_removed, table.n_changed) == (1, 0, 0)


def test_releases_are_listed_with_their_participants_and_the_cutoff_asked_for(settings, run):
    people = [{"study_id": "trial", "participant_id": f"P{n}"} for n in range(203)]
    published(settings, study__participant=people)
    assert "interim" not in run("releases")
    interim = settings.model_copy(update={"data_cutoff": date(2021, 10, 1)})
    release = published(interim, study__participant=people[:24])
    printed = run("releases")
    header, first, second, said = printed.splitlines()
    assert header.split()[:3] == ["release", "studies", "participants"]
    assert "203" in first
    assert second.split()[:6] == [
        release.release_id,
        "current,",
        "interim",
        "small-trial",
        "24",
        "2021-10-01",
    ]
    assert said == (
        "The current release is an interim one: its data cutoff is 2021-10-01, "
        "and nothing after that day counts."
    )
    listed = json.loads(run("releases", "-f", "json"))
    assert [(row["participants"], row["data_cutoff"]) for row in listed] == [(203, None), (24, "2021-10-01")]
    run("rollback")
    assert "an interim one" not in run("releases")
    assert "It is an interim one, with the data cutoff 2021-10-01." in run("rollback", release.release_id)


def declared_tables():
    """Columns by `schema.name` of the tables of the marts, as the dbt project declares them."""
    declared = {}
    for path in (ROOT / "transforms" / "models" / "marts").rglob("*.yml"):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        for model in content.get("models", []):
            declared[f"{path.parent.name}.{model['name']}"] = {c["name"] for c in model.get("columns", [])}
        for source in content.get("sources", []):
            for table in source["tables"]:
                declared[f"{source['name']}.{table['name']}"] = {c["name"] for c in table["columns"]}
    return declared


def test_every_point_estimate_stands_in_its_table_with_what_says_how_sure_it_is():
    declared = declared_tables()
    for table, estimates in POINT_ESTIMATES.items():
        for estimate in estimates:
            named = {name for name in (estimate.column, *estimate.beside) if name}
            assert named <= declared[table], (table, named - declared[table])
    for table, chosen in MAIN_RESULTS.items():
        assert {*chosen, "study_id", "endpoint_id", "experimental", "control", "n", "events"} <= declared[
            table
        ]
    assert set(CURVES) <= set(declared)


def test_every_table_with_an_interval_holds_point_estimates_or_is_a_curve():
    with_interval = {name for name, columns in declared_tables().items() if "conf_low" in columns}
    assert with_interval <= {*POINT_ESTIMATES, *CURVES}
    assert not {*POINT_ESTIMATES}.intersection(CURVES)


def test_main_results_are_of_the_policy_that_is_declared_primary():
    policies = duckdb.read_csv(str(ROOT / "seeds" / "reference" / "censoring_policies.csv"))
    assert policies.filter("is_primary").project("policy_id").fetchall() == [("primary",)]
    assert {chosen["policy_id"] for chosen in MAIN_RESULTS.values()} == {"primary"}
