"""A disk that is full, read-only or failing: a sentence, the release as it was, and then it comes through."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration import ledger
from orchestration.cli.machine_failures import explain
from orchestration.deliveries.deliver import deliver
from orchestration.release.read import find_release, list_releases
from orchestration.release.verify import verify_release
from tests.faults.crash_points import Trials
from tests.faults.operations import OPERATIONS
from tests.faults.small_warehouse import (
    check_warehouse,
    publish_build,
    settings_in,
    table_hashes,
    write_build,
    write_package,
)
from tests.faults.system_calls import why_not_here

CHANGES = ("keeping a delivery", "keeping a landing", "an entry of the ledger", "publication")

traced = pytest.mark.skipif(bool(why_not_here()), reason=why_not_here())


@pytest.fixture(scope="module")
def trials() -> Iterator[Trials]:
    made = Trials()
    yield made
    made.end()


@traced
@pytest.mark.parametrize("operation", CHANGES)
def test_a_disk_that_fails_at_any_call_loses_nothing_and_the_change_can_be_made_again(
    trials, fault, tmp_path, operation
):
    row = fault("disk", f"{operation}: EIO at every call")
    for trial in trials.fail_everywhere(operation, errno.EIO, tmp_path / "trials", for_good=False):
        with row.trial(trial.what):
            assert not trial.lost, trial.lost


@traced
@pytest.mark.parametrize("operation", CHANGES)
def test_a_disk_that_is_full_from_any_call_on_loses_nothing_and_the_change_can_be_made_again(
    trials, fault, tmp_path, operation
):
    row = fault("disk", f"{operation}: full from every call on")
    for trial in trials.fail_everywhere(operation, errno.ENOSPC, tmp_path / "trials", for_good=True):
        with row.trial(trial.what):
            assert not trial.lost, trial.lost


@traced
@pytest.mark.parametrize("operation", ["keeping a delivery", "publication"])
def test_a_disk_that_cannot_be_read_loses_nothing_and_the_change_can_be_made_again(
    trials, fault, tmp_path, operation
):
    row = fault("disk", f"{operation}: EIO at every read")
    for trial in trials.fail_reads(operation, tmp_path / "trials"):
        with row.trial(trial.what):
            assert not trial.lost, trial.lost


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A file system of its own of four megabytes, with a folder of trials in it."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def _fill(place: Path, leave: int = 0) -> Path:
    """Fill a file system, but for some bytes."""
    filler = place / "filler"
    free = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(free - leave, 1))
    return filler


def _attempt(work) -> str | None:
    """What a command would say of it; None when the error is no sentence."""
    try:
        work()
    except Exception as error:
        return explain(error)
    return ""


@pytest.fixture
def released(small_disk, tmp_path) -> Path:
    """A warehouse with a release on a small disk; packages and builds lie elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    write_package(elsewhere / "first", deaths=100)
    for deaths in (100, 120):
        write_build(elsewhere / f"built-{deaths}.duckdb", deaths)
    (small_disk / "home").mkdir()
    (elsewhere / "home").symlink_to(small_disk / "home")
    publish_build(elsewhere, 100)
    return elsewhere


STEPS = {
    "keeping a delivery": lambda folder: deliver(folder / "first", settings_in(folder)),
    "an entry of the ledger": lambda folder: ledger.append(
        settings_in(folder).ledger, "build", run_id="x" * 9000
    ),
    "publication": lambda folder: publish_build(folder, 120),
}


@pytest.mark.parametrize("leave", [0, 4096, 300_000])
@pytest.mark.parametrize("step", STEPS)
def test_on_a_full_disk_nothing_changes_but_a_sentence_and_freeing_space_is_all_it_takes(
    released, small_disk, fault, step, leave
):
    settings = settings_in(released)
    entries, before = ledger.read(settings.ledger), table_hashes(released)
    filler = _fill(small_disk, leave)
    with fault("disk", f"{step}: {leave:,} bytes free").trial():
        said = _attempt(lambda: STEPS[step](released))
        assert said is not None, "the error is no sentence"
        assert said == "" or "The disk is full (No space left on device)" in said
        assert said or leave, "nothing failed on a full disk"
        if said:
            assert ledger.read(settings.ledger)[: len(entries)] == entries
            assert table_hashes(released) == before
            check_warehouse(released, allowed={"100"})
        filler.unlink()
        STEPS[step](released)
        check_warehouse(released)


