"""What changed from one release to another: main results, estimates that moved, and rows by key.

A column of provenance (`catalogue.PROVENANCE_COLUMNS`) is no change: where a row stood in its file is not
what it says. Nor is its place among others, which a row that comes before it changes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import duckdb

from orchestration.catalogue import PROVENANCE_COLUMNS
from orchestration.release.earlier import as_made_now
from orchestration.release.estimates import MainResults, Move, by_size, main_results, moves
from orchestration.release.read import DATABASE, Release, verify_file

# A key with one of these is a place: the rows after one that is new would seem to be others.
_PLACES = ("source_line", "evidence_order")


@dataclass
class TableDiff:
    """What changed in one table; the lists of rows are cut off at the limit, the counts are not.

    `changed` holds for each row its key and, by column, the value before and after. `n_by_column` counts the
    changed rows by column. A table without a key has rows added and removed, never changed; of one whose key
    is a place, `key` is empty too.
    """

    table: str
    key: list[str] = field(default_factory=list)
    n_added: int = 0
    n_removed: int = 0
    n_changed: int = 0
    n_by_column: dict[str, int] = field(default_factory=dict)
    added: list[dict[str, Any]] = field(default_factory=list)
    removed: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    columns_added: list[str] = field(default_factory=list)
    columns_removed: list[str] = field(default_factory=list)


@dataclass
class ReleaseDiff:
    """What changed from the release `before` to the release `after`.

    `made_of` names what differs of inputs, code, packages, settings and seeds, with what it was and is.
    `moves` are the point estimates that moved, the one that moved by most of its standard errors first;
    `gained_or_lost` those that were not estimable before or are not any more. Both are cut off at the limit;
    `n_moves` and `n_gained_or_lost` count all. `main` are the main results, without a limit.
    """

    before: str
    after: str
    made_of: dict[str, tuple[Any, Any]]
    tables_added: list[str]
    tables_removed: list[str]
    tables: list[TableDiff]
    main: MainResults
    moves: list[Move]
    n_moves: int
    gained_or_lost: list[Move]
    n_gained_or_lost: int

    @property
    def is_same(self) -> bool:
        """Whether no table says anything else."""
        return not (self.tables or self.tables_added or self.tables_removed)


def diff(before: Release, after: Release, table: str = "", limit: int = 20) -> ReleaseDiff:
    """Compare two releases.

    Args:
        before: the older one.
        after: the newer one.
        table: `schema.name` of the one table to compare; default all.
        limit: how many rows of each kind and table, and how many estimates, are given.

    Raises:
        DamagedReleaseError: a database is not what was published.
        KeyError: neither release has the table.
    """
    before, after = as_made_now(before, after), as_made_now(after, before)
    old, new = before.manifest["tables"], after.manifest["tables"]
    names = sorted({*old, *new}) if not table else [table]
    if table and table not in old and table not in new:
        raise KeyError(table)
    made = ReleaseDiff(
        before=before.release_id,
        after=after.release_id,
        made_of=_made_of(before.manifest, after.manifest),
        tables_added=[n for n in names if n not in old],
        tables_removed=[n for n in names if n not in new],
        tables=[],
        main=MainResults([]),
        moves=[],
        n_moves=0,
        gained_or_lost=[],
        n_gained_or_lost=0,
    )
    changed = [n for n in names if n in old and n in new and not _says_the_same(old[n], new[n])]
    if not changed:
        return made
    for release in (before, after):
        verify_file(release, DATABASE)
    with duckdb.connect() as con:
        for name, release in (("a", before), ("b", after)):
            path = str(release.folder / DATABASE).replace("'", "''")
            con.execute(f"attach '{path}' as {name} (read_only)")
        made.tables = [_Compared(con, name, old[name], new[name]).rows(limit) for name in changed]
        every = [move for name in changed for move in moves(con, name, old[name], new[name])]
        in_both = [name for name in names if name in old and name in new]
        made.main = _together(main_results(con, name, old[name], new[name]) for name in in_both)
    of_both = sorted((m for m in every if not m.is_of_one_side), key=by_size)
    of_one = sorted((m for m in every if m.is_of_one_side), key=by_size)
    made.moves, made.n_moves = of_both[:limit], len(of_both)
    made.gained_or_lost, made.n_gained_or_lost = of_one[:limit], len(of_one)
    return made


def _together(parts: Iterable[MainResults]) -> MainResults:
    every = list(parts)
    return MainResults(
        sorted(
            (result for part in every for result in part.moved),
            key=lambda r: (r.study_id, r.endpoint_id, r.experimental, r.control, r.effect),
        ),
        sum(part.n_unmoved for part in every),
        sum(part.n_added for part in every),
        sum(part.n_removed for part in every),
    )


def _says_the_same(old: dict[str, Any], new: dict[str, Any]) -> bool:
    # The hash holds the names and types of the columns, those of provenance too.
    return bool(old["content_hash"] == new["content_hash"])


def _made_of(old: dict[str, Any], new: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs of what the releases were made of, by name."""
    pairs: dict[str, tuple[Any, Any]] = {"code version": (old["code_version"], new["code_version"])}
    for part, label in (("package_versions", "package"), ("settings", "setting")):
        for name in sorted({*old[part], *new[part]}):
            pairs[f"{label} {name}"] = (old[part].get(name), new[part].get(name))
    for part, label in (("reference", "reference"), ("simulations", "seed of")):
        for name in sorted({*old["seeds"][part], *new["seeds"][part]}):
            pairs[f"{label} {name}"] = (old["seeds"][part].get(name), new["seeds"][part].get(name))
    files: tuple[dict[str, str], ...] = tuple(
        {f"{s['study_id']}/{f['path']}": f["sha256"] for s in manifest["inputs"] for f in s["files"]}
        for manifest in (old, new)
    )
    for name in sorted({*files[0], *files[1]}):
        pairs[f"input {name}"] = (files[0].get(name), files[1].get(name))
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class _Compared:
    """One table in two attached releases, `a` before and `b` after."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, name: str, old: dict[str, Any], new: dict[str, Any]
    ) -> None:
        self._con = con
        self._name = name
        types = [{c["name"]: c["type"] for c in d["columns"]} for d in (old, new)]
        has_key = old["key"] == new["key"] and not set(_PLACES).intersection(new["key"])
        self._key = list(new["key"]) if has_key else []
        beside = {*PROVENANCE_COLUMNS, *_PLACES}
        shared = [n for n in types[1] if n in types[0] and n not in beside]
        self._values = [n for n in shared if n not in self._key]
        self._columns_added = [n for n in types[1] if n not in types[0]]
        self._columns_removed = [n for n in types[0] if n not in types[1]]

    def _dicts(self, query: str) -> list[dict[str, Any]]:
        relation = self._con.execute(query)
        names = [column[0] for column in relation.description or ()]
        return [dict(zip(names, row, strict=True)) for row in relation.fetchall()]

    def _count(self, query: str) -> int:
        row = self._con.execute(f"select count(*) from ({query})").fetchone()
        assert row is not None  # an aggregate without groups always gives a row
        return int(row[0])

    def _on_key(self) -> str:
        return " and ".join(f"a.{_quoted(n)} is not distinct from b.{_quoted(n)}" for n in self._key)

    def _only_in(self, one: str, other: str) -> str:
        """SQL of the rows of one release that the other has not: by key, or as they are where it has none."""
        if not self._key:
            names = ", ".join(map(_quoted, self._values))
            return (
                f"select {names} from {one}.{self._name} except all select {names} from {other}.{self._name}"
            )
        names = ", ".join(f"{one}.{_quoted(n)}" for n in self._key)
        return (
            f"select {names} from {one}.{self._name} as {one} anti join {other}.{self._name} as {other} "
            f"on {self._on_key()}"
        )

    def rows(self, limit: int) -> TableDiff:
        """Compare the rows."""
        made = TableDiff(
            self._name,
            key=self._key,
            columns_added=self._columns_added,
            columns_removed=self._columns_removed,
        )
        added, removed = self._only_in("b", "a"), self._only_in("a", "b")
        made.n_added, made.n_removed = self._count(added), self._count(removed)
        made.added = self._dicts(f"{added} order by all limit {limit}")
        made.removed = self._dicts(f"{removed} order by all limit {limit}")
        if self._key and self._values:
            self._changed_rows(made, limit)
        return made

    def _changed_rows(self, made: TableDiff, limit: int) -> None:
        differs = [f"a.{_quoted(n)} is distinct from b.{_quoted(n)}" for n in self._values]
        joined = f"from a.{self._name} as a join b.{self._name} as b on {self._on_key()}"
        counts = ", ".join(f"count(*) filter ({condition})" for condition in differs)
        counted = self._con.execute(
            f"select count(*) filter ({' or '.join(differs)}), {counts} {joined}"
        ).fetchone()
        assert counted is not None
        made.n_changed = counted[0]
        made.n_by_column = {n: count for n, count in zip(self._values, counted[1:], strict=True) if count}
        key = [f"b.{_quoted(n)}" for n in self._key]
        pairs = [f"{side}.{_quoted(n)}" for n in self._values for side in "ab"]
        rows = self._con.execute(
            f"select {', '.join(key + pairs)} {joined} where {' or '.join(differs)} "
            f"order by {', '.join(key)} limit {limit}"
        ).fetchall()
        width = len(self._key)
        for row in rows:
            both = zip(self._values, row[width::2], row[width + 1 :: 2], strict=True)
            made.changed.append(
                {
                    "key": dict(zip(self._key, row[:width], strict=True)),
                    "columns": {name: (old, new) for name, old, new in both if old != new},
                }
            )
