"""What a delivery changes against the one that the current release was made from, in counts."""

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration import ledger
from orchestration.checksums import file_sha256
from orchestration.deliveries.deliver import Delivery
from orchestration.landing import apply_cross_record_rules, create_raw_tables, land_record, land_study
from orchestration.landing.corrections import RowChanges, compare
from orchestration.landing.kept import DamagedLandingError, KeptLanding, find_kept, keep, kept_folder
from orchestration.release.read import DamagedReleaseError, NoReleaseError, find_release
from orchestration.settings import Settings
from schemas.errors import StudyPackageError
from schemas.study import load_study

# What a scratch database spills to disk beyond.
_MEMORY_LIMIT = "512MB"


@dataclass(frozen=True)
class Correction:
    """A study whose delivery is another than in the current release.

    Attributes:
        study_id: the study.
        release_id: the release that is current.
        before: package sha256 in that release.
        after: package sha256 of the delivery.
        files: names of files that were added, removed and changed.
        rows: records of which accepted rows differ; None when the delivery before cannot be read any more.
    """

    study_id: str
    release_id: str
    before: str
    after: str
    files: dict[str, list[str]]
    rows: list[RowChanges] | None

    def __str__(self) -> str:
        """Say in a line what changed, for the terminal."""
        names = [f"{name} {what}" for what, names in self.files.items() for name in names]
        if self.rows is None:
            rows = "rows not compared, as the delivery before cannot be read any more"
        elif self.rows:
            rows = f"accepted rows of {'; '.join(map(str, self.rows))}"
        else:
            rows = "no accepted row differs"
        return f"{self.study_id}: corrected since release {self.release_id} ({', '.join(names)}): {rows}."

    def enter(self, settings: Settings, run_id: str) -> None:
        """Enter in the ledger what changed; it names no participant."""
        rows = self.rows
        ledger.append(
            settings.ledger,
            "landing",
            run_id=run_id,
            study_id=self.study_id,
            package_sha256=self.after,
            replaces_sha256=self.before,
            release_id=self.release_id,
            files=self.files,
            rows=None if rows is None else {r.record: _counts(r) for r in rows},
        )


def _counts(changes: RowChanges) -> dict[str, int]:
    return {name: n for name, n in asdict(changes).items() if name != "record"}


def find_corrections(settings: Settings, deliveries: Iterable[Delivery]) -> list[Correction]:
    """Compare the deliveries of a run, with all their rows, with those of the current release.

    A study that the current release does not hold is new, not corrected.
    """
    try:
        release = find_release(settings)
    except (NoReleaseError, DamagedReleaseError):
        return []
    before = {given["study_id"]: given for given in release.manifest["inputs"]}
    return [
        _correction(settings, release.release_id, before[delivery.study_id], delivery)
        for delivery in deliveries
        if before.get(delivery.study_id, {"package_sha256": delivery.sha256})["package_sha256"]
        != delivery.sha256
    ]


def _correction(settings: Settings, release_id: str, before: dict[str, Any], after: Delivery) -> Correction:
    was = {file["path"]: file["sha256"] for file in before["files"]}
    now = {file.path: file.sha256 for file in after.files}
    files = {
        "added": sorted(now.keys() - was.keys()),
        "removed": sorted(was.keys() - now.keys()),
        "changed": sorted(name for name in was.keys() & now.keys() if was[name] != now[name]),
    }
    return Correction(
        study_id=after.study_id,
        release_id=release_id,
        before=before["package_sha256"],
        after=after.sha256,
        files={what: names for what, names in files.items() if names},
        rows=_compare(settings, before, after),
    )


def _compare(settings: Settings, before: dict[str, Any], after: Delivery) -> list[RowChanges] | None:
    try:
        was, is_now = _landing_of(settings, before), _landing_of(settings, after.as_input())
        return compare(was, is_now) if was and is_now else None
    except (DamagedLandingError, StudyPackageError, OSError):
        return None


def _landing_of(settings: Settings, given: dict[str, Any]) -> KeptLanding | None:
    """Find what a delivery landed as; what is not kept is landed once more.

    It is not kept when it landed under other code, or when an earlier data cutoff took a part of it.
    """
    study_id, sha256 = given["study_id"], given["package_sha256"]
    folder = kept_folder(settings.landed, study_id, sha256)
    if kept := _sound(folder):
        return kept
    package = settings.deliveries / study_id / sha256
    if any(file_sha256(package / file["path"]) != file["sha256"] for file in given["files"]):
        return None
    with (
        tempfile.TemporaryDirectory(prefix="cohortmart-landing-") as scratch,
        duckdb.connect(Path(scratch) / "landing.duckdb", config={"threads": settings.threads}) as con,
    ):
        con.execute(f"set memory_limit = '{_MEMORY_LIMIT}'")
        study = load_study(package)
        create_raw_tables(con)
        land_study(con, study)
        for record in study.records:
            land_record(con, study, record)
        apply_cross_record_rules(con, [study])
        keep(con, study_id, folder)
    return find_kept(folder)


def _sound(folder: Path) -> KeptLanding | None:
    try:
        return find_kept(folder)
    except DamagedLandingError:
        shutil.rmtree(folder, ignore_errors=True)
        return None
