"""One process at a time changes a warehouse; the others are told who does, or wait."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from orchestration import warehouse_lock
from orchestration.settings import Settings
from orchestration.warehouse_lock import WarehouseBusyError, hold

HOLDER = """
import sys, time
from pathlib import Path
from orchestration.settings import Settings
from orchestration.warehouse_lock import hold
with hold(Settings(home=Path(sys.argv[1])), "build, run 1f0c"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home")


@pytest.fixture
def other(settings):
    """Starts another process that holds the warehouse for some seconds."""
    started = []

    def start(seconds):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(settings.home), str(seconds)],
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_who_comes_second_is_told_what_is_done_by_whom_and_since_when(settings, other):
    process = other(60)
    with pytest.raises(WarehouseBusyError) as refused, hold(settings, "prune"):
        pass
    said = str(refused.value)
    assert "build, run 1f0c" in said
    assert f"process {process.pid} on {socket.gethostname()}, since 20" in said
    assert "--wait" in said


def test_who_waits_is_told_for_whom_and_goes_on_when_the_warehouse_is_free(settings, other):
    other(0.5)
    said = []
    with hold(settings, "prune", 30, said.append):
        pass
    assert len(said) == 1
    assert "build, run 1f0c" in said[0]


def test_waiting_ends(settings, other):
    other(60)
    started = time.monotonic()
    with pytest.raises(WarehouseBusyError), hold(settings, "prune", 0.3):
        pass
    assert 0.3 <= time.monotonic() - started < 10


def test_the_lock_of_a_killed_process_is_free(settings, other):
    process = other(60)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with hold(settings, "prune"):
        pass


def test_the_same_thing_in_one_process_holds_it_twice_and_another_does_not(settings):
    with hold(settings, "build"):
        with hold(settings, "build"):
            pass
        with pytest.raises(WarehouseBusyError), hold(settings, "prune"):
            pass
    with hold(settings, "prune"):
        pass


def test_the_lock_is_given_back_whatever_happens(settings):
    with pytest.raises(ZeroDivisionError), hold(settings, "build"):
        raise ZeroDivisionError
    assert not warehouse_lock._held


def test_two_threads_that_want_it_take_turns(settings):
    turns = []

    def work(name):
        with hold(settings, name, 30):
            turns.append(name)
            time.sleep(0.05)
            turns.append(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert turns[0::2] == turns[1::2]
