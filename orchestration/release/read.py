"""Releases as readers find them: by the ledger, verified, and never half of one.

A release is a folder that a publication in the ledger names, whose manifest has the sha256 that the
publication says. A folder that no publication names is none: it was being made when a build was killed. A
release whose folder was removed on purpose (`prune` in the ledger) is none any more.
"""

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration import ledger
from orchestration.checksums import file_sha256
from orchestration.settings import Settings

DATABASE = "cohortmart.duckdb"
MANIFEST = "manifest.json"
CURRENT = "current"

_LISTS_DAMAGE = "`cohortmart verify` lists all damage"
_MAKES_ANOTHER = "`cohortmart build` makes a new release"


class NoReleaseError(Exception):
    """There is no such release; the message says what to do."""


class DamagedReleaseError(Exception):
    """What a release is made of is not what was published; the message names the file and what to do."""


@dataclass(frozen=True)
class Publication:
    """What the ledger says of one release, in the order of publication.

    `is_locked` is whether it is frozen as a database lock.
    """

    release_id: str
    folder: Path
    sequence: int
    published_at: str
    manifest_sha256: str
    is_locked: bool


@dataclass(frozen=True)
class Release:
    """A published release; `manifest` is verified, and the files it names are not yet.

    In a list of releases, `damage` says what is wrong with one whose manifest cannot be trusted; it is empty
    then.
    """

    release_id: str
    folder: Path
    manifest: dict[str, Any]
    publication: Publication
    damage: str = ""

    @property
    def files(self) -> dict[str, tuple[str, int]]:
        """Sha256 and size in bytes of every file that the manifest names, by path inside the folder."""
        named = {name: (f["sha256"], f["bytes"]) for name, f in self.manifest["files"].items()}
        tables = self.manifest["tables"].values()
        return named | {t["parquet"]: (t["parquet_sha256"], t["parquet_bytes"]) for t in tables}


def read_entries(settings: Settings) -> list[ledger.Entry]:
    """Read the ledger as a reader does, who must not be told what it cannot vouch for.

    Raises:
        DamagedReleaseError: the ledger is damaged.
    """
    try:
        entries = ledger.read(settings.ledger)
    except (ValueError, OSError) as error:
        readable: list[ledger.Entry] = []
        with contextlib.suppress(OSError):
            readable, _ = ledger.read_intact(settings.ledger)
        raise DamagedReleaseError(
            f"{settings.ledger}: {error}. What was published cannot be verified: {_LISTS_DAMAGE}; "
            f"{ways_on(settings, readable)}"
        ) from None
    # Before the pointer is made, the publication is in the ledger.
    if not entries and is_ledger_gone(settings) and settings.current.is_symlink():
        raise DamagedReleaseError(f"{ledger_gone(settings)} {ways_without_ledger(settings)}")
    return entries


def is_ledger_gone(settings: Settings) -> bool:
    """Whether there is no ledger, or an empty one, and yet a release that one must have named."""
    is_there = settings.ledger.is_file() and settings.ledger.stat().st_size > 0
    return not is_there and (
        settings.current.is_symlink() or (settings.releases.is_dir() and any(settings.releases.glob("[!.]*")))
    )


def ledger_gone(settings: Settings) -> str:
    """Say that the ledger is gone, and what that means."""
    return (
        f"{settings.ledger} is gone or empty: nothing says which releases were published, and what they held."
    )


def ways_without_ledger(settings: Settings) -> str:
    """Say what to do when the ledger is gone."""
    return (
        f"Restore the folder {settings.ledger.parent} from a backup. Without one, copy {settings.releases} "
        "elsewhere first: `cohortmart build` begins a new ledger, which knows nothing of earlier releases, "
        "locks and withdrawals, and the builds after it remove releases that it does not know."
    )


