"""From a verified release to the folder of an export, by profile."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import duckdb

from orchestration.privacy import readme
from orchestration.privacy.aggregate import write_aggregate
from orchestration.privacy.export_folder import ExportedTable, new_folder, write_manifest
from orchestration.privacy.released_tables import UNEXPORTED_SCHEMAS, ReleasedTable, read_tables
from orchestration.privacy.safe_harbor import write_safe_harbor
from orchestration.privacy.shifted import write_shifted
from orchestration.release.code_version import code_version
from orchestration.release.read import connect, find_release
from orchestration.settings import Settings


class Profile(StrEnum):
    """For whom an export is."""

    SAFE_HARBOR = "safe-harbor"
    AGGREGATE = "aggregate"
    SHIFTED = "shifted"


class ImpossibleExportError(Exception):
    """The export cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class Export:
    """What was written; `notes` say what it is, a paragraph each."""

    release_id: str
    folder: Path
    tables: dict[str, ExportedTable]
    notes: list[str]


def export_release(
    settings: Settings, profile: Profile, output: Path, which: str = "current", studies: Sequence[str] = ()
) -> Export:
    """Export a release, or some studies of it.

    Args:
        settings: the warehouse.
        profile: for whom.
        output: the folder to write; must be empty or absent.
        which: the release: `current`, its id or the beginning of it.
        studies: ids of studies; all of them by default.

    Raises:
        NoReleaseError: there is no such release.
        DamagedReleaseError: it is not what was published.
        UnwritableExportError: `output` is not an empty folder.
        ImpossibleExportError: there is no such study, or the profile needs a key that is not set.
        OSError: the folder cannot be written.
    """
    if profile is Profile.SHIFTED and settings.pseudonym_key is None:
        raise ImpossibleExportError(
            "The shifted profile needs a key for pseudonyms and shifts: set COHORTMART_PSEUDONYM_KEY to a "
            "secret such as `openssl rand -base64 32` writes, and keep it."
        )
    if output.expanduser().resolve().is_relative_to(settings.home.resolve() / "warehouse"):
        raise ImpossibleExportError(f"{output} is inside the warehouse: name a folder outside it.")
    release = find_release(settings, which)
    with connect(release) as con, new_folder(output) as folder:
        study_ids = _studies(con, studies)
        released = read_tables(release, con)
        of_participants = [table for table in released.values() if _is_exported(table)]
        match profile:
            case Profile.AGGREGATE:
                tables = write_aggregate(con, study_ids, folder)
            case Profile.SAFE_HARBOR:
                tables = write_safe_harbor(con, of_participants, study_ids, folder)
            case Profile.SHIFTED:
                assert settings.pseudonym_key is not None  # was asked for before anything was written
                tables = write_shifted(con, of_participants, study_ids, folder, settings.pseudonym_key)
        about = {
            "profile": profile.value,
            "is_safe_harbor": profile is Profile.SAFE_HARBOR,
            "release_id": release.release_id,
            "exported_on": dt.datetime.now(dt.UTC).date().isoformat(),
            "code_version": code_version(),
            "studies": study_ids,
            "notes": readme.NOTES[profile],
            "tables_left_out": {
                name: _why_left_out(profile, table) for name, table in released.items() if name not in tables
            },
        }
        write_manifest(folder, about, tables, readme.text(profile, release.release_id, tables))
    return Export(release.release_id, output, tables, readme.NOTES[profile])


def _is_exported(table: ReleasedTable) -> bool:
    """Whether rows belong to a participant each, so that the rules for columns are enough for the table."""
    schema = table.name.partition(".")[0]
    return schema not in UNEXPORTED_SCHEMAS and table.has("study_id", "participant_id")


def _why_left_out(profile: Profile, table: ReleasedTable) -> str:
    schema = table.name.partition(".")[0]
    if schema in UNEXPORTED_SCHEMAS:
        return "says where rows of the delivered files went, row by row"
    if profile is not Profile.AGGREGATE:
        if table.is_of_participants:
            return "identifies, and does not say by a participant_id whose a row is"
        return "is not about participants; can be made from the tables that are, or stays in the warehouse"
    if table.is_of_participants:
        return "has a row for each participant, sample or bout"
    if schema == "reference":
        return "describes the warehouse, not its participants: `cohortmart tables` in the warehouse shows it"
    return "its counts cannot be treated one by one: see the tables of the export that take its place"


def _studies(con: duckdb.DuckDBPyConnection, wanted: Sequence[str]) -> list[str]:
    known = [
        study for (study,) in con.execute("select study_id from reference.study order by study_id").fetchall()
    ]
    if unknown := [study for study in wanted if study not in known]:
        raise ImpossibleExportError(
            f"The release has no study {', '.join(unknown)}; it has {', '.join(known)}."
        )
    return [study for study in known if not wanted or study in wanted]


def describe_table(table: ExportedTable) -> str:
    """Say in a few words what became of a table."""
    more: dict[str, Any] = table.more
    if "counts_shown" in more:
        total = more["counts_shown"] + more["counts_suppressed"]
        return f"{more['counts_shown']:,} of {total:,} counts shown"
    return f"left out: {', '.join(table.left_out)}" if table.left_out else ""
