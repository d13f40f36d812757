"""Running an export and saying what was written."""

from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

from orchestration.cli.terminal import fail, terminal
from orchestration.privacy.export import (
    Export,
    ImpossibleExportError,
    Profile,
    describe_table,
    export_release,
)
from orchestration.privacy.export_folder import UnwritableExportError
from orchestration.privacy.pseudonyms import weakness
from orchestration.release.read import DamagedReleaseError, NoReleaseError
from orchestration.settings import Settings


def run_export(settings: Settings, profile: str, output: Path, release: str, studies: list[str]) -> int:
    """Export a release and print what was written.

    Returns:
        Exit status: 0, or 2 when there is no such release or study, or the folder cannot be written.
    """
    try:
        export = export_release(settings, Profile(profile), output, release, studies)
    except (NoReleaseError, DamagedReleaseError, UnwritableExportError, ImpossibleExportError) as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"{output} cannot be written: {error.strerror or error}.")
    except duckdb.Error as error:
        return fail(f"The release cannot be read: {str(error).splitlines()[0]}")
    _print(export, Profile(profile))
    key = settings.pseudonym_key
    if profile == Profile.SHIFTED and key is not None and (reason := weakness(key)):
        Console(stderr=True).print(reason, style="yellow", markup=False, highlight=False, soft_wrap=True)
    return 0


def _print(export: Export, profile: Profile) -> None:
    console = terminal()
    listing = Table(box=None, pad_edge=False, header_style="bold")
    for header in ("table", "rows", ""):
        listing.add_column(header, justify="right" if header == "rows" else "left", overflow="fold")
    for name, table in sorted(export.tables.items()):
        listing.add_row(name, f"{table.rows:,}", describe_table(table))
    console.print(listing)
    if profile is Profile.SHIFTED:
        console.print("\n" + export.notes[0], highlight=False, soft_wrap=True)
    console.print(
        f"\nRelease {export.release_id}, profile {profile.value}: {export.folder}\n"
        "README.txt there says what was changed and why; manifest.json has the sha256 of every file.",
        highlight=False,
        soft_wrap=True,
    )
