"""`cohortmart build`: the whole job, shown and timed."""

import contextlib
import io
import time
import uuid
import warnings

import dagster as dg
import duckdb
from rich.console import Console
from rich.table import Table

from orchestration import ledger
from orchestration.assets.failures import UNREADABLE
from orchestration.assets.landing import WITHIN_TOLERANCE
from orchestration.build_outcome import SAID_ELSEWHERE, enter, is_entered, last_run
from orchestration.cli.interruption import Interruption, in_thread
from orchestration.cli.machine_failures import explain, explain_text
from orchestration.cli.progress import TerminalProgress
from orchestration.cli.summary import print_release
from orchestration.cli.terminal import streams_given_back, terminal
from orchestration.dagster_instance import open_instance
from orchestration.definitions import JOB, build_defs
from orchestration.landing import landed_files, render_files
from orchestration.privacy.pseudonyms import weakness
from orchestration.progress import PARTS
from orchestration.release.pointer import MOVED
from orchestration.settings import Settings

# Dagster's own log goes to its home, where the UI shows it; the terminal is for people.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run_build(
    settings: Settings, interruption: Interruption, started: float, *, wait_seconds: float = 0
) -> int:
    """Build a release and print what it says.

    Args:
        settings: the warehouse and its studies.
        interruption: what happens when the build is interrupted; watching already.
        started: `time.perf_counter()` when the command began, for the timing.
        wait_seconds: how long to wait for whoever is changing the warehouse.

    Returns:
        Exit status: 0 released; 1 refused, `current` is as it was; 2 a package cannot be read.
    """
    warnings.filterwarnings("ignore", category=dg.BetaWarning)
    console, errors = terminal(), Console(stderr=True)
    progress = TerminalProgress(errors)
    ledger.set_command(ledger.command() or _command(settings))
    if settings.pseudonym_key and (warning := weakness(settings.pseudonym_key)):
        errors.print(warning, style="yellow", markup=False, highlight=False, soft_wrap=True)
    defs = build_defs(settings, progress, wait_seconds)
    progress.start()
    run_id = str(uuid.uuid4())
    interruption.before_ending(progress.stop)
    interruption.before_ending(lambda: _enter_interrupted(settings, run_id))
    interruption.before_ending(lambda: _cancel(settings, run_id))

    def execute() -> dg.ExecuteInProcessResult:
        with open_instance(settings, progress.announce) as instance:
            return defs.resolve_job_def(JOB).execute_in_process(
                instance=instance, run_config=_QUIET, raise_on_error=False, run_id=run_id
            )

    try:
        # dbt's log goes to its target folder and to Dagster; here it would tear the bars apart.
        with streams_given_back(), contextlib.redirect_stdout(io.StringIO()):
            result = in_thread(execute)
    except Exception as error:
        sentence = explain(error, settings.home)
        if sentence is None:
            raise
        progress.stop()
        _print_headline(errors)
        errors.print(sentence, markup=False, highlight=False, soft_wrap=True)
        _print_current(settings, errors)
        return 2
    finally:
        progress.stop()
    if not result.success:
        _print_notes(progress, errors)
        return _explain(result, settings, errors)
    print_release(settings, console)
    _print_notes(progress, console)
    _print_warnings(result, console)
    _print_times(progress, time.perf_counter() - started, console)
    return 0


def _command(settings: Settings) -> str:
    """Say for the ledger which command this is; a study by the name of its folder, a reason not at all."""
    words = [f"--study {study.name}" for study in settings.studies]
    if settings.inputs_of:
        words.append(f"--inputs-of {settings.inputs_of}")
    if settings.data_cutoff:
        words.append(f"--data-cutoff {settings.data_cutoff}")
    if settings.despite_lock:
        words.append("--despite-lock")
    return " ".join(["cohortmart build", *words])


