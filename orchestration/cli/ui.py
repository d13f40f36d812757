"""`cohortmart ui`: Dagster's web interface and daemon."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from orchestration.dagster_instance import prepare_home
from orchestration.settings import Settings


def run_ui(settings: Settings, port: int) -> int:
    """Run `dagster dev` on this code location until it is interrupted.

    Returns:
        Exit status of Dagster, or 2 when the web interface is not installed.
    """
    console = Console()
    if importlib.util.find_spec("dagster_webserver") is None:
        console.print("The web interface is not installed: pip install 'cohortmart\\[ui]'.", style="red")
        return 2
    prepare_home(settings)
    console.print(f"Dagster opens on http://localhost:{port} (Ctrl-C ends it).")
    environment = {
        **os.environ,
        "COHORTMART_HOME": str(settings.home),
        "DAGSTER_HOME": str(settings.dagster_home),
    }
    command = [str(Path(sys.executable).with_name("dagster")), "dev"]
    arguments = ["-m", "orchestration.definitions", "-p", str(port), "-h", "127.0.0.1"]
    try:
        return subprocess.run([*command, *arguments], env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 0
