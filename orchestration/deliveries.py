"""Study packages as they were delivered, kept by content.

A delivery is copied before it is read, so that what a release was made from can always be read again,
and a file that changes under a running build cannot split one study over two versions.
"""

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from orchestration import ledger
from orchestration.release.durable import sync_tree
from orchestration.settings import Settings
from schemas.errors import StudyPackageError
from schemas.study import STUDY_FILE, load_study


@dataclass(frozen=True)
class DeliveredFile:
    """A file of a package: its path inside it, its size and its sha256."""

    path: str
    n_bytes: int
    sha256: str


@dataclass(frozen=True)
class Delivery:
    """A kept study package; `sha256` is over the names and contents of all its files."""

    study_id: str
    sha256: str
    folder: Path
    files: tuple[DeliveredFile, ...]

    def as_input(self) -> dict[str, Any]:
        """What a release's manifest says of it: no path of this machine."""
        return {
            "study_id": self.study_id,
            "package_sha256": self.sha256,
            "files": [asdict(f) for f in self.files],
        }


def _describe(package: Path, path: str) -> DeliveredFile:
    with (package / path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return DeliveredFile(path, file.tell(), digest)


def deliver(package: Path, settings: Settings) -> Delivery:
    """Keep a study package under the warehouse's home and enter it in the ledger.

    Only the descriptor and the files it names are kept. A package whose content is kept already is not
    copied again.

    Raises:
        StudyPackageError: the package cannot be read.
    """
    study = load_study(package)
    paths = [STUDY_FILE, *sorted(name for names in study.records.values() for name in names)]
    files = tuple(_describe(package, path) for path in paths)
    digest = hashlib.sha256("".join(f"{f.sha256} {f.path}\n" for f in files).encode()).hexdigest()
    folder = settings.deliveries / study.study_id / digest
    delivery = Delivery(study.study_id, digest, folder, files)
    if folder.exists():
        _check_kept(delivery)
        return delivery
    partial = _copy(package, files, folder)
    ledger.append(
        settings.ledger,
        "delivery",
        study_id=study.study_id,
        package_sha256=digest,
        files={f.path: f.sha256 for f in files},
    )
    partial.rename(folder)
    return delivery


def _check_kept(delivery: Delivery) -> None:
    """Refuse a kept delivery that is no longer what it was: a build would certify what it did not read."""
    for file in delivery.files:
        kept = delivery.folder / file.path
        if not kept.is_file() or _describe(delivery.folder, file.path) != file:
            raise StudyPackageError(
                [f"{kept} was damaged after it was delivered: remove {delivery.folder} and deliver again"]
            )


def _copy(package: Path, files: tuple[DeliveredFile, ...], folder: Path) -> Path:
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for file in files:
        target = partial / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(package / file.path, target)
        if _describe(partial, file.path) != file:
            raise StudyPackageError([f"{package / file.path} changed while it was copied: deliver it again"])
    sync_tree(partial)
    return partial


def save_deliveries(folder: Path, deliveries: list[Delivery]) -> None:
    """Note in a run's folder which deliveries it reads."""
    content = [{**asdict(d), "folder": str(d.folder)} for d in deliveries]
    (folder / "deliveries.json").write_text(json.dumps(content), encoding="utf-8")


def read_deliveries(folder: Path) -> list[Delivery]:
    """Read which deliveries a run reads, in the order they were given."""
    content = json.loads((folder / "deliveries.json").read_text(encoding="utf-8"))
    return [
        Delivery(
            study_id=d["study_id"],
            sha256=d["sha256"],
            folder=Path(d["folder"]),
            files=tuple(DeliveredFile(**f) for f in d["files"]),
        )
        for d in content
    ]
