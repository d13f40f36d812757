"""Any number of readers while releases are published: never blocked, never half of one, never an error."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestration.release.read import list_releases
from orchestration.settings import Settings
from tests.small_release import publish_deaths

N_RELEASES = 20
N_KEPT = 5
# A read takes some hundredths of a second; on a busy machine, far less than this.
_SECONDS_AT_MOST = 10
_SECONDS_FOR_ALL = 240

READERS = {
    "first DuckDB reader": "duckdb",
    "second DuckDB reader": "duckdb",
    "Parquet reader": "parquet",
    "cohortmart sql": "sql",
    "one connection all the time": "held",
}


def _python(*arguments: str | Path) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COHORTMART_")}
    return subprocess.Popen(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=Path(__file__).parents[2],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _reads(log: Path) -> list[dict[str, object]]:
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [json.loads(line) for line in lines]


def _wait_for_reads(logs: list[Path], more: int) -> None:
    """Wait until every reader has read some more."""
    wanted = [len(_reads(log)) + more for log in logs]
    deadline = time.monotonic() + _SECONDS_FOR_ALL
    while any(len(_reads(log)) < number for log, number in zip(logs, wanted, strict=True)):
        assert time.monotonic() < deadline, f"readers are blocked: {[len(_reads(log)) for log in logs]}"
        time.sleep(0.02)


@pytest.fixture
def processes():
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


def test_readers_while_twenty_releases_are_published_and_old_ones_removed(fault, tmp_path, processes):
    home = tmp_path / "home"
    settings = Settings(home=home, threads=1)
    publish_deaths(settings, N_RELEASES + 1)
    logs = {name: tmp_path / f"{number}.jsonl" for number, name in enumerate(READERS)}
    for name, kind in READERS.items():
        processes.append(_python("tests.faults.readers", kind, home, logs[name]))
    _wait_for_reads(list(logs.values()), 1)

    publisher = _python("tests.small_release", home, str(N_RELEASES), str(N_KEPT))
    processes.append(publisher)
    published = [json.loads(publisher.stdout.readline())["release_id"] for _ in range(N_RELEASES // 2)]
    # Wherever it is in the middle of a release, with the lock of the warehouse: readers do not wait for it.
    publisher.send_signal(signal.SIGSTOP)
    _wait_for_reads(list(logs.values()), 3)
    publisher.send_signal(signal.SIGCONT)
    out, err = publisher.communicate(timeout=_SECONDS_FOR_ALL)
    published += [json.loads(line)["release_id"] for line in out.splitlines()]
    assert (publisher.returncode, len(published)) == (0, N_RELEASES), err
    _wait_for_reads(list(logs.values()), 2)
    for log in logs.values():
        log.with_suffix(".stop").touch()
    for reader in processes[:-1]:
        reader.wait(_SECONDS_FOR_ALL)

    assert [release.release_id for release in list_releases(settings)] == published[-N_KEPT:]
    for name, log in logs.items():
        tried = fault("reader", f"{name}, while {N_RELEASES} releases are published")
        reads = _reads(log)
        for read in reads:
            with tried.trial(str(read["release"])):
                assert not read["problem"], read["problem"]
                assert read["seconds"] < _SECONDS_AT_MOST
        seen = len({read["release"] for read in reads})
        longest = max(read["seconds"] for read in reads)
        print(f"{name}: {len(reads)} reads of {seen} releases, the longest {1000 * longest:.0f} ms")
        assert seen == 1 if READERS[name] == "held" else seen > 1
