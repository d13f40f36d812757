"""What changes a warehouse, each alone: how it is prepared, done, and looked at after a crash.

Everything here runs in processes that a test starts for it, on folders of its own. What is imported lazily
would be imported again in each of some hundred trials, so it is imported here.
"""

import hashlib
import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration import ledger
from orchestration.deliveries.deliver import deliver
from orchestration.deliveries.landing_plan import landing_of, plan_landing
from orchestration.landing import apply_cross_record_rules, create_raw_tables, land_record, land_study
from orchestration.landing.kept import find_kept, keep, landing_code
from orchestration.privacy.export import Profile, export_release
from orchestration.release.code_version import code_version
from orchestration.release.manage import prune, roll_back
from orchestration.release.pointer import point
from orchestration.release.read import current_id, list_releases
from orchestration.settings import Settings
from schemas.records import RECORDS
from schemas.study import load_study
from tests.faults.small_warehouse import (
    N_PARTICIPANTS,
    PEOPLE,
    TABLES,
    add_people,
    check_warehouse,
    publish_build,
    settings_in,
    table_hashes,
    write_build,
    write_package,
)


@dataclass(frozen=True)
class Operation:
    """Something that changes a warehouse.

    Args:
        prepare: makes the folder `home` and what `work` needs, below the folder it is given.
        work: changes the warehouse; can be done again after a crash, without a hand.
        check: after a crash or an error: raises AssertionError when anything is lost or half.
        outcome: after `work` came through: what must be the same whether or not it was tried before.
    """

    prepare: Callable[[Path], None]
    work: Callable[[Path], None]
    check: Callable[[Path], None]
    outcome: Callable[[Path], Any]


def warm_up() -> None:
    """Do once what every trial would: import what DuckDB imports late, compute the hashes of the sources."""
    importlib.import_module("pandas")
    code_version()
    landing_code()


def _two_packages(folder: Path) -> None:
    write_package(folder / "first", deaths=100)
    write_package(folder / "corrected", deaths=120)
    deliver(folder / "first", settings_in(folder))


def kept_packages(settings: Settings) -> dict[str, str]:
    """The number of deaths in every kept delivery, by its sha256; all its files are compared."""
    kept = {}
    for package in sorted(settings.deliveries.glob("*/[!.]*")):
        if package.is_dir():
            deaths = len((package / "deaths.csv").read_text("utf-8").splitlines()) - 1
            original = settings.home.parent / {100: "first", 120: "corrected"}[deaths]
            for file in original.iterdir():
                assert (package / file.name).read_bytes() == file.read_bytes(), package / file.name
            kept[package.name] = str(deaths)
    return kept


def _check_deliveries(folder: Path) -> None:
    settings = settings_in(folder)
    entries = ledger.read(settings.ledger)
    kept = kept_packages(settings)
    assert "100" in kept.values(), "the first delivery is gone"
    entered = {e["package_sha256"] for e in entries if e["kind"] == "delivery"}
    assert set(kept) <= entered, "a delivery is kept that the ledger does not know"


def _kept_and_entered(folder: Path) -> Any:
    settings = settings_in(folder)
    left = sorted(str(p) for p in settings.deliveries.rglob(".*"))
    entered = {e["package_sha256"] for e in ledger.read(settings.ledger) if e["kind"] == "delivery"}
    return kept_packages(settings), sorted(entered), left


def _entries(folder: Path) -> None:
    for n in range(3):
        ledger.append(
            settings_in(folder).ledger, "delivery", study_id="small-trial", package_sha256=f"{n:064}"
        )


def _append(folder: Path) -> None:
    files = {f"file-{n}.csv": f"{n:064}" for n in range(120)}
    ledger.append(
        settings_in(folder).ledger, "delivery", study_id="small-trial", package_sha256="3" * 64, files=files
    )


def _check_entries(folder: Path) -> None:
    entries = ledger.read(settings_in(folder).ledger)
    assert [e["sequence"] for e in entries] == list(range(1, len(entries) + 1))
    assert len(entries) >= 3, "an entry is lost"


def _last_entry(folder: Path) -> Any:
    last = ledger.read(settings_in(folder).ledger)[-1]
    return last["kind"], last["package_sha256"], len(last["files"])


def _one_release(folder: Path) -> None:
    write_build(folder / "built-100.duckdb", 100)
    write_build(folder / "built-120.duckdb", 120)
    publish_build(folder, 100)


def _nothing_released(folder: Path) -> None:
    write_build(folder / "built-120.duckdb", 120)
    (folder / "home").mkdir()


def _three_releases(folder: Path) -> None:
    _two_releases(folder)
    publish_build(folder, 120)


def _roll_back(folder: Path) -> None:
    first = list_releases(settings_in(folder))[0]
    roll_back(settings_in(folder), first.release_id)