def ways_on(settings: Settings, entries: list[ledger.Entry], but: str = "") -> str:
    """Say what mends a damaged ledger or pointer: a build; a rollback where there is something to return to.

    Args:
        settings: the warehouse.
        entries: what can be read of the ledger.
        but: the release that readers must not return to; by default the current one.
    """
    with contextlib.suppress(DamagedReleaseError):
        but = but or current_id(settings)
    known = [p for p in publications(settings, entries) if p.release_id != but]
    keeps = "keeps what is damaged of the ledger and goes on with what is whole"
    build = "`cohortmart build` makes a new release"
    for publication in reversed(known):
        with contextlib.suppress(DamagedReleaseError):
            read_release(publication)
            rollback = f"`cohortmart rollback {publication.release_id}` returns to that one"
            return f"{build}, {rollback}; either {keeps}."
    return f"{build}, and {keeps}."


def publications(settings: Settings, entries: list[ledger.Entry]) -> list[Publication]:
    """List the releases that the ledger knows and that were not removed, oldest publication first."""
    published: dict[str, ledger.Entry] = {}
    locked: set[str] = set()
    for entry in entries:
        release_id = entry.get("release_id", "")
        match entry["kind"]:
            case "publication":
                # Published once; a line that was carried over from a damaged ledger says it again.
                published.setdefault(release_id, entry)
            case "prune":
                for removed in entry["releases"]:
                    published.pop(removed, None)
            case "lock":
                locked.add(release_id)
            case "unlock":
                locked.discard(release_id)
    return [
        Publication(
            release_id=release_id,
            folder=settings.releases / release_id,
            sequence=entry["sequence"],
            published_at=entry["at"],
            manifest_sha256=entry["manifest_sha256"],
            is_locked=release_id in locked,
        )
        for release_id, entry in published.items()
    ]


def current_id(settings: Settings) -> str:
    """The release that `current` points to, by name; empty when there is no pointer."""
    try:
        return settings.current.readlink().name
    except FileNotFoundError:
        return ""
    except OSError:
        raise DamagedReleaseError(
            f"{settings.current} is no pointer to a release: run `cohortmart build`, or `cohortmart "
            "rollback` to return to the last one that is whole."
        ) from None


def list_releases(settings: Settings) -> list[Release]:
    """List the published releases, oldest publication first; one whose manifest is damaged says so.

    Raises:
        DamagedReleaseError: the ledger is damaged.
    """
    releases = []
    for publication in publications(settings, read_entries(settings)):
        try:
            releases.append(read_release(publication))
        except DamagedReleaseError as error:
            releases.append(
                Release(publication.release_id, publication.folder, {}, publication, damage=str(error))
            )
    return releases


def find_release(settings: Settings, which: str = CURRENT) -> Release:
    """Find a release, and verify its manifest against the ledger.

    Args:
        settings: the warehouse.
        which: `current`, the id of a release, or the beginning of one.

    Raises:
        NoReleaseError: there is none, or the beginning fits several.
        DamagedReleaseError: the ledger, the pointer or the manifest is damaged.
    """
    wanted = which
    if which == CURRENT:
        wanted = current_id(settings)
        if not wanted:
            raise NoReleaseError(none_to_read(settings))
    known = publications(settings, read_entries(settings))
    if which == CURRENT and wanted not in {p.release_id for p in known}:
        raise DamagedReleaseError(
            f"{settings.current} points to {wanted}, which the ledger does not know: run `cohortmart build`"
            + (", or `cohortmart rollback` to return to the last release." if known else ".")
        )
    return read_release(choose(settings, known, wanted))


def choose(settings: Settings, known: list[Publication], wanted: str) -> Publication:
    """Choose a release by its id or the beginning of it.

    Raises:
        NoReleaseError: there is none, or the beginning fits several.
    """
    exact = [p for p in known if p.release_id == wanted]
    fitting = exact or [p for p in known if wanted and p.release_id.startswith(wanted)]
    if len(fitting) != 1:
        raise NoReleaseError(_which(settings, wanted, fitting))
    return fitting[0]


