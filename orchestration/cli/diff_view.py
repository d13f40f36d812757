"""`cohortmart diff`: what changed between two releases."""

import json
import sys
from dataclasses import asdict
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestration.cli.terminal import fail, terminal
from orchestration.release.diff import ReleaseDiff, TableDiff, diff
from orchestration.release.estimates import CURVES, MainResult, MainResults, Move
from orchestration.release.read import DamagedReleaseError, NoReleaseError, find_release
from orchestration.settings import Settings

_HASH_SHOWN = 12
_HASH_LENGTH = 64
_WHOLE_FROM = 1000
_SHORT = {"hazard ratio": "HR", "subhazard ratio": "sHR"}


def run_diff(settings: Settings, pair: tuple[str, str], table: str, limit: int, *, as_json: bool) -> int:
    """Print what changed from one release to another.

    Args:
        settings: the warehouse.
        pair: the releases, the older one first, by id, its beginning, or `current`.
        table: the one table to compare; empty for all.
        limit: how many rows of each kind and table and how many estimates are shown; main results all are.
        as_json: write JSON.

    Returns:
        Exit status: 0 the tables say the same, 1 they do not, 2 they cannot be compared.
    """
    try:
        before, after = (find_release(settings, which) for which in pair)
        found = diff(before, after, table, limit)
    except (NoReleaseError, DamagedReleaseError, duckdb.Error) as error:
        return fail(str(error))
    except KeyError:
        return fail(
            f"Neither release has a table {table}: `cohortmart tables` lists those of the current one."
        )
    if as_json:
        sys.stdout.write(json.dumps(_as_json(found), indent=2, ensure_ascii=False, default=str) + "\n")
    else:
        _print(found, terminal(), is_one_table=bool(table))
    return 0 if found.is_same else 1


def _as_json(found: ReleaseDiff) -> dict[str, Any]:
    as_dict = asdict(found)
    as_dict["made_of"] = {
        name: {"before": before, "after": after} for name, (before, after) in found.made_of.items()
    }
    for table in as_dict["tables"]:
        for row in table["changed"]:
            row["columns"] = {
                name: {"before": before, "after": after} for name, (before, after) in row["columns"].items()
            }
    for result in as_dict["main"]["moved"]:
        for name in ("hazard_ratio", "n", "events"):
            result[name] = dict(zip(("before", "after"), result[name], strict=True))
    return as_dict


def _print(found: ReleaseDiff, console: Console, *, is_one_table: bool) -> None:
    _say(console, f"{found.before} -> {found.after}", "bold")
    for name, (before, after) in found.made_of.items():
        _say(console, f"  {name}: {_difference(name, before, after)}")
    for name in found.tables_added:
        _say(console, f"+ table {name}", "green")
    for name in found.tables_removed:
        _say(console, f"- table {name}", "red")
    if found.is_same:
        _say(console, "Every table says the same.")
    _print_main(found.main, console)
    if found.moves:
        title = f"{_counted(found.n_moves, 'estimate')} moved, by most of their standard errors first"
        _say(console, f"\n{title}", "bold")
        console.print(_moves(found.moves, "std errors"))
        _print_rest(found.n_moves - len(found.moves), console)
    if found.gained_or_lost:
        n = found.n_gained_or_lost
        were = "was" if n == 1 else "were"
        title = f"{_counted(n, 'estimate')} {were} not estimable before, or not after"
        _say(console, f"\n{title}", "bold")
        console.print(_moves(found.gained_or_lost))
        _print_rest(n - len(found.gained_or_lost), console)
    for table in found.tables:
        # One that was asked for by name is shown whatever it is.
        _print_table(table, console, are_rows_shown=is_one_table or table.table not in CURVES)


def _say(console: Console, text: str, style: str = "", indent: int = 0) -> None:
    """Print a line; in a terminal what does not fit goes on below its beginning."""
    if console.is_terminal:
        hanging = indent + 4 if indent else 2
        blank, body = ("\n", text[1:]) if text.startswith("\n") else ("", text)
        first, *more = Text(body).wrap(console, max(console.width - hanging, 20))
        lines = [
            blank + " " * indent + first.plain.rstrip(),
            *(" " * hanging + line.plain.rstrip() for line in more),
        ]
        text = "\n".join(lines)
    else:
        text = " " * indent + text
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _difference(name: str, before: object, after: object) -> str:
    # What is delivered or used is there or not; a setting has a value or none.
    if not name.startswith("setting "):
        if before is None:
            return f"new, {_shown(after)}"
        if after is None:
            return f"gone, was {_shown(before)}"
    return f"{_shown(before)} -> {_shown(after)}"


