"""One warehouse, through everything that can befall a real build; then one build that must come through.

The tests run in this order, on one home, and nobody tidies up between them: each leaves what it leaves. The
last build must give the tables of a warehouse to which nothing of this ever happened.
"""

import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orchestration import ledger
from orchestration.dagster_instance import prepare_home
from orchestration.definitions import JOB
from orchestration.release.content_hash import rows_hash
from orchestration.release.read import connect, find_release, list_releases
from orchestration.release.verify import verify_release
from orchestration.settings import Settings
from seeds.studies import SHIPPED
from tests.faults.system_calls import Call, Do, trace, why_not_here

# On one worker, one after another.
pytestmark = pytest.mark.xdist_group("whole builds")

STUDY = "moertel-colon"
# What a run may change before there is a release.
BEFORE_PUBLICATION = {"build", "dbt", "dagster", "landed", "deliveries", "ledger", "build.lock", "."}
LIMIT_BYTES = 1_000_000_000
_WAIT_SECONDS = 300


@dataclass
class Site:
    """A home on a file system of its own where that can be mounted, and a study to build into it."""

    place: Path
    package: Path
    is_disk: bool
    groups: list[int] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.place / "home"

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home)

    @property
    def command(self) -> list[str]:
        program = Path(sys.executable).with_name("cohortmart")
        return [str(program), "build", "--study", str(self.package), "--home", str(self.home)]

    def start(self, command: list[str] | None = None, **variables: str) -> subprocess.Popen[str]:
        """Start a build in a group of its own, as a terminal does."""
        process = subprocess.Popen(
            command or self.command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, **variables},
        )
        self.groups.append(process.pid)
        return process

    def wait_for(self, process: subprocess.Popen[str], pattern: str) -> None:
        """Wait until something lies in the home."""
        until = time.monotonic() + _WAIT_SECONDS
        while not list(self.home.glob(pattern)) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("whole-builds")
    package = SHIPPED[STUDY](root / "package")
    place = root / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600m", "tmpfs", place], capture_output=True, check=False
    )
    made = Site(place, package, is_disk=mounted.returncode == 0)
    yield made
    for group in made.groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    if made.is_disk:
        subprocess.run(["umount", "--lazy", place], check=False)


def _assert_nothing_published(site: Site) -> None:
    assert not os.path.lexists(site.settings.current)
    assert ledger.read(site.settings.ledger) is not None
    assert list_releases(site.settings) == []


MOMENTS = {
    "killed while it lands": ("build/run_id", signal.SIGKILL, True),
    "killed alone while dbt runs": ("build/landing_plan.json", signal.SIGKILL, False),
    "terminated while it lands": ("build/run_id", signal.SIGTERM, False),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_build_that_is_killed_leaves_no_release(site, fault, moment):
    pattern, number, is_whole_group = MOMENTS[moment]
    shutil.rmtree(site.home / "build", ignore_errors=True)
    process = site.start()
    site.wait_for(process, pattern)
    # An orphaned dbt goes on for some seconds, into the next build.
    time.sleep(random.Random(moment).uniform(0, 2) + (4 if "dbt" in moment else 0))
    (os.killpg if is_whole_group else os.kill)(process.pid, number)
    _, err = process.communicate(timeout=60) if is_whole_group else ("", "")
    with fault("crash", f"a real build {moment}").trial():
        assert process.wait(60) in (-number, 130)
        assert "Traceback" not in err
        _assert_nothing_published(site)


def test_a_dagster_run_that_is_killed_leaves_no_release(site, fault):
    shutil.rmtree(site.home / "build", ignore_errors=True)
    prepare_home(site.settings)
    process = site.start(
        [
            str(Path(sys.executable).with_name("dagster")),
            *("job", "execute", "-m", "orchestration.definitions", "-j", JOB),
        ],
        COHORTMART_HOME=str(site.home),
        COHORTMART_STUDIES=str(site.package),
        DAGSTER_HOME=str(site.settings.dagster_home),
    )
    site.wait_for(process, "build/run_id")
    time.sleep(random.Random(7).uniform(0, 2))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    with fault("crash", "a Dagster run killed while it lands").trial():
        assert process.returncode == -signal.SIGKILL
        _assert_nothing_published(site)


def test_a_build_without_enough_memory_says_so(site, fault):
    process = subprocess.run(
        site.command,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES)),
    )
    with fault("crash", "a real build under a memory limit").trial():
        # Where Polars is denied memory first, it names that and ends the process: nothing is said after it.
        assert process.returncode in (2, -signal.SIGABRT)
        if process.returncode == 2:
            assert "There is not enough memory" in process.stderr
            assert "Traceback" not in process.stderr
        else:
            assert "memory allocation of" in process.stderr
        _assert_nothing_published(site)


def _refused(site: Site, process: subprocess.Popen[str], words: str) -> None:
    out, err = process.communicate(timeout=_WAIT_SECONDS)
    assert process.returncode == 2, out + err
    assert words in err
    assert "Traceback" not in err
    _assert_nothing_published(site)


