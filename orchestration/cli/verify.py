"""`cohortmart verify`: is everything still what was published and delivered?"""

from collections.abc import Iterable
from itertools import groupby

from rich.console import Console

from orchestration.cli.terminal import fail, terminal
from orchestration.release.read import CURRENT, NoReleaseError, Publication, choose, current_id, publications
from orchestration.release.verify import (
    Check,
    verify_deliveries,
    verify_ledger,
    verify_pointer,
    verify_release,
)
from orchestration.settings import Settings


def run_verify(settings: Settings, which: str, *, every: bool) -> int:
    """Verify a release, or all, with the ledger and the pointer; print a line for each kind of check.

    Args:
        settings: the warehouse.
        which: id of a release or the beginning of one; empty for the current one.
        every: verify all releases.

    Returns:
        Exit status: 0 whole, 1 damaged, 2 there is nothing to verify.
    """
    entries, of_ledger = verify_ledger(settings)
    known = publications(settings, entries)
    of_pointer = verify_pointer(settings, known)
    try:
        chosen = known if every else _chosen(settings, known, which, of_pointer)
    except NoReleaseError as error:
        if not of_ledger.damage:
            return fail(str(error))
        # The damage may be why it is not found.
        fail(str(error))
        chosen = []
    if not known and not of_ledger.damage and not of_pointer.damage:
        return fail(f"There is no release in {settings.home} yet: run `cohortmart build` first.")
    console = terminal()
    damaged = _print([of_ledger, of_pointer], console)
    for publication in chosen:
        damaged += _print(verify_release(publication), console)
        damaged += _print(verify_deliveries(publication, settings, entries), console)
    if not damaged:
        return 0
    console.print(f"{len(damaged)} damaged:", style="bold red")
    for remedy in dict.fromkeys(check.remedy for check in damaged):
        for check in damaged:
            if check.remedy == remedy:
                console.print(f"  {check.damage}", markup=False, highlight=False, soft_wrap=True)
        console.print(f"    {remedy}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    return 1


def _chosen(settings: Settings, known: list[Publication], which: str, of_pointer: Check) -> list[Publication]:
    if which not in ("", CURRENT):
        return [choose(settings, known, which)]
    if of_pointer.damage:
        return []
    return [p for p in known if p.release_id == current_id(settings)]


def _print(checks: Iterable[Check], console: Console) -> list[Check]:
    """Print how the checks of each kind went, as they are done; returns those that found damage."""
    damaged: list[Check] = []
    for (subject, kind), tried in groupby(checks, key=lambda check: (check.subject, check.kind)):
        of_kind = list(tried)
        lost = [check for check in of_kind if check.damage]
        number = f"{len(of_kind):,} " if len(of_kind) > 1 else ""
        verdict = f"{len(lost):,} DAMAGED" if lost else "ok"
        style = "red" if lost else ""
        console.print(f"{subject}  {number}{kind}: {verdict}", style=style, markup=False, highlight=False)
        damaged += lost
    return damaged
