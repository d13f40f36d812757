"""Is everything still what was published and delivered? Every hash, against the files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration import ledger
from orchestration.catalogue import PROVENANCE_COLUMNS
from orchestration.checksums import file_sha256
from orchestration.deliveries.package_hashes import files_of
from orchestration.release.content_hash import release_hash, rows_hash
from orchestration.release.earlier import is_earlier
from orchestration.release.read import (
    DATABASE,
    MANIFEST,
    DamagedReleaseError,
    Publication,
    Release,
    current_id,
    is_ledger_gone,
    ledger_gone,
    read_release,
    verify_file,
    ways_on,
    ways_without_ledger,
)
from orchestration.settings import Settings

_OF_RELEASE = (
    "Nobody may read this release: `cohortmart build` makes a new one, `cohortmart rollback` returns to the "
    "one before, where there is one; or restore the file from a backup."
)
_EARLIER = " (made by an earlier version: content hashes of tables not recomputed)"
# Earlier versions wrote it and named it nowhere.
_NAMED_NOWHERE = "validation.json"


@dataclass(frozen=True)
class Check:
    """One thing that was checked.

    `subject` is what it belongs to (the ledger, a release), `kind` what was checked, `damage` what is wrong,
    empty when nothing is, and `remedy` what to do about it.
    """

    subject: str
    kind: str
    damage: str = ""
    remedy: str = ""


def verify_ledger(settings: Settings) -> tuple[list[ledger.Entry], Check]:
    """Verify the chain of the ledger.

    Returns:
        Its entries, those behind a damage included as far as each is intact; and the check.
    """
    entries, damage = ledger.read_intact(settings.ledger)
    kind = f"{len(entries):,} entries: hash chain"
    if n_before := sum(entry["kind"] == "recovery" for entry in entries):
        kind += f" (damaged before, {n_before}x: ledger.damaged-*.jsonl)"
    if damage:
        remedy = f"{ways_on(settings, entries)} Or restore the folder of the ledger from a backup."
        return entries, Check("ledger", kind, f"{settings.ledger}: {damage}", remedy)
    if not entries and is_ledger_gone(settings):
        return entries, Check("ledger", kind, ledger_gone(settings), ways_without_ledger(settings))
    return entries, Check("ledger", kind)


def verify_pointer(settings: Settings, published: list[Publication]) -> Check:
    """Verify that `current` points to a published release that is there."""
    remedy = "`cohortmart build` points it to a new release" + (
        ", `cohortmart rollback` to the last one that is whole." if published else "."
    )
    try:
        current = current_id(settings)
    except DamagedReleaseError as error:
        return Check("current", "pointer", str(error), remedy)
    known = {p.release_id: p for p in published}
    if not current:
        damage = f"{settings.current} is gone" if published else ""
    elif current not in known:
        damage = f"{settings.current} points to {current}, which the ledger does not know"
    elif not known[current].folder.is_dir():
        damage = f"{settings.current} points to {current}, whose folder is gone"
    else:
        damage = ""
    return Check(
        "current", f"points to {current}" if current else "pointer", damage, remedy if damage else ""
    )


def verify_release(publication: Publication) -> Iterator[Check]:
    """Verify everything a release is made of, a check at a time."""
    subject = publication.release_id
    try:
        release = read_release(publication)
    except DamagedReleaseError as error:
        yield Check(subject, "manifest as in the ledger", _fact(error), _OF_RELEASE)
        return
    yield Check(subject, "manifest as in the ledger")
    damaged = set()
    for name in release.files:
        kind = "Parquet files: sha256" if name.startswith("parquet/") else "files: sha256"
        try:
            verify_file(release, name)
        except DamagedReleaseError as error:
            damaged.add(name)
            yield Check(subject, kind, _fact(error), _OF_RELEASE)
        else:
            yield Check(subject, kind)
    yield from _foreign_files(release)
    # A damaged database may do anything when it is opened; what it holds is not asked for.
    if DATABASE not in damaged:
        yield from _database_content(release)
    yield from _parquet_content(release, damaged)
    yield from _manifest_itself(release)


def _fact(error: DamagedReleaseError) -> str:
    """What is wrong, without the advice."""
    return str(error).partition(": `")[0]


def _foreign_files(release: Release) -> Iterator[Check]:
    named = {*release.files, MANIFEST, *([_NAMED_NOWHERE] if is_earlier(release) else [])}
    for path in sorted(release.folder.rglob("*")):
        name = path.relative_to(release.folder).as_posix()
        if (path.is_symlink() or not path.is_dir()) and name not in named:
            damage = f"{path} was not published"
            yield Check(release.release_id, "other files", damage, "Move it out of the release.")


def _declared(described: dict[str, Any]) -> dict[str, str]:
    return {column["name"]: column["type"] for column in described["columns"]}


def _provenance(described: dict[str, Any]) -> list[str]:
    # Where a manifest does not say so of a column, its name did.
    return [
        column["name"]
        for column in described["columns"]
        if column.get("is_provenance", column["name"] in PROVENANCE_COLUMNS)
    ]


def _database_content(release: Release) -> Iterator[Check]:
    is_early = is_earlier(release)
    kind = f"tables: rows in the database{_EARLIER}" if is_early else "tables: content hash in the database"
    tables = release.manifest["tables"]
    try:
        with duckdb.connect(release.folder / DATABASE, read_only=True) as con:
            found = con.sql("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
            names = {name for (name,) in found}
            for name in sorted(names ^ set(tables)):
                where = "not in the database" if name in tables else "not in the manifest"
                yield Check(release.release_id, kind, f"{name} is {where}", _OF_RELEASE)
            for name in sorted(names & set(tables)):
                got = _counted(con, name, tables[name]) if is_early else _hashed(con, name, tables[name])
                yield _content_check(release, kind, name, got)
    except duckdb.Error as error:
        yield Check(release.release_id, kind, f"{release.folder / DATABASE}: {error}", _OF_RELEASE)


def _hashed(con: duckdb.DuckDBPyConnection, relation: str, described: dict[str, Any]) -> tuple[int, str]:
    return rows_hash(con, relation, _declared(described), _provenance(described))


def _counted(con: duckdb.DuckDBPyConnection, relation: str, described: dict[str, Any]) -> tuple[int, str]:
    """Count the rows of a table; its hash, which an earlier version made otherwise, is taken as it is."""
    found = con.execute(f"select count(*) from {relation}").fetchone()
    assert found is not None  # an aggregate without groups always gives a row
    return found[0], described["content_hash"]


def _parquet_content(release: Release, damaged: set[str]) -> Iterator[Check]:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    is_early = is_earlier(release)
    kind = f"tables: rows in Parquet{_EARLIER}" if is_early else "tables: content hash in Parquet"
    with duckdb.connect() as con:
        for name, described in release.manifest["tables"].items():
            if described["parquet"] in damaged:
                continue
            path = release.folder / described["parquet"]
            try:
                rows = pq.read_table(path, page_checksum_verification=True)
                con.register("published", rows)
                if is_early:
                    got = _counted(con, "published", described)
                else:
                    columns = _declared(described)
                    typed = ", ".join(f'cast("{c}" as {t}) as "{c}"' for c, t in columns.items())
                    got = _hashed(con, f"(select {typed} from published)", described)
                con.unregister("published")
            except (duckdb.Error, pa.ArrowException, OSError) as error:
                yield Check(release.release_id, kind, f"{path}: {error}", _OF_RELEASE)
            else:
                yield _content_check(release, kind, name, got)


def _content_check(release: Release, kind: str, name: str, found: tuple[int, str]) -> Check:
    described = release.manifest["tables"][name]
    if found == (described["rows"], described["content_hash"]):
        return Check(release.release_id, kind)
    damage = f"{name} holds {found[0]:,} rows that are not the {described['rows']:,} of the manifest"
    return Check(release.release_id, kind, damage, _OF_RELEASE)


def _manifest_itself(release: Release) -> Iterator[Check]:
    if "content_hash" not in release.manifest:
        return  # of an earlier version
    hashes = {name: table["content_hash"] for name, table in release.manifest["tables"].items()}
    damage = (
        "" if release_hash(hashes) == release.manifest["content_hash"] else "it is not that of its tables"
    )
    yield Check(release.release_id, "content hash of the release", damage, _OF_RELEASE if damage else "")


def verify_deliveries(
    publication: Publication, settings: Settings, entries: list[ledger.Entry]
) -> Iterator[Check]:
    """Verify the kept packages that a release was made from; readers do not need them, a build may.

    A package that somebody was taken out of since, having withdrawn consent, is the one without them.
    """
    try:
        release = read_release(publication)
    except DamagedReleaseError:
        return  # said of the release itself
    kind = "files of kept deliveries: sha256"
    for study in release.manifest["inputs"]:
        delivered = {file["path"]: file["sha256"] for file in study["files"]}
        sha256, files = _as_redacted(settings, study, delivered, entries)
        folder = settings.deliveries / study["study_id"] / sha256
        remedy = f"Restore {folder} from a backup, or remove it and deliver that package again."
        for name, expected in files.items():
            damage = _file_damage(folder / name, expected)
            yield Check(release.release_id, kind, damage, remedy if damage else "")


def _as_redacted(
    settings: Settings, study: Mapping[str, Any], files: Mapping[str, str], entries: list[ledger.Entry]
) -> tuple[str, Mapping[str, str]]:
    """What became of a package after withdrawals: its sha256 and files, none when nothing of it is left."""
    study_id, sha256 = study["study_id"], study["package_sha256"]
    for entry in entries:
        was = (entry["kind"], entry.get("step"), entry.get("study_id"), entry.get("package_sha256"))
        if was == ("withdrawal", "redacted", study_id, sha256):
            sha256, files = entry["redacted_sha256"], files_of(settings, entry)
    return sha256, files


def _file_damage(path: Path, sha256: str) -> str:
    try:
        found = file_sha256(path)
    except OSError as error:
        return f"{path} cannot be read ({error.strerror})"
    return "" if found == sha256 else f"{path} is not what was delivered (its sha256 is another)"