def _shown(value: object) -> str:
    if value is None:
        return "none"
    text = str(value)
    return text[:_HASH_SHOWN] if len(text) == _HASH_LENGTH else text


def _print_main(main: MainResults, console: Console) -> None:
    if main.moved:
        _say(console, "\nMain results that moved", "bold")
        _say(
            console,
            "primary policy, unadjusted; HR: hazard ratio (Efron), sHR: subhazard ratio (Fine and Gray)",
        )
        console.print(_main(main.moved))
    counts = [
        f"{_counted(count, 'main result')} {what}"
        for count, what in (
            (main.n_unmoved, "did not move"),
            (main.n_added, "only in the newer release"),
            (main.n_removed, "only in the older one"),
        )
        if count
    ]
    if counts:
        _say(console, ("" if main.moved else "\n") + "; ".join(counts))


def _listing(*headers: str, whole: tuple[str, ...], right: tuple[str, ...]) -> Table:
    """A table whose columns `whole` and `right` are not broken into lines while there is space."""
    listing = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        is_whole = header in whole + right
        listing.add_column(
            header,
            justify="right" if header in right else "left",
            no_wrap=is_whole,
            overflow="ellipsis" if is_whole else "fold",
        )
    return listing


def _main(results: list[MainResult]) -> Table:
    headers = ("study", "endpoint", "comparison", "", "from", "to", "events")
    listing = _listing(*headers, whole=("endpoint", "events"), right=("from", "to"))
    for result in results:
        cells = [result.study_id, result.endpoint_id, f"{result.experimental} vs {result.control}"]
        cells += [_SHORT[result.effect], *map(_estimate, result.hazard_ratio)]
        events = [f"{events}/{n}" for events, n in zip(result.events, result.n, strict=True)]
        cells.append(events[0] if events[0] == events[1] else " -> ".join(events))
        listing.add_row(*map(Text, cells))
    return listing


def _moves(moves: list[Move], *distance: str) -> Table:
    numbers = ("from", "to", *distance)
    listing = _listing("table", "of", "estimate", *numbers, whole=("table",), right=numbers)
    for move in moves:
        of = " ".join(str(value) for value in move.key.values() if value not in (None, ""))
        cells = [move.table, of, move.column.replace("_", " "), *map(_estimate, (move.before, move.after))]
        if distance:
            cells.append("" if move.std_errors is None else f"{move.std_errors:.2f}")
        listing.add_row(*map(Text, cells))
    return listing


def _estimate(value: float | None) -> str:
    return (
        "not estimable" if value is None else f"{value:.4g}" if abs(value) < _WHOLE_FROM else f"{value:,.0f}"
    )


def _print_table(table: TableDiff, console: Console, *, are_rows_shown: bool) -> None:
    _say(console, f"\n{table.table}", "bold")
    counts = [(table.n_added, "added"), (table.n_removed, "removed"), (table.n_changed, "changed")]
    said = [f"{_counted(count, 'row')} {what}" for count, what in counts if count]
    said += [f"columns {what}: {', '.join(names)}" for names, what in _columns(table) if names]
    _say(console, "; ".join(said) or "the same rows, declared otherwise", indent=2)
    if table.n_by_column:
        changed = ", ".join(f"{name} ({count:,})" for name, count in table.n_by_column.items())
        _say(console, f"changed: {changed}", indent=2)
    if not are_rows_shown:
        return
    if table.key and (table.added or table.removed or table.changed):
        _say(console, f"rows by {', '.join(table.key)}", indent=2)
    of_row = _values if table.key else _pairs
    for row in table.added:
        _say(console, f"+ {of_row(row)}", "green", indent=2)
    _print_rest(table.n_added - len(table.added), console)
    for row in table.removed:
        _say(console, f"- {of_row(row)}", "red", indent=2)
    _print_rest(table.n_removed - len(table.removed), console)
    for row in table.changed:
        moved = ", ".join(f"{n} {_value(old)} -> {_value(new)}" for n, (old, new) in row["columns"].items())
        _say(console, f"~ {_values(row['key'])}: {moved}", "yellow", indent=2)
    _print_rest(table.n_changed - len(table.changed), console)


def _columns(table: TableDiff) -> list[tuple[list[str], str]]:
    return [(table.columns_added, "added"), (table.columns_removed, "removed")]


def _print_rest(n_more: int, console: Console) -> None:
    if n_more > 0:
        console.print(f"    and {n_more:,} more", highlight=False)


def _values(key: dict[str, Any]) -> str:
    """Every value of a key in the order that the line above the rows gives."""
    return " ".join("-" if value in (None, "") else _value(value) for value in key.values())


def _pairs(row: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in row.items() if value not in (None, ""))


def _value(value: object) -> str:
    if value is None or value == "":
        return "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