def _enter_interrupted(settings: Settings, run_id: str) -> None:
    """Enter in the ledger that the build was interrupted, once it has begun to change anything."""
    if last_run(settings) == run_id and not is_entered(settings, run_id):
        enter(settings, run_id, "interrupted", [])


def _print_notes(progress: TerminalProgress, console: Console) -> None:
    """Say what the parts of the build had to say: what was landed, left out, corrected."""
    for note in progress.notes:
        console.print(note, markup=False, highlight=False, soft_wrap=True)


def _cancel(settings: Settings, run_id: str) -> None:
    """Tell Dagster that the run has ended: it would show it as under way for ever."""
    with open_instance(settings) as instance:
        run = instance.get_run_by_id(run_id)
        if run and not run.is_finished:
            instance.report_run_canceled(run)


def _print_warnings(result: dg.ExecuteInProcessResult, console: Console) -> None:
    """Say which expectations that do not block a release are not met."""
    for check in result.get_asset_check_evaluations():
        if not check.passed:
            table = ".".join(check.asset_key.path)
            console.print(f"{table}: {check.description}", style="yellow", markup=False)


def _explain(result: dg.ExecuteInProcessResult, settings: Settings, console: Console) -> int:
    """Say in words why there is no release; no traceback for what a user can mend."""
    _print_headline(console)
    for check in result.get_asset_check_evaluations():
        if not check.passed and check.severity == dg.AssetCheckSeverity.ERROR:
            table = ".".join(check.asset_key.path)
            console.print(f"{table}: {check.check_name} failed.", highlight=False)
            if check.check_name == WITHIN_TOLERANCE:
                _print_quarantine(settings, console)
            else:
                console.print(check.description, markup=False, highlight=False, soft_wrap=True)
    unreadable, denied = False, set()
    for event in result.filter_events(lambda e: e.is_step_failure):
        failure = event.step_failure_data
        if failure.user_failure_data is not None:
            unreadable = unreadable or UNREADABLE in failure.user_failure_data.metadata
            console.print(
                failure.user_failure_data.description, markup=False, highlight=False, soft_wrap=True
            )
        elif failure.error is None or failure.error.cls_name in SAID_ELSEWHERE:
            continue
        elif sentence := explain_text(failure.error.to_string(), settings.home):
            # What one part is denied, the parts after it are denied too.
            denied.add(sentence)
        else:
            cause = failure.error.cause or failure.error
            console.print(f"  step {event.step_key}: {cause.message.strip()}", markup=False)
    for sentence in sorted(denied):
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    _print_current(settings, console)
    return 2 if unreadable or denied else 1


def _print_headline(console: Console) -> None:
    """Say whether there is a release: what fails may fail after it was published."""
    made = "The release was published; the build failed after that." if MOVED.is_set() else ""
    console.print(f"\n{made or 'No release was made.'}", style="bold red")


def _print_current(settings: Settings, console: Console) -> None:
    if settings.current.exists():
        console.print(
            f"Readers {'' if MOVED.is_set() else 'still '}see {settings.current.resolve().name}.",
            highlight=False,
        )


def _print_quarantine(settings: Settings, console: Console) -> None:
    """Show the files whose rows were set aside; every row is in the build's audit.quarantine."""
    with duckdb.connect(settings.build_database, read_only=True) as con:
        files = tuple(file for file in landed_files(con) if file.reasons)
    console.print(render_files(files, with_study=True))
    console.print(f"Every row: audit.quarantine in {settings.build_database}", highlight=False, markup=False)


def _print_times(progress: TerminalProgress, total: float, console: Console) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    table.add_column("Wall time")
    table.add_column("s", justify="right")
    for part in PARTS:
        table.add_row(part, f"{progress.seconds.get(part, 0.0):.1f}")
    rest = total - sum(progress.seconds.values())
    table.add_row("start-up, Dagster", f"{rest:.1f}")
    table.add_row("total", f"{total:.1f}", style="bold")
    console.print(table)
