"""A byte that changed on the disk is found before a number of it is read, and the next build mends it.

The damage is done to a small warehouse that is made by the same code as a large one; flips are of one bit, at
places drawn with a fixed seed.
"""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration import ledger
from orchestration.deliveries.deliver import deliver, kept_delivery
from orchestration.deliveries.landing_plan import plan_landing
from orchestration.landing.kept import DamagedLandingError, find_kept, kept_folder, load
from orchestration.landing.tables import create_raw_tables
from orchestration.release.manage import roll_back
from orchestration.release.read import (
    DATABASE,
    MANIFEST,
    DamagedReleaseError,
    NoReleaseError,
    connect,
    find_release,
    list_releases,
    reading,
)
from orchestration.release.verify import verify_release
from schemas.errors import StudyPackageError
from tests.faults.operations import OPERATIONS
from tests.faults.small_warehouse import (
    publish_build,
    settings_in,
    table_hashes,
    write_build,
)

N_FLIPS = 25


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A warehouse with two releases, a delivery and what it landed as."""
    folder = tmp_path_factory.mktemp("whole")
    landed = OPERATIONS["keeping a landing"]
    landed.prepare(folder)
    landed.work(folder)
    for deaths in (100, 120):
        write_build(folder / f"built-{deaths}.duckdb", deaths)
        publish_build(folder, deaths)
    return folder


@pytest.fixture
def folder(whole, tmp_path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "warehouse", symlinks=True))


def _flip(path: Path, chance: random.Random) -> str:
    """Flip one bit of a file, and say which."""
    content = bytearray(path.read_bytes())
    place, bit = chance.randrange(len(content)), chance.randrange(8)
    content[place] ^= 1 << bit
    _overwrite(path, bytes(content))
    return f"{path.name}, byte {place}, bit {bit}"


def _overwrite(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


def _try_flips(row, path_of: Callable[[random.Random], Path], assert_found: Callable[[], None]) -> None:
    """Flip, expect it to be found, and put the file back, many times."""
    chance = random.Random(20)
    for _ in range(N_FLIPS):
        path = path_of(chance)
        before = path.read_bytes()
        what = _flip(path, chance)
        with row.trial(what):
            assert_found()
        _overwrite(path, before)


def _raises(error: type[Exception], work: Callable[[], object]) -> None:
    """Assert that it raises this, and nothing else."""
    try:
        said = work()
    except error:
        return
    except Exception as other:
        raise AssertionError(f"{type(other).__name__}: {other}") from other
    raise AssertionError(f"not noticed: {said}")


def _mended(folder: Path) -> None:
    """Assert that the next publication comes through without a hand, with the tables it always has."""
    wanted = table_hashes_of_120(folder)
    publish_build(folder, 120)
    assert table_hashes(folder) == wanted
    ledger.read(settings_in(folder).ledger)
    current = find_release(settings_in(folder))
    assert not [check for check in verify_release(current.publication) if check.damage]


def table_hashes_of_120(folder: Path) -> dict[str, str]:
    """The hashes of the untouched warehouse, which a test wrote down before it did any damage."""
    return dict(json.loads((folder / "hashes.json").read_text("utf-8")))


@pytest.fixture(autouse=True)
def _hashes_before(folder) -> None:
    (folder / "hashes.json").write_text(json.dumps(table_hashes(folder)), encoding="utf-8")


def _delivered(folder: Path) -> tuple[str, str]:
    entry = next(e for e in ledger.read(settings_in(folder).ledger) if e["kind"] == "delivery")
    return entry["study_id"], entry["package_sha256"]


def test_a_flipped_bit_of_a_kept_delivery_is_found_and_delivering_again_mends_it(folder, fault):
    settings = settings_in(folder)
    study_id, sha256 = _delivered(folder)
    entries = ledger.read(settings.ledger)
    files = sorted(path for path in (settings.deliveries / study_id / sha256).rglob("*") if path.is_file())
    _try_flips(
        fault("corruption", "flipped bit of a kept delivery"),
        lambda chance: chance.choice(files),
        lambda: _raises(StudyPackageError, lambda: kept_delivery(settings, entries, study_id, sha256)),
    )
    _flip(files[0], random.Random(1))
    again = deliver(folder / "first", settings)
    assert again.sha256 == sha256
    assert again.notices
    assert kept_delivery(settings, ledger.read(settings.ledger), study_id, sha256).files == again.files


def test_a_flipped_bit_of_a_kept_landing_is_found_and_the_study_lands_again(folder, fault):
    settings = settings_in(folder)
    study_id, sha256 = _delivered(folder)
    kept = kept_folder(settings.landed, study_id, sha256)
    _try_flips(
        fault("corruption", "flipped bit of a kept landing"),
        lambda chance: chance.choice(sorted(kept.iterdir())),
        lambda: _raises(DamagedLandingError, lambda: find_kept(kept)),
    )
    _flip(kept / "raw.participants.parquet", random.Random(1))
    plan = plan_landing(settings, [deliver(folder / "first", settings)])
    assert plan.kept == {}
    assert len(plan.damaged) == 1


def test_a_kept_landing_that_changes_after_it_was_verified_is_not_read(folder, fault):
    kept = find_kept(kept_folder(settings_in(folder).landed, *_delivered(folder)))
    assert kept

    def rows() -> list[tuple[object, ...]]:
        with duckdb.connect() as con:
            create_raw_tables(con)
            load(con, kept, ["raw.participants"])
            return con.sql("from raw.participants order by all").fetchall()

    before = rows()

    def refused_or_the_same() -> None:
        try:
            assert rows() == before
        except DamagedLandingError:
            return

    _try_flips(
        fault("corruption", "flipped bit of a landing that is being read"),
        lambda _: kept.folder / "raw.participants.parquet",
        refused_or_the_same,
    )


def test_a_flipped_bit_of_the_released_database_is_found_before_a_query_is_answered(folder, fault):
    settings = settings_in(folder)

    def query() -> object:
        with connect(find_release(settings)) as con:
            return con.sql("from survival.curve").fetchall()

    def query_while_verifying() -> object:
        with reading(find_release(settings)) as con:
            return con.sql("from survival.curve").fetchall()

    def assert_found() -> None:
        _raises(DamagedReleaseError, query)

    _try_flips(
        fault("corruption", "flipped bit of the released database"),
        lambda _: settings.current.resolve() / DATABASE,
        assert_found,
    )
    _flip(settings.current.resolve() / DATABASE, random.Random(3))
    with pytest.raises((DamagedReleaseError, duckdb.Error)):
        query_while_verifying()
    _mended(folder)


def test_a_flipped_bit_of_a_parquet_file_is_found_by_verify_and_never_read_as_another_number(folder, fault):
    settings = settings_in(folder)
    release = find_release(settings)
    path = release.folder / "parquet" / "survival" / "curve.parquet"
    before = pq.read_table(path)

    def assert_found() -> None:
        damaged = [check.damage for check in verify_release(release.publication) if check.damage]
        assert any("curve.parquet" in damage for damage in damaged)
        try:
            assert pq.read_table(path, page_checksum_verification=True).equals(before)
        except (pa.ArrowException, OSError):
            return

    _try_flips(fault("corruption", "flipped bit of a Parquet file"), lambda _: path, assert_found)


def test_a_flipped_bit_of_the_manifest_is_found(folder, fault):
    settings = settings_in(folder)
    _try_flips(
        fault("corruption", "flipped bit of the manifest"),
        lambda _: settings.current.resolve() / MANIFEST,
        lambda: _raises(DamagedReleaseError, lambda: find_release(settings)),
    )


@pytest.mark.parametrize("name", ["report.html", "validation.json"])
def test_a_flipped_bit_of_what_people_read_is_found_by_verify(folder, fault, name):
    settings = settings_in(folder)
    release = find_release(settings)

    def assert_found() -> None:
        assert any(name in check.damage for check in verify_release(release.publication))

    _try_flips(fault("corruption", f"flipped bit of {name}"), lambda _: release.folder / name, assert_found)


@pytest.mark.parametrize("name", ["ledger.jsonl", "head.json"])
def test_a_flipped_bit_of_the_ledger_or_its_head_is_found(folder, fault, name):
    settings = settings_in(folder)

    def assert_found() -> None:
        _raises(ValueError, lambda: ledger.read(settings.ledger))
        _raises(DamagedReleaseError, lambda: find_release(settings))

    _try_flips(
        fault("corruption", f"flipped bit of {name}"), lambda _: settings.ledger.with_name(name), assert_found
    )
    _flip(settings.ledger.with_name(name), random.Random(4))
    _mended(folder)


def _cut(path: Path) -> None:
    _overwrite(path, path.read_bytes()[: path.stat().st_size // 2])


def _cut_to_nothing(path: Path) -> None:
    _overwrite(path, b"")


def _cut_last_bytes(path: Path) -> None:
    _overwrite(path, path.read_bytes()[:-3])


def _remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("damage", [_cut, _cut_to_nothing, _cut_last_bytes, _remove])
def test_a_file_of_a_release_that_is_cut_off_or_gone_is_found(folder, fault, damage):
    settings = settings_in(folder)
    row = fault("corruption", f"file of a release: {damage.__name__.strip('_').replace('_', ' ')}")
    release = find_release(settings)
    for name in [*release.files, MANIFEST]:
        path = release.folder / name
        before = path.read_bytes()
        damage(path)
        with row.trial(name):
            found = [check.damage for check in verify_release(release.publication) if check.damage]
            assert any(path.name in damage for damage in found), found
            if name == DATABASE:
                _raises(DamagedReleaseError, lambda: connect(find_release(settings)))
        path.unlink(missing_ok=True)
        path.write_bytes(before)


@pytest.mark.parametrize("damage", [_cut, _cut_to_nothing, _cut_last_bytes, _remove])
@pytest.mark.parametrize("name", ["ledger.jsonl", "head.json"])
def test_a_ledger_that_is_cut_off_or_gone_is_found_and_the_next_build_goes_on(folder, fault, damage, name):
    settings = settings_in(folder)
    damage(settings.ledger.with_name(name))
    with fault("corruption", f"{name}: {damage.__name__.strip('_').replace('_', ' ')}").trial():
        _raises(ValueError, lambda: ledger.read(settings.ledger))
        _raises(DamagedReleaseError, lambda: find_release(settings))
        _mended(folder)


def _no_folder(folder: Path) -> None:
    shutil.rmtree(settings_in(folder).current.resolve())


def _no_pointer(folder: Path) -> None:
    settings_in(folder).current.unlink()


def _dangling(folder: Path) -> None:
    _no_pointer(folder)
    settings_in(folder).current.symlink_to("releases/20200101T000000Z-gone")


def _elsewhere(folder: Path) -> None:
    outside = folder / "elsewhere" / settings_in(folder).current.resolve().name
    shutil.copytree(settings_in(folder).current, outside)
    with duckdb.connect(outside / DATABASE) as con:
        con.execute("update survival.curve set survival = 1")
    _no_pointer(folder)
    settings_in(folder).current.symlink_to(outside)


def _copied(folder: Path) -> None:
    release = settings_in(folder).current.resolve()
    _no_pointer(folder)
    shutil.copytree(release, settings_in(folder).current)


@pytest.mark.parametrize("damage", [_no_folder, _no_pointer, _dangling, _copied])
def test_a_pointer_to_nothing_is_found_and_a_rollback_or_a_build_mends_it(folder, fault, damage):
    settings = settings_in(folder)
    damage(folder)
    with fault("corruption", f"pointer: {damage.__name__.strip('_').replace('_', ' ')}").trial():
        _raises((DamagedReleaseError, NoReleaseError), lambda: find_release(settings))
        roll_back(settings, list_releases(settings)[0].release_id)
        check_warehouse_but_gone(folder)
    with fault(
        "corruption", f"pointer: {damage.__name__.strip('_').replace('_', ' ')}, then a build"
    ).trial():
        _mended(folder)


def check_warehouse_but_gone(folder: Path) -> None:
    """Assert that the current release is whole, whatever became of others."""
    current = find_release(settings_in(folder))
    assert not [check for check in verify_release(current.publication) if check.damage]


def test_a_pointer_to_a_forged_copy_elsewhere_reads_the_release_itself(folder, fault):
    """What the pointer names counts, not where it leads: a release lies among the releases."""
    _elsewhere(folder)
    with (
        fault("corruption", "pointer: to a copy elsewhere").trial(),
        connect(find_release(settings_in(folder))) as con,
    ):
        assert con.sql("select count(*) from survival.curve where survival < 1").fetchone() == (2999,)


PARTS = {"home": "", "ledger": "ledger", "warehouse": "warehouse", "deliveries": "deliveries"}


@pytest.mark.parametrize("part", PARTS)
def test_a_backup_of_yesterday_is_valid_or_noticed_and_the_next_build_goes_on(folder, fault, part):
    """The backup was taken before the last publication and the last delivery."""
    yesterday = folder / "yesterday"
    shutil.copytree(folder / "home", yesterday, symlinks=True)
    settings = settings_in(folder)
    (folder / "first" / "deaths.csv").write_text("participant_id,died_on,cause\nP001,2011-02-03,other\n")
    late = deliver(folder / "first", settings)
    publish_build(folder, 100)
    restored = settings.home / PARTS[part]
    shutil.rmtree(restored)
    shutil.copytree(yesterday / PARTS[part], restored, symlinks=True)
    with fault("corruption", f"{part} restored from a backup").trial():
        try:
            release = find_release(settings)
        except DamagedReleaseError:
            assert part == "ledger"
        else:
            with connect(release) as con:
                (told,) = con.sql("select rows_read from audit.landing").fetchall()
            assert told == ((100,) if part == "deliveries" else (120,))
        assert deliver(folder / "first", settings).sha256 == late.sha256
        _mended(folder)


def test_the_ledger_alone_without_its_head_restored_is_noticed(folder, fault):
    settings = settings_in(folder)
    yesterday = settings.ledger.read_bytes()
    publish_build(folder, 100)
    settings.ledger.write_bytes(yesterday)
    with fault("corruption", "ledger restored from a backup, its head not").trial():
        _raises(ValueError, lambda: ledger.read(settings.ledger))
        _mended(folder)


def test_the_command_gives_no_number_of_a_damaged_release(folder, fault, cohortmart):
    settings = settings_in(folder)
    row = fault("corruption", "command on a damaged release")
    files = [settings.current.resolve() / DATABASE, settings.current.resolve() / MANIFEST, settings.ledger]
    for path in files:
        before = path.read_bytes()
        _flip(path, random.Random(5))
        for arguments in (("sql", "select count(*) as n from survival.curve"), ("verify",)):
            with row.trial(f"{path.name}: {arguments[0]}"):
                done = cohortmart(*arguments, home=settings.home)
                assert done.returncode in (1, 2), done
                assert "3000" not in done.stdout
                assert path.name in done.stdout + done.stderr
                assert "Traceback" not in done.stderr
        _overwrite(path, before)
    assert cohortmart("verify", home=settings.home).returncode == 0
