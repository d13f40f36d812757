"""A trace on the screen, for a statistician: who, by which definition, every record, and what came out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestration.trace.decision import Trace, TracedRecord
from orchestration.trace.kept import DecidingLine
from orchestration.trace.wording import definition
from schemas.plain_text import plain

# Shorter runs of contacts are shown as they are.
_FOLDED_FROM = 3
# More ranges of lines than these are told as one.
_RANGES_SHOWN = 4
# Narrower terminals get two lines a record.
_WIDE = 150
_SAID = ("what it is", "what the rules say")
_FOLDABLE = {
    "disease_assessment": "disease assessment",
    "contact": "contact",
    "sign_of_life": "sign of life",
    "no_sign_of_life": "record without sign of life",
}
_PLURALS = {"sign of life": "signs of life", "record without sign of life": "records without sign of life"}


@dataclass(frozen=True)
class TraceReport:
    """A trace with what lies beside it: the release, the line that decided, rows that were set aside."""

    trace: Trace
    release_id: str
    deciding: DecidingLine | None
    set_aside: list[dict[str, Any]]


def print_trace(found: TraceReport, deliveries: Path, console: Console, *, fold: bool) -> None:
    """Print a trace.

    Args:
        found: what to print.
        deliveries: the folder in which study packages are kept.
        console: where to print.
        fold: whether runs of contacts that decide nothing are folded into one line.
    """
    trace = found.trace
    console.print(_heading(found))
    console.print()
    console.print(_records_table(trace, console.width, fold=fold))
    console.print()
    if found.deciding:
        console.print(_outcome_table(found.trace.outcome, found.deciding, deliveries))
    if trace.warnings:
        console.print()
        console.print(_warnings_table(trace.warnings))
    if found.set_aside:
        console.print()
        console.print(_set_aside_table(found.set_aside))
    console.print()
    if trace.differences:
        said = "; ".join(trace.differences)
        text = (
            f"These records do not give the released outcome: {said}. Do not use it; run `cohortmart verify`."
        )
        console.print(Text(plain(text), style="bold red"))
    else:
        console.print(Text("Derived again from these records: the same outcome."))


def _pairs() -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _heading(found: TraceReport) -> Table:
    trace, who = found.trace, found.trace.participant
    day = (who["data_cutoff"] - who["index_date"]).days
    arm = f"{who['arm_id']} ({who['arm_label']})" if who["arm_label"] else who["arm_id"]
    nominal = "; dates are nominal" if who["nominal_dates"] else ""
    entry = f", entered on day {who['entry_days']:,}" if who["entry_days"] else ""
    endpoint, policy = definition(trace.endpoint, trace.policy)
    table = _pairs()
    for name, said in (
        ("participant", f"{who['participant_id']} of {who['study_id']}, arm {arm}{entry}"),
        ("start", f"{who['index_date']} ({who['time_origin']}) is day 0{nominal}"),
        ("data cutoff", f"{who['data_cutoff']}, day {day:,}"),
        ("endpoint", endpoint),
        ("policy", policy),
        ("release", found.release_id),
    ):
        table.add_row(name, Text(plain(said)))
    return table


def _records_table(trace: Trace, width: int, *, fold: bool) -> Table:
    """Lay out the records: a line each where the terminal is wide, else two."""
    is_wide = width >= _WIDE
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    table.add_column("date", no_wrap=True)
    table.add_column("day", justify="right", no_wrap=True)
    for header in ("record", "file:line", *_SAID) if is_wide else (", ".join(_SAID),):
        table.add_column(header, overflow="fold")
    for run in _runs(trace.records, fold=fold):
        line = _folded(run) if len(run) > 1 else _single(run[0])
        parts = [plain(part) for part in line[3:]]
        if not is_wide:
            record, place, what, rule = parts
            parts = [f"{what} ({record}, {place})\n  {rule}"]
        style = "bold" if line[0] else ""
        table.add_row(*line[:3], *(Text(part) for part in parts), style=style)
    return table


def _single(record: TracedRecord) -> tuple[str, ...]:
    row = record.evidence
    return (
        ">" if record.decides else "",
        str(row["dated_on"]),
        f"{row['time_days']:,}",
        row["source_record"],
        f"{row['source_file']}:{row['source_line']}",
        record.what,
        record.rule,
    )


def _runs(records: tuple[TracedRecord, ...], *, fold: bool) -> list[list[TracedRecord]]:
    """Group records that follow one another and decide nothing, where there are many of them."""
    runs: list[list[TracedRecord]] = []
    was_foldable = False
    for record in records:
        is_foldable = fold and record.evidence["evidence"] in _FOLDABLE and not record.is_key
        if is_foldable and was_foldable:
            runs[-1].append(record)
        else:
            runs.append([record])
        was_foldable = is_foldable
    return [part for run in runs for part in ([run] if len(run) >= _FOLDED_FROM else [[r] for r in run])]


def _folded(run: list[TracedRecord]) -> tuple[str, ...]:
    first, last = run[0].evidence, run[-1].evidence
    said = [_kind_and_finding(record) for record in run]
    counted = "; ".join(_counted(said.count(pair), *pair) for pair in dict.fromkeys(said))
    where = ", ".join(dict.fromkeys(record.evidence["source_record"] for record in run))
    return (
        "",
        str(first["dated_on"]),
        f"{first['time_days']:,}",
        where,
        _places(run),
        counted,
        f"up to {last['dated_on']}, day {last['time_days']:,}: none decides (--all shows each)",
    )


def _kind_and_finding(record: TracedRecord) -> tuple[str, str]:
    """Tell what a record is and what it found; an assessment that is not evaluable is one, too."""
    kind, _, found = record.what.partition(", ")
    return (kind if found else _FOLDABLE[record.evidence["evidence"]]), found


def _counted(n: int, kind: str, found: str) -> str:
    plural = kind if n == 1 else _PLURALS.get(kind, f"{kind}s")
    return ", ".join(part for part in (f"{n} {plural}", found) if part)


def _places(run: list[TracedRecord]) -> str:
    """Name the files of some records, and by file their lines as ranges."""
    lines: dict[str, set[int]] = {}
    for record in run:
        lines.setdefault(record.evidence["source_file"], set()).add(record.evidence["source_line"])
    return ", ".join(f"{file}:{_ranges(sorted(of_file))}" for file, of_file in lines.items())


def _ranges(lines: list[int]) -> str:
    """Write lines in ascending order as ranges; as one, with their number, where that is too many."""
    ranges: list[list[int]] = []
    for line in lines:
        if ranges and line == ranges[-1][1] + 1:
            ranges[-1][1] = line
        else:
            ranges.append([line, line])
    if len(ranges) > _RANGES_SHOWN:
        return f"{lines[0]}-{lines[-1]} ({len(lines)} of these lines)"
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def _warnings_table(said: tuple[str, ...]) -> Table:
    table = _pairs()
    for warning in said:
        table.add_row("warning", Text(plain(warning), style="yellow"))
    return table


def _outcome_table(row: dict[str, Any], deciding: DecidingLine, deliveries: Path) -> Table:
    table = _pairs()
    event = ", ".join(part for part in (row["event_class"], row["event_organ"]) if part)
    released = (
        f"survival.time_to_event: is_event {str(row['is_event']).lower()}, cnsr {row['cnsr']},"
        f" censor_reason {row['censor_reason']}, competing_code {row['competing_code']}"
    )
    for name, said in (
        ("outcome", f"day {row['time_days']:,}, {row['end_date']}: {row['reason_in_words']}"),
        ("as released", released),
        ("event", event),
        (
            "decided by",
            f"{row['source_record']}, line {deciding.line} of {deliveries / deciding.path}",
        ),
        ("the line", deciding.text or deciding.problem),
    ):
        if said:
            table.add_row(name, Text(plain(said)))
    return table


def _set_aside_table(rows: list[dict[str, Any]]) -> Table:
    table = _pairs()
    for row in rows:
        why, accepted = "; ".join(row["reasons"]), "; ".join(row["accepted"])
        place = f"{row['record']}, {row['source_file']}:{row['source_line']}"
        table.add_row("set aside", Text(plain(f"{place}: {why}; accepted: {accepted}")))
    return table
