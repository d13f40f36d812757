"""A warehouse that is killed or loses power at any instant is the old one or the new one, and goes on."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.crash_points import Crash, Trials
from tests.faults.operations import OPERATIONS
from tests.faults.power_cut import Unforced
from tests.faults.system_calls import Call, Do, at, trace, why_not_here

pytestmark = pytest.mark.skipif(bool(why_not_here()), reason=why_not_here())

CRASHES: dict[Crash, str] = {
    "killed": "killed at every change",
    "torn": "killed in the middle of every write",
    "power cut": "power cut before every fsync and rename",
}


@pytest.fixture(scope="module")
def trials() -> Iterator[Trials]:
    made = Trials()
    yield made
    made.end()


# Moving the pointer writes nothing that could be torn; the first publication makes more folders, that is all.
TRIED = [
    (operation, crash)
    for operation in OPERATIONS
    for crash in CRASHES
    if (operation, crash) != ("moving the pointer", "torn")
    and (operation != "the first publication" or crash == "power cut")
]


@pytest.mark.parametrize(("operation", "crash"), TRIED)
def test_at_every_instant_of_a_change_the_warehouse_is_whole_and_the_change_can_be_made_again(
    trials, fault, tmp_path, operation, crash
):
    tried = trials.crash_everywhere(operation, crash, tmp_path / "trials")
    row = fault("crash", f"{operation}: {CRASHES[crash]}")
    for trial in tried:
        with row.trial(trial.what):
            assert not trial.lost, trial.lost


def _careless(root: Path) -> None:
    """What the warehouse must not do: a rename of a file that was not forced to disk."""
    (root / "new").write_bytes(b"n" * 10_000)
    (root / "new").replace(root / "kept")


@pytest.fixture
def watched(tmp_path) -> Path:
    root = tmp_path / "watched"
    root.mkdir()
    (root / "kept").write_bytes(b"o" * 10_000)
    return root


def test_the_tracer_sees_every_change_with_its_path(watched, tmp_path):
    def work() -> None:
        _careless(watched)
        os.system(f"echo other > {watched}/other && rm {watched}/other")

    seen = trace(work, watched, output=tmp_path / "output")
    assert [str(call) for call in seen.calls] == [
        "openat new",
        "write new 10000 bytes",
        "rename new -> kept",
        "openat other",
        "write other 6 bytes",
        "unlinkat other",
    ]


def test_a_process_is_killed_before_the_call_and_a_torn_write_ends_at_a_page(watched, tmp_path):
    output = tmp_path / "output"
    assert trace(lambda: _careless(watched), watched, at(1, Do.KILL), output=output).status == -9
    assert (watched / "new").stat().st_size == 0
    assert trace(lambda: _careless(watched), watched, at(1, Do.TEAR), output=output).status == -9
    assert (watched / "new").stat().st_size == 4096


def test_a_call_fails_with_the_error_that_is_asked_for(watched, tmp_path):
    output = tmp_path / "output"
    failed = trace(lambda: _careless(watched), watched, at(1, errno.ENOSPC), output=output)
    assert failed.status == 1
    assert "No space left on device" in output.read_text()
    assert (watched / "kept").read_bytes() == b"o" * 10_000


def test_a_power_cut_takes_what_was_not_forced_to_disk(watched, tmp_path):
    """So a rename that came before its file's fsync leaves the file as it was, or worse, empty."""
    unforced = Unforced(watched, tmp_path / "scratch")

    def decide(_number: int, call: Call) -> Do:
        unforced.note(call)
        return Do.GO_ON

    trace(lambda: _careless(watched), watched, decide, output=tmp_path / "output")
    unforced.lose()
    assert (watched / "kept").read_bytes() == b"o" * 10_000
    assert not (watched / "new").exists() or (watched / "new").stat().st_size == 0
