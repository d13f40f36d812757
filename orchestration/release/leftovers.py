"""What killed builds and removals leave behind, and how it is told from what must stay."""

import json
import shutil
from pathlib import Path

from orchestration import ledger
from orchestration.release.durable import sync_folder
from orchestration.release.read import MANIFEST, DamagedReleaseError, current_id, publications, read_entries
from orchestration.settings import Settings

# A release that is being made, and one that is being removed; both are hidden from everybody.
PARTIAL = ".partial"
REMOVED = ".removed"


def clear_leftovers(settings: Settings) -> list[str]:
    """Remove what was left by processes that were killed; the caller holds the lock of the warehouse.

    A folder that no publication names was renamed by a build that was killed before it could say so. It stays
    when the ledger is in doubt: damaged, without the release that readers have, or begun or recovered after
    the folder was made.

    Returns:
        Names of what was removed.
    """
    leftovers = [
        *settings.releases.glob(f".*{PARTIAL}"),
        *settings.releases.glob(f".*{REMOVED}"),
        *_unpublished(settings),
    ]
    leftovers += settings.current.parent.glob(f".{settings.current.name}.*")
    for path in leftovers:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    if leftovers:
        sync_folder(settings.releases)
        sync_folder(settings.current.parent)
    return [path.name for path in leftovers]


def _unpublished(settings: Settings) -> list[Path]:
    """Folders that no publication names, if the ledger can be trusted to name them all."""
    try:
        current = current_id(settings)
        entries = read_entries(settings)
        known = {p.release_id for p in publications(settings, entries)}
    except DamagedReleaseError:
        return []
    if not entries or (current and current not in known):
        return []
    # What a ledger that was lost, or lines that were, said of releases nobody knows.
    trusted_from = max(e["at"] for e in entries if e is entries[0] or e["kind"] == "recovery")
    in_doubt = b"".join(path.read_bytes() for path in ledger.damaged_ledgers(settings.ledger))
    return [
        folder
        for folder in settings.releases.iterdir()
        if not folder.name.startswith(".")
        and folder.is_dir()
        and folder.name not in known
        and folder.name.encode() not in in_doubt
        and _made_at(folder) >= trusted_from
    ]


def _made_at(folder: Path) -> str:
    """When a release was made, as its manifest says; without a readable one, as if it were later than any."""
    try:
        return str(json.loads((folder / MANIFEST).read_bytes())["created_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return "9999"
