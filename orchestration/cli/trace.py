"""Finding a trace and writing it."""

import json
import sys
from dataclasses import asdict
from typing import Any

import duckdb

from orchestration.cli.terminal import fail, terminal
from orchestration.cli.trace_view import TraceReport, print_trace
from orchestration.release.read import DamagedReleaseError, NoReleaseError, find_release, reading
from orchestration.settings import Settings
from orchestration.trace.decision import UnknownOutcomeError, read_trace
from orchestration.trace.derivation import Selection
from orchestration.trace.kept import KeptFile, deciding_line, find_kept
from orchestration.trace.set_aside import find_set_aside
from schemas.plain_text import plain


def run_trace(settings: Settings, wanted: Selection, which: str, output_format: str, *, fold: bool) -> int:
    """Print why a participant has an outcome.

    Args:
        settings: the warehouse.
        wanted: which outcome; the participant by the id of the study package or of the release.
        which: the release: `current`, an id or the beginning of one.
        output_format: table or json.
        fold: whether runs of contacts that decide nothing are folded into one line.

    Returns:
        Exit status: 0; 1 when the records give another outcome than the released one; 2 when there is no such
        outcome, or no release that is whole.
    """
    try:
        report = _report(settings, wanted, which)
    except (NoReleaseError, DamagedReleaseError, UnknownOutcomeError) as error:
        return fail(plain(str(error)))
    except duckdb.CatalogException:
        return fail(
            "This release holds no evidence to trace by: an earlier version made it. Run `cohortmart build`."
        )
    if output_format == "json":
        sys.stdout.write(json.dumps(_as_json(report), indent=2, default=str, ensure_ascii=False) + "\n")
    else:
        print_trace(report, settings.deliveries, terminal(), fold=fold)
    return 1 if report.trace.differences else 0


def _report(settings: Settings, wanted: Selection, which: str) -> TraceReport:
    release = find_release(settings, which)
    key = settings.pseudonym_key

    def released_as(delivered: str) -> str:
        if key is None:
            return delivered
        from orchestration.privacy.pseudonyms import pseudonym  # noqa: PLC0415

        return pseudonym(key, wanted.study_id, delivered)

    def kept(name: str) -> KeptFile | None:
        return find_kept(release.manifest, settings.deliveries, wanted.study_id, name)

    ids = list(dict.fromkeys((wanted.participant_id, released_as(wanted.participant_id))))
    with reading(release) as con:
        data_cutoff = release.manifest.get("settings", {}).get("data_cutoff") or ""
        trace = read_trace(con, wanted, ids, data_cutoff)
        set_aside = find_set_aside(con, wanted.study_id, ids, released_as, kept)
    deciding = deciding_line(kept(trace.outcome["source_file"]), trace.outcome) if trace.outcome else None
    return TraceReport(trace, release.release_id, deciding, set_aside)


def _as_json(report: TraceReport) -> dict[str, Any]:
    trace = report.trace
    return {
        "release_id": report.release_id,
        "participant": trace.participant,
        "endpoint": trace.endpoint,
        "policy": trace.policy,
        "records": [
            {**record.evidence, "what": record.what, "rule_applied": record.rule, "decides": record.decides}
            for record in trace.records
        ],
        "outcome": trace.outcome,
        "deciding_line": asdict(report.deciding) if report.deciding else None,
        "derived": trace.derived,
        "agrees": not trace.differences,
        "differences": trace.differences,
        "warnings": trace.warnings,
        "set_aside": report.set_aside,
    }
