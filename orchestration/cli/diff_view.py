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
from orchestration.release.diff import Move, ReleaseDiff, TableDiff, diff
from orchestration.release.read import DamagedReleaseError, NoReleaseError, find_release
from orchestration.settings import Settings

_HASH_SHOWN = 12
_HASH_LENGTH = 64


def run_diff(settings: Settings, pair: tuple[str, str], table: str, limit: int, *, as_json: bool) -> int:
    """Print what changed from one release to another.

    Args:
        settings: the warehouse.
        pair: the releases, the older one first, by id, its beginning, or `current`.
        table: the one table to compare; empty for all.
        limit: how many rows and estimates are shown.
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
        _print(found, terminal())
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
    return as_dict


def _print(found: ReleaseDiff, console: Console) -> None:
    def say(text: str, style: str = "") -> None:
        console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    say(f"{found.before} -> {found.after}", "bold")
    for name, (before, after) in found.made_of.items():
        say(f"  {name}: {_shown(before)} -> {_shown(after)}")
    for name in found.tables_added:
        say(f"+ table {name}", "green")
    for name in found.tables_removed:
        say(f"- table {name}", "red")
    if found.is_same:
        say("Every table says the same.")
    for table in found.tables:
        _print_table(table, console)
    if found.moves:
        say(f"\n{found.n_moves:,} estimates moved, the largest relative moves first", "bold")
        console.print(_moves(found.moves))
        _print_rest(found.n_moves - len(found.moves), console)


def _shown(value: object) -> str:
    if value is None:
        return "none"
    text = str(value)
    return text[:_HASH_SHOWN] if len(text) == _HASH_LENGTH else text


def _print_table(table: TableDiff, console: Console) -> None:
    def say(text: str, style: str = "") -> None:
        console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    say(f"\n{table.table}", "bold")
    counts = [(table.n_added, "added"), (table.n_removed, "removed"), (table.n_changed, "changed")]
    said = [f"{count:,} rows {what}" for count, what in counts if count]
    said += [f"columns {what}: {', '.join(names)}" for names, what in _columns(table) if names]
    say("  " + ("; ".join(said) or "the same rows, declared otherwise"))
    if table.n_by_column:
        say("  in " + ", ".join(f"{name} ({count:,})" for name, count in table.n_by_column.items()))
    for row in table.added:
        say(f"  + {_pairs(row)}", "green")
    _print_rest(table.n_added - len(table.added), console)
    for row in table.removed:
        say(f"  - {_pairs(row)}", "red")
    _print_rest(table.n_removed - len(table.removed), console)
    for row in table.changed:
        moved = ", ".join(f"{n} {_value(old)} -> {_value(new)}" for n, (old, new) in row["columns"].items())
        say(f"  ~ {_pairs(row['key'])}: {moved}", "yellow")
    _print_rest(table.n_changed - len(table.changed), console)


def _columns(table: TableDiff) -> list[tuple[list[str], str]]:
    return [(table.columns_added, "added"), (table.columns_removed, "removed")]


def _print_rest(n_more: int, console: Console) -> None:
    if n_more > 0:
        console.print(f"    and {n_more:,} more", highlight=False)


def _pairs(row: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in row.items() if value not in (None, ""))


def _value(value: object) -> str:
    return "none" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _moves(moves: list[Move]) -> Table:
    listing = Table(box=None, pad_edge=False, header_style="bold")
    for header in ("table", "of", "number", "from", "to", "relative"):
        listing.add_column(header, justify="right" if header in ("from", "to", "relative") else "left")
    for move in moves:
        of = " ".join(str(value) for value in move.key.values() if value not in (None, ""))
        cells = [move.table, of, move.column, _value(move.before), _value(move.after)]
        listing.add_row(*map(Text, cells), f"{100 * move.relative:.2g} %")
    return listing
