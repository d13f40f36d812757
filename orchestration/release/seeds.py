"""What a release was seeded with: the reference data of dbt, and the random numbers of simulated studies."""

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import seeds
from orchestration.checksums import file_sha256

_REFERENCE = Path(seeds.__file__).parent / "reference"


def seeds_of(inputs: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Describe the seeds of a build for the manifest.

    Args:
        inputs: the delivered packages, as the manifest describes them.

    Returns:
        `reference`, the sha256 of every file of reference data, and `simulations`, the random seed of every
        simulated study that ships, if the package is what that seed gives.
    """
    return {
        "reference": {
            path.name: file_sha256(path) for path in sorted(_REFERENCE.iterdir()) if path.is_file()
        },
        "simulations": {
            study["study_id"]: seed for study in inputs if (seed := _simulated_with(study)) is not None
        },
    }


def _simulated_with(study: dict[str, Any]) -> int | None:
    """The seed that a package was simulated with; the same seed gives the same bytes on every machine."""
    if study["study_id"] not in ("challenge-sim", "myokine-sim"):
        return None
    write_package, seed = _shipped(study["study_id"])
    with tempfile.TemporaryDirectory(prefix="cohortmart-") as scratch:
        package = write_package(Path(scratch) / "package")
        written = {path.name: file_sha256(path) for path in package.iterdir()}
    return seed if written == {file["path"]: file["sha256"] for file in study["files"]} else None


def _shipped(study_id: str) -> tuple[Callable[[Path], Path], int]:
    # The simulators take libraries that a build of other studies does not need.
    from seeds.studies.challenge import package as challenge  # noqa: PLC0415
    from seeds.studies.myokine_sim import package as myokine  # noqa: PLC0415

    package = challenge if study_id == "challenge-sim" else myokine
    return package.write_package, package.SHIPPED_SEED