def _landed(folder: Path) -> None:
    settings = settings_in(folder)
    delivery = deliver(write_package(folder / "first", deaths=100), settings)
    study = load_study(delivery.folder)
    with duckdb.connect(folder / "landed.duckdb", config={"threads": 1}) as con:
        create_raw_tables(con)
        land_study(con, study)
        for record in RECORDS:
            land_record(con, study, record)
        apply_cross_record_rules(con, [study])


def _keep_landed(folder: Path) -> None:
    """What a build does with it: throw away what is damaged or left over, keep what is missing."""
    settings = settings_in(folder)
    delivery = deliver(folder / "first", settings)
    if delivery.study_id not in plan_landing(settings, [delivery]).kept:
        with duckdb.connect(folder / "landed.duckdb", read_only=True, config={"threads": 1}) as con:
            keep(con, delivery.study_id, landing_of(settings, delivery))


def _check_landings(folder: Path) -> None:
    for kept in settings_in(folder).landed.glob("*/[!.]*"):
        found = find_kept(kept)
        assert found, kept
        assert found.rows["raw.participants"] == N_PARTICIPANTS


def _kept_landings(folder: Path) -> Any:
    landed = settings_in(folder).landed
    hashes = {p.name: dict(found.sha256) for p in landed.glob("*/[!.]*") if (found := find_kept(p))}
    return hashes, [p.name for p in landed.glob("*/.*")]


def _point_to_first(folder: Path) -> None:
    settings = settings_in(folder)
    point(settings.current, list_releases(settings)[0].folder)


def _two_releases(folder: Path) -> None:
    _one_release(folder)
    publish_build(folder, 120)


def _releases(folder: Path) -> Any:
    settings = settings_in(folder)
    listed = [release.release_id for release in list_releases(settings)]
    there = sorted(path.name for path in settings.releases.iterdir())
    return listed, there == sorted(listed), current_id(settings) in listed


def _exportable(folder: Path) -> None:
    write_build(folder / "built-120.duckdb", 120)
    add_people(folder / "built-120.duckdb")
    publish_build(folder, 120, TABLES | PEOPLE)


def _export(folder: Path) -> None:
    settings = settings_in(folder)
    if not (settings.home / "export").exists():
        export_release(settings, Profile.SAFE_HARBOR, settings.home / "export")


def _exported(folder: Path) -> Any:
    export = settings_in(folder).home / "export"
    manifest = json.loads((export / "manifest.json").read_text("utf-8"))
    for table in manifest["tables"].values():
        with (export / table["parquet"]).open("rb") as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == table["sha256"], table["parquet"]
    left = [path.name for path in export.parent.iterdir() if path.name.startswith(".")]
    return {name: table["rows"] for name, table in manifest["tables"].items()}, left


def _check_export(folder: Path) -> None:
    if (settings_in(folder).home / "export").exists():
        _exported(folder)


OPERATIONS = {
    "keeping a delivery": Operation(
        _two_packages,
        lambda folder: deliver(folder / "corrected", settings_in(folder)) and None,
        _check_deliveries,
        _kept_and_entered,
    ),
    "an entry of the ledger": Operation(_entries, _append, _check_entries, _last_entry),
    "the first publication": Operation(
        _nothing_released,
        lambda folder: publish_build(folder, 120),
        lambda folder: check_warehouse(folder, allowed={"", "120"}),
        table_hashes,
    ),
    "publication": Operation(
        _one_release,
        lambda folder: publish_build(folder, 120),
        lambda folder: check_warehouse(folder, allowed={"100", "120"}),
        table_hashes,
    ),
    "moving the pointer": Operation(
        _two_releases,
        _point_to_first,
        lambda folder: check_warehouse(folder, allowed={"100", "120"}),
        lambda folder: current_id(settings_in(folder)) == list_releases(settings_in(folder))[0].release_id,
    ),
    "rollback": Operation(
        _two_releases,
        _roll_back,
        lambda folder: check_warehouse(folder, allowed={"100", "120"}),
        lambda folder: current_id(settings_in(folder)) == list_releases(settings_in(folder))[0].release_id,
    ),
    "prune": Operation(
        _three_releases,
        lambda folder: prune(settings_in(folder), keep=1) and None,
        lambda folder: check_warehouse(folder, allowed={"120"}),
        lambda folder: [len(part) if isinstance(part, list) else part for part in _releases(folder)],
    ),
    "export": Operation(_exportable, _export, _check_export, _exported),
    "keeping a landing": Operation(_landed, _keep_landed, _check_landings, _kept_landings),
}


def say(outcome: Any) -> str:
    """Write an outcome so that two can be compared across processes."""
    return json.dumps(outcome, sort_keys=True)
