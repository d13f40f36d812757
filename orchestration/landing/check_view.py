"""The report of a check for the terminal; in a pipe the same words without colour."""

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from orchestration.landing.check import CheckReport, FileCheck
from orchestration.landing.tolerance import ReasonCount
from schemas.plain_text import plain


def render_check(report: CheckReport) -> Group:
    """Lay a report out: problems first, then counts by file, then reasons with their first rows."""
    parts: list[RenderableType] = []
    if report.study:
        parts.append(Text(plain(f"{report.study.study_id}: {report.study.title}"), style="bold"))
    parts += [Text(f"- {plain(problem)}", style="red") for problem in report.problems]
    verdict, style = _verdict(report)
    return Group(*parts, render_files(report.files), Text(verdict, style=style))


def render_files(files: tuple[FileCheck, ...], *, with_study: bool = False) -> Group:
    """Lay out the counts of every file, then the reasons for which rows were set aside.

    Args:
        files: the files of one study, or of several.
        with_study: whether the study of each file is named.
    """
    counts = [_counts(files, with_study)] if files else []
    return Group(*counts, *(part for file in files for part in _reasons(file, with_study)))


def _verdict(report: CheckReport) -> tuple[str, str]:
    if report.problems:
        return "The package cannot be read: a build would not begin.", "red"
    if not report.is_buildable:
        return "More rows are set aside than the study tolerates: a build would stop.", "red"
    if report.exit_status:
        return "Rows are set aside, no more than the study tolerates: a build would go on.", "yellow"
    return "The package is sound: a build would accept every row, and then compare what they say.", "green"


def _counts(files: tuple[FileCheck, ...], with_study: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    if with_study:
        table.add_column("study", overflow="fold")
    table.add_column("file", overflow="fold")
    table.add_column("record")
    for name in ("rows read", "accepted", "quarantined"):
        table.add_column(name, justify="right")
    for file in files:
        landing = file.landing
        table.add_row(
            *([landing.study_id] if with_study else []),
            Text(plain(landing.source_file)),
            landing.record,
            f"{landing.rows_read:,}",
            f"{landing.rows_accepted:,}",
            Text(f"{landing.rows_quarantined:,}", style="red" if landing.rows_quarantined else ""),
        )
    return table


def _reasons(file: FileCheck, with_study: bool) -> list[RenderableType]:
    if not file.reasons:
        return []
    landing = file.landing
    share = landing.rows_quarantined / landing.rows_read
    tolerated = f"tolerated {landing.quarantine_tolerance:.2%}"
    name = f"{landing.study_id}: {landing.source_file}" if with_study else landing.source_file
    title = f"{name}: {_rows(landing.rows_quarantined)} quarantined ({share:.2%}, {tolerated})"
    parts: list[RenderableType] = [Text(), Text(plain(title), style="bold")]
    for reason in file.reasons:
        parts.append(_indented(_reason(reason), 2))
        parts += [
            _indented(Text(plain(f"line {example.line}: {example.reason}")), 4) for example in reason.examples
        ]
        if more := reason.n_rows - len(reason.examples):
            parts.append(_indented(Text(f"and {more:,} more", style="dim"), 4))
    return parts


def _indented(text: Text, blanks: int) -> Padding:
    return Padding(text, (0, 0, 0, blanks), expand=False)


def _reason(reason: ReasonCount) -> Text:
    what = " ".join(word for word in (reason.column, reason.rule.replace("_", " ")) if word)
    return Text(plain(f"{what}: {_rows(reason.n_rows)}; accepted: {reason.accepted}"), style="yellow")


def _rows(n: int) -> str:
    return "1 row" if n == 1 else f"{n:,} rows"
