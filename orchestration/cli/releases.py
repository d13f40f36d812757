"""`cohortmart releases`: which releases there are."""

import json
import sys
from typing import Any

from rich.table import Table
from rich.text import Text

from orchestration.cli.terminal import fail, terminal
from orchestration.release.read import DamagedReleaseError, Release, current_id, list_releases
from orchestration.settings import Settings


def run_releases(settings: Settings, *, as_json: bool) -> int:
    """List the releases in the order of their publication.

    Returns:
        Exit status: 0, or 2 when the ledger or a manifest is damaged.
    """
    try:
        releases = list_releases(settings)
        current = current_id(settings)
    except DamagedReleaseError as error:
        return fail(str(error))
    rows = [_row(release, current) for release in releases]
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    elif rows:
        terminal().print(_table(rows))
        _say_what_is_interim(rows)
    else:
        terminal().print(f"There is no release in {settings.home} yet: run `cohortmart build` first.")
    if releases and current not in {release.release_id for release in releases}:
        return fail(
            f"`current` points to {current or 'nothing'}, which is no release: run `cohortmart rollback` or "
            "`cohortmart build`."
        )
    damaged = [release.damage for release in releases if release.damage]
    for damage in damaged:
        fail(damage)
    return 2 if damaged else 0


def _row(release: Release, current: str) -> dict[str, Any]:
    manifest = release.manifest
    return {
        "release_id": release.release_id,
        "created_at": manifest.get("created_at", release.publication.published_at),
        "is_current": release.release_id == current,
        "is_locked": release.publication.is_locked,
        "is_damaged": bool(release.damage),
        "studies": sorted(study["study_id"] for study in manifest.get("inputs", [])),
        "data_cutoff": manifest.get("settings", {}).get("data_cutoff"),
        # Releases made before the table was have no number of participants.
        "participants": manifest.get("tables", {}).get("study.participant", {}).get("rows"),
        "code_version": manifest.get("code_version", ""),
        "content_hash": manifest.get("content_hash", ""),
    }


def _table(rows: list[dict[str, Any]]) -> Table:
    listing = Table(box=None, pad_edge=False, header_style="bold")
    # When it was created, its name says.
    for header in ("release", "", "studies", "participants", "data cutoff", "code version"):
        is_number = header == "participants"
        listing.add_column(
            header,
            justify="right" if is_number else "left",
            overflow="fold",
            no_wrap=header in ("release", "data cutoff"),
        )
    for row in rows:
        marks = [mark for mark in ("current", "locked", "damaged") if row[f"is_{mark}"]]
        marks += ["interim"] if row["data_cutoff"] else []
        participants = "" if row["participants"] is None else f"{row['participants']:,}"
        cells = [row["release_id"], ", ".join(marks), ", ".join(row["studies"])]
        cells += [participants, row["data_cutoff"] or "", row["code_version"]]
        listing.add_row(*map(Text, cells))
    return listing


def _say_what_is_interim(rows: list[dict[str, Any]]) -> None:
    """Say it in words where readers now see less than was delivered."""
    for row in rows:
        if row["is_current"] and row["data_cutoff"]:
            terminal().print(
                f"The current release is an interim one: its data cutoff is {row['data_cutoff']}, "
                "and nothing after that day counts.",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
