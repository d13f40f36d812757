"""Which studies of a run are landed anew, and which landed before and are read again.

What is kept of a study has been held against the rules across records with all its rows. An earlier data
cutoff takes rows away before those rules, so a study that it concerns is landed anew, and not kept.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from orchestration.deliveries.deliver import Delivery
from orchestration.landing.kept import (
    DamagedLandingError,
    KeptLanding,
    discard,
    find_kept,
    kept_folder,
    remove_unneeded,
)
from orchestration.settings import Settings
from schemas.study import load_study

_FILE = "landing_plan.json"


@dataclass
class LandingPlan:
    """The kept landings of a run by study; a study that is not among them is landed anew.

    `damaged` says of kept landings that were thrown away what was wrong with them.
    """

    kept: dict[str, KeptLanding] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)

    def new(self, deliveries: Iterable[Delivery]) -> list[Delivery]:
        """The deliveries that are landed anew."""
        return [delivery for delivery in deliveries if delivery.study_id not in self.kept]

    def __str__(self) -> str:
        """Say how many studies landed before, as `3 studies unchanged, landed before`."""
        n = len(self.kept)
        return f"{n} {'study' if n == 1 else 'studies'} unchanged, landed before"


def landing_of(settings: Settings, delivery: Delivery) -> Path:
    """Where the landing of a delivery is kept."""
    return kept_folder(settings.landed, delivery.study_id, delivery.sha256)


def is_cut_short(settings: Settings, delivery: Delivery) -> bool:
    """Whether the build was asked for a data cutoff that is earlier than the study's own."""
    cutoff = settings.data_cutoff
    return cutoff is not None and load_study(delivery.folder).data_cutoff > cutoff


def plan_landing(settings: Settings, deliveries: Iterable[Delivery]) -> LandingPlan:
    """Find what landed before and verify it; what is damaged, or needed by nothing, is removed."""
    plan = LandingPlan()
    remove_unneeded(settings.landed, settings.deliveries)
    for delivery in deliveries:
        if is_cut_short(settings, delivery):
            continue
        folder = landing_of(settings, delivery)
        try:
            if kept := find_kept(folder):
                plan.kept[delivery.study_id] = kept
        except DamagedLandingError as error:
            discard(folder)
            plan.damaged.append(
                f"{delivery.study_id}: what was kept of its landing is damaged ({error}): it is landed again."
            )
    return plan


def save_plan(folder: Path, plan: LandingPlan) -> None:
    """Note in a run's folder which studies it reads from what was kept."""
    content = {study_id: {**asdict(kept), "folder": str(kept.folder)} for study_id, kept in plan.kept.items()}
    (folder / _FILE).write_text(json.dumps(content), encoding="utf-8")


def read_plan(folder: Path) -> LandingPlan:
    """Read which studies a run reads from what was kept."""
    content = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    return LandingPlan(
        {
            study_id: KeptLanding(Path(kept["folder"]), kept["rows"], kept["sha256"])
            for study_id, kept in content.items()
        }
    )