def _fill(site: Site) -> Path:
    filler = site.place / "filler"
    free = os.statvfs(site.place).f_bavail * os.statvfs(site.place).f_frsize
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free)
    return filler


def test_a_build_on_a_full_or_read_only_disk_says_so(site, fault):
    if not site.is_disk:
        pytest.skip("no file system can be mounted here")
    filler = _fill(site)
    with fault("disk", "a real build on a full disk").trial():
        _refused(site, site.start(), "The disk is full (No space left on device)")
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,ro", site.place], check=True)
    with fault("disk", "a real build on a read-only disk").trial():
        _refused(site, site.start(), "Nothing can be written (")
    subprocess.run(["mount", "-o", "remount,rw", site.place], check=True)


def test_a_disk_that_fills_while_dbt_runs_is_named(site, fault):
    if not site.is_disk:
        pytest.skip("no file system can be mounted here")
    shutil.rmtree(site.home / "build", ignore_errors=True)
    process = site.start()
    site.wait_for(process, "build/landing_plan.json")
    time.sleep(2)
    stop = threading.Event()

    def keep_full() -> None:
        number = 0
        while not stop.is_set():
            with contextlib.suppress(OSError), (site.place / f"filler-{number}").open("wb") as file:
                free = os.statvfs(site.place).f_bavail * os.statvfs(site.place).f_frsize
                os.posix_fallocate(file.fileno(), 0, max(free, 1))
            number += 1
            stop.wait(0.1)

    filling = threading.Thread(target=keep_full)
    filling.start()
    try:
        with fault("disk", "a disk that fills while dbt runs").trial():
            _refused(site, process, "The disk is full")
    finally:
        stop.set()
        filling.join()
        for filler in site.place.glob("filler*"):
            filler.unlink()


@pytest.mark.skipif(bool(why_not_here()), reason=why_not_here())
def test_a_build_changes_nothing_else_before_it_publishes_and_may_be_killed_before_the_ledger_says_so(
    site, fault, tmp_path
):
    """Killed when the folder of the release has its name and no publication in the ledger has named it."""
    seen: list[Call] = []
    renamed: list[Call] = []

    def decide(_number: int, call: Call) -> Do:
        seen.append(call)
        if call.name.startswith("rename") and call.target.startswith("warehouse/releases/"):
            renamed.append(call)
        is_entered = renamed and call.path == "ledger/ledger.jsonl" and call.is_write
        return Do.KILL if is_entered else Do.GO_ON

    site.home.mkdir(exist_ok=True)
    killed = trace(
        lambda: os.execv(site.command[0], site.command),
        site.home,
        decide,
        output=tmp_path / "output",
        seconds=_WAIT_SECONDS,
    )
    with fault("crash", "a real build killed between release and ledger").trial():
        assert killed.status == -signal.SIGKILL, (tmp_path / "output").read_text()[-2000:]
        assert len(renamed) == 1
        _assert_nothing_published(site)
    first = next(number for number, call in enumerate(seen) if call.path.startswith("warehouse"))
    changed = {part.split("/")[0] for call in seen[:first] for part in (call.path, call.target) if part}
    with fault("crash", "what a real build changes before it publishes").trial(f"{first} changes"):
        assert changed <= BEFORE_PUBLICATION
    print(f"{len(seen)} changes, {first} before the release")


def _content(home: Path) -> dict[str, tuple[int, str]]:
    """Rows and hash of every table of the current release, as far as it is about the study."""
    found = {}
    release = find_release(Settings(home=home))
    with connect(release) as con:
        for name, described in release.manifest["tables"].items():
            columns = {column["name"]: column["type"] for column in described["columns"]}
            only = f"where study_id = '{STUDY}'" if "study_id" in columns else ""
            found[name] = rows_hash(con, f"(from {name} {only})", columns)
    return found


def _damage_everything(site: Site) -> None:
    """A byte of the kept delivery and of the kept landing; half of the ledger."""
    for path in (
        *site.settings.deliveries.glob("*/[!.]*/deaths.csv"),
        *site.settings.landed.glob("*/[!.]*/raw.participants.parquet"),
    ):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 4
        path.chmod(0o644)
        path.write_bytes(content)
    entries = site.settings.ledger.read_bytes()
    site.settings.ledger.write_bytes(entries[: len(entries) // 2])


def test_after_all_of_it_one_build_comes_through_with_the_tables_of_an_untouched_warehouse(
    site, fault, warehouse
):
    _damage_everything(site)
    process = site.start()
    out, err = process.communicate(timeout=_WAIT_SECONDS)
    with fault("corruption", "a real build over a damaged delivery, landing and ledger").trial():
        assert process.returncode == 0, out + err
        release = find_release(site.settings)
        assert [check.damage for check in verify_release(release.publication) if check.damage] == []
        kinds = [entry["kind"] for entry in ledger.read(site.settings.ledger)]
        assert "recovery" in kinds
        assert _content(site.home) == _content(warehouse)
    with fault("crash", "the build after all crashes").trial():
        # What the lost half of the ledger may have published stays, and is no release.
        assert [each.release_id for each in list_releases(site.settings)] == [release.release_id]
        assert not list(site.settings.releases.glob(".*"))