def none_to_read(settings: Settings) -> str:
    """Say why there is no release to read, and what to do."""
    if is_ledger_gone(settings):
        return f"{ledger_gone(settings)} {ways_without_ledger(settings)}"
    if settings.releases.is_dir() and any(settings.releases.glob("[!.]*")):
        return (
            f"There is no current release in {settings.home}: run `cohortmart build`, or `cohortmart "
            "rollback` to return to the last one."
        )
    return f"There is no release in {settings.home} yet: run `cohortmart build` first."


def _which(settings: Settings, which: str, fitting: list[Publication]) -> str:
    if fitting:
        names = ", ".join(p.release_id for p in fitting)
        return f"`{which}` is the beginning of {len(fitting)} releases: {names}. Give more of it."
    return f"There is no release `{which}` in {settings.home}: `cohortmart releases` lists them."


def read_release(publication: Publication) -> Release:
    """Read the manifest of a release, as it was published.

    Raises:
        DamagedReleaseError: it is gone, or not what was published.
    """
    path = publication.folder / MANIFEST
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DamagedReleaseError(
            f"{path} cannot be read ({error.strerror}): {_ways_out(publication)}"
        ) from None
    if hashlib.sha256(content).hexdigest() != publication.manifest_sha256:
        raise DamagedReleaseError(
            f"{path} is not what was published (its sha256 is not the one in the ledger): "
            f"{_ways_out(publication)}"
        )
    return Release(publication.release_id, publication.folder, json.loads(content), publication)


def _ways_out(publication: Publication) -> str:
    """Say what to do when a release is damaged."""
    folder = publication.folder
    others = any((other / MANIFEST).is_file() for other in folder.parent.glob("[!.]*") if other != folder)
    rollback = "; `cohortmart rollback` returns to the release before" if others else ""
    return f"{_LISTS_DAMAGE}; {_MAKES_ANOTHER}{rollback}."


def verify_file(release: Release, name: str) -> None:
    """Verify one file of a release, by its path inside the folder.

    Raises:
        DamagedReleaseError: it is gone, or its sha256 is not the manifest's.
        KeyError: the manifest names no such file.
    """
    sha256, _ = release.files[name]
    path = release.folder / name
    try:
        found = file_sha256(path)
    except OSError as error:
        raise DamagedReleaseError(
            f"{path} cannot be read ({error.strerror}): {_ways_out(release.publication)}"
        ) from None
    if found != sha256:
        raise DamagedReleaseError(
            f"{path} is not what was published (its sha256 is not the manifest's): "
            f"{_ways_out(release.publication)}"
        )


def connect(release: Release, config: Mapping[str, Any] | None = None) -> duckdb.DuckDBPyConnection:
    """Open the database of a release read-only, after its sha256 was verified.

    Args:
        release: the release.
        config: options of DuckDB.

    Raises:
        DamagedReleaseError: the file is gone or not what was published.
    """
    verify_file(release, DATABASE)
    return _open(release, config)


@contextmanager
def reading(release: Release, config: Mapping[str, Any] | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the database of a release read-only, and verify its sha256 while it is queried.

    What was read inside may be shown to nobody before the block has been left: leaving it raises when the
    file is damaged, whatever the queries said.

    Raises:
        DamagedReleaseError: the file is gone or not what was published.
    """
    damage: list[DamagedReleaseError] = []

    def check() -> None:
        try:
            verify_file(release, DATABASE)
        except DamagedReleaseError as error:
            damage.append(error)

    checking = threading.Thread(target=check, name="verify", daemon=True)
    checking.start()
    try:
        with _open(release, config) as con:
            yield con
    finally:
        checking.join()
        if damage:
            raise damage[0] from None


def _open(release: Release, config: Mapping[str, Any] | None) -> duckdb.DuckDBPyConnection:
    # Through the folder of the release, not the pointer: it stays the same one while it is read.
    return duckdb.connect(release.folder / DATABASE, read_only=True, config=dict(config or {}))
