"""How builds ended, in the ledger: released, or why not, in sentences without any value of a participant.

The release step enters a build that was released. One that was refused or failed is entered when its run
ends, in the command and in Dagster alike; one that was interrupted, by what interrupts it; and one that was
killed could enter nothing, so the next build does.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import dagster as dg

from orchestration import ledger
from orchestration.assets.failures import REFUSED, UNREADABLE
from orchestration.settings import Settings

Outcome = Literal["released", "refused", "unreadable", "failed", "interrupted", "died"]

_MAX_REASONS = 50
_MAX_CHARACTERS = 300
# Where a sentence of this program begins to say what a file holds: a value, or a list of its names.
_BEGINS_TO_SHOW = re.compile(r"[`;]|accepted:|\(did you mean")
# Dagster's way of saying that a blocking check failed, which says what it has to say itself.
SAID_ELSEWHERE = ("DagsterAssetCheckFailedError",)


class RunRecord(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Enters in the ledger a run that released nothing, when it is over, and the one before, if that died."""

    home: str

    def last_run(self) -> str:
        """The run that built last; empty when there was none."""
        return last_run(Settings(home=Path(self.home)))

    def note_died(self, run_id: str) -> None:
        """Enter that a run died, if it ended without a word; call it when no build can be under way."""
        _note_died(Settings(home=Path(self.home)), run_id)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Look at what the run has told Dagster."""
        if context.run is not None and context.instance is not None:
            record_failure(Settings(home=Path(self.home)), context.run.run_id, context.instance)


def record_failure(settings: Settings, run_id: str, instance: dg.DagsterInstance) -> None:
    """Enter a run that failed in the ledger, with its reasons, unless it is entered already."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.ASSET_CHECK_EVALUATION}
    events = [log.dagster_event for log in instance.all_logs(run_id, of_type=kinds) if log.dagster_event]
    failures = [event for event in events if event.is_step_failure]
    if not failures or is_entered(settings, run_id):
        return
    checks = [event.asset_check_evaluation_data for event in events if not event.is_step_failure]
    reasons = [reason for check in checks for reason in _reasons_of_check(check)]
    reasons += [reason for failure in failures for reason in _reasons_of_step(failure)]
    enter(settings, run_id, _outcome(failures), list(dict.fromkeys(reasons)))


def enter(settings: Settings, run_id: str, outcome: Outcome, reasons: list[str], **more: Any) -> None:
    """Enter how a build ended in the ledger; reasons hold no value of a participant."""
    shown = reasons[:_MAX_REASONS]
    if more_reasons := len(reasons) - len(shown):
        shown.append(f"and {more_reasons} more")
    ledger.append(settings.ledger, "build", run_id=run_id, outcome=outcome, reasons=shown, **more)


def is_entered(settings: Settings, run_id: str) -> bool:
    """Whether the ledger says how a run ended."""
    return any(e["kind"] == "build" and e.get("run_id") == run_id for e in _entries(settings))


def last_run(settings: Settings) -> str:
    """The run that built last in a warehouse; empty when there was none."""
    marker = settings.build / "run_id"
    return marker.read_text(encoding="utf-8", errors="replace") if marker.is_file() else ""


def _note_died(settings: Settings, run_id: str) -> None:
    if not run_id or is_entered(settings, run_id):
        return
    published = [
        e["release_id"]
        for e in _entries(settings)
        if e["kind"] == "publication" and e.get("run_id") == run_id
    ]
    after = f" after it had published {published[-1]}" if published else ""
    more = {"release_id": published[-1]} if published else {}
    enter(settings, run_id, "died", [f"the process ended without a word{after}"], **more)


def without_values(sentence: str) -> str:
    """Return a sentence in one line up to where it begins to show what a file holds, which may be somebody's.

    Nothing after that is kept: what is quoted may itself hold the sign that ends it.
    """
    line = " ".join(sentence.split())
    shows = _BEGINS_TO_SHOW.search(line)
    if shows:
        line = f"{line[: shows.start()].rstrip(' (')} ..."
    return line[:_MAX_CHARACTERS]


def _entries(settings: Settings) -> list[ledger.Entry]:
    try:
        return ledger.read(settings.ledger)
    except (ValueError, OSError):
        return []  # the next entry mends it


def _outcome(failures: list[dg.DagsterEvent]) -> Outcome:
    known = [f.step_failure_data.user_failure_data for f in failures]
    if any(data is not None and UNREADABLE in data.metadata for data in known):
        return "unreadable"
    is_refused = [
        data is not None or error_class(failure) in SAID_ELSEWHERE
        for data, failure in zip(known, failures, strict=True)
    ]
    is_refused += [True for data in known if data is not None and REFUSED in data.metadata]
    return "refused" if any(is_refused) else "failed"


def error_class(failure: dg.DagsterEvent) -> str:
    """The name of the error that ended a step; of its cause, where it has one."""
    error = failure.step_failure_data.error
    if error is None:
        return ""
    return (error.cause or error).cls_name or ""


def _reasons_of_check(check: dg.AssetCheckEvaluation) -> Iterator[str]:
    if check.passed or check.severity != dg.AssetCheckSeverity.ERROR:
        return
    table = ".".join(check.asset_key.path)
    said = check.metadata.get("reasons")
    reasons = said.value if said is not None and isinstance(said.value, list) else []
    yield from (f"{table}: {without_values(str(reason))}" for reason in reasons)
    if not reasons:
        yield f"{table}: {check.check_name} failed"


def _reasons_of_step(failure: dg.DagsterEvent) -> Iterator[str]:
    data = failure.step_failure_data
    if data.user_failure_data is not None:
        yield from (without_values(line) for line in (data.user_failure_data.description or "").splitlines())
    elif error_class(failure) not in SAID_ELSEWHERE:
        yield f"step {failure.step_key}: {error_class(failure)}"
