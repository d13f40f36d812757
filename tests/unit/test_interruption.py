"""An interrupt ends a build at any moment, whatever Dagster does with signals just then."""

import signal
import subprocess
import sys

import pytest

AT_WORK = """
import sys, time
from dagster._utils.interrupts import capture_interrupts
from orchestration.cli.interruption import Interruption, in_thread
from orchestration.release.pointer import MOVED

def work():
    # As between two steps of a run, where Dagster forgets what it has captured.
    with capture_interrupts():
        if "published" in sys.argv:
            MOVED.set()
        print("at work", flush=True)
        time.sleep(2 if "published" in sys.argv else 60)
    return 0

interruption = Interruption()
interruption.watch()
interruption.before_ending(lambda: 1 / 0)
interruption.before_ending(lambda: print("tidied", flush=True))
sys.exit(in_thread(work))
"""


def _interrupted(number: signal.Signals, *arguments: str) -> tuple[int, str, str]:
    process = subprocess.Popen(
        [sys.executable, "-c", AT_WORK, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "at work\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_that_dagster_would_capture_ends_the_build_in_one_sentence(number):
    status, out, err = _interrupted(number)
    assert (status, out) == (130, "tidied\n")
    assert err.split("\n") == ["", "The build was interrupted; the current release is as it was.", ""]


def test_what_is_published_already_is_said_and_the_build_ends_as_it_would_have():
    status, out, err = _interrupted(signal.SIGINT, "published")
    assert (status, out) == (0, "")
    assert "The release was already published when the build was interrupted." in err


def test_an_error_of_the_work_is_raised_where_it_is_waited_for():
    from orchestration.cli.interruption import in_thread  # noqa: PLC0415

    with pytest.raises(ZeroDivisionError):
        in_thread(lambda: 1 // 0)


AT_AN_IMPORT = """
import os, signal, sys

moment = sys.argv.pop(1)

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == moment:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
from orchestration.cli import main
main()
"""


@pytest.mark.parametrize("module", ["typer", "orchestration.cli.arguments", "orchestration.cli.interruption"])
def test_an_interrupt_while_the_command_still_imports_is_one_sentence(module, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", AT_AN_IMPORT, module, "build", "--home", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "\nThe build was interrupted before it began; nothing was changed.\n"
