"""What a command has to say reaches whoever runs it."""

import subprocess
import sys

LEAVES_THEM = """
import os, sys
from orchestration.cli.terminal import streams_given_back

try:
    with streams_given_back():
        for number in (1, 2):
            os.dup2(os.open("/dev/full", os.O_WRONLY), number)
        raise OSError("No space left on device")
except OSError as error:
    print(error, file=sys.stderr)
sys.exit(2)
"""


def test_streams_that_a_step_left_on_a_full_disk_are_given_back():
    done = subprocess.run([sys.executable, "-c", LEAVES_THEM], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "No space left on device\n")