def test_a_release_is_read_and_verified_from_a_full_and_from_a_read_only_disk(released, small_disk, fault):
    settings = settings_in(released)
    filler = _fill(small_disk)
    with fault("disk", "reading from a full disk").trial():
        check_warehouse(released, allowed={"100"})
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with fault("disk", "reading from a read-only disk").trial():
        check_warehouse(released, allowed={"100"})
        assert [
            check.damage for check in verify_release(find_release(settings).publication) if check.damage
        ] == []


@pytest.mark.parametrize("step", STEPS)
def test_on_a_read_only_disk_every_change_is_refused_in_a_sentence(released, small_disk, fault, step):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with fault("disk", f"{step}: read-only disk").trial():
        said = _attempt(lambda: STEPS[step](released))
        assert said
        assert "Read-only file system" in said
        assert "--home" in said
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    STEPS[step](released)
    check_warehouse(released)


COMMANDS = {
    "lock": ("lock", "current", "--reason", "final analysis"),
    "rollback": ("rollback",),
    "prune": ("prune", "--keep", "1"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_say_that_a_disk_is_full_or_read_only(released, small_disk, fault, cohortmart, command):
    publish_build(released, 120)
    settings = settings_in(released)
    row = fault("disk", f"command {command}")
    filler = _fill(small_disk)
    with row.trial("full"):
        done = cohortmart(*COMMANDS[command], home=settings.home)
        assert "Traceback" not in done.stderr
        assert (done.returncode == 2 and "No space left on device" in done.stderr) or command == "prune"
        check_warehouse(released, allowed={"120"})
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with row.trial("read-only"):
        done = cohortmart(*COMMANDS[command], home=settings.home)
        assert "Traceback" not in done.stderr
        assert done.returncode == 2
        assert "Read-only file system" in done.stderr


def test_what_killed_processes_left_of_every_kind_is_cleared_by_the_next_build(tmp_path, fault):
    """Each is what a kill leaves where it is made, and none may be taken for what it was to become."""
    OPERATIONS["keeping a landing"].prepare(tmp_path)
    OPERATIONS["keeping a landing"].work(tmp_path)
    write_build(tmp_path / "built-120.duckdb", 120)
    publish_build(tmp_path, 120)
    settings = settings_in(tmp_path)
    release = settings.current.resolve()
    (study,) = (path.name for path in settings.deliveries.iterdir() if path.is_dir() and path.name[0] != ".")
    leftovers = {
        "a release being made": settings.releases / ".20260101T000000Z-dead.partial",
        "a release renamed, not entered": settings.releases / "20260101T000000Z-dead",
        "a release being removed": settings.releases / ".20260101T000000Z-dead.removed",
        "a delivery being copied": settings.deliveries / study / f".{'0' * 64}.4242.partial",
        "a landing being kept": settings.landed / study / f".{'0' * 64}-abc.4242.partial",
    }
    for path in leftovers.values():
        shutil.copytree(release, path)
    pointer = settings.current.with_name(".current.4242")
    pointer.symlink_to("releases/nowhere")
    head = settings.ledger.with_name(".head.json.partial")
    head.write_bytes(b'{"sequ')
    leftovers |= {"a pointer being moved": pointer, "a head of the ledger being written": head}
    row = fault("disk", "left-over temporary files")
    assert [r.release_id for r in list_releases(settings)] == [release.name]
    OPERATIONS["keeping a landing"].work(tmp_path)
    publish_build(tmp_path, 120)
    for what, path in leftovers.items():
        with row.trial(what):
            assert not os.path.lexists(path), path
    assert len(list_releases(settings)) == 2
    check_warehouse(tmp_path, allowed={"120"})


WORDS = {
    "DuckDB on a full disk": (
        duckdb.IOException('IO Error: Could not write file "x": No space left on device'),
        "The disk is full",
    ),
    "a system call": (OSError(errno.EROFS, os.strerror(errno.EROFS), "/data/build.lock"), "/data/build.lock"),
    "an import": (ImportError("x.so: failed to map segment from shared object"), "not enough memory"),
    "DuckDB without memory": (
        duckdb.OutOfMemoryException("Out of Memory Error: failed"),
        "not enough memory",
    ),
    "Python without memory": (MemoryError(), "not enough memory"),
}


@pytest.mark.parametrize("who", WORDS)
def test_what_the_machine_denies_is_said_in_a_sentence_whoever_met_it(who):
    error, words = WORDS[who]
    outer = RuntimeError("a step failed")
    outer.__cause__ = error
    said = explain(outer)
    assert said
    assert words in said


def test_an_error_of_another_kind_is_no_denial_of_the_machine():
    assert explain(ValueError("a value is wrong")) is None
