"""The studies that ship: each folder is one study, with what writes its package.

Belongs here: descriptors (`study.yaml`), adapters that turn a public data set into a study package, and
simulators calibrated to a published trial, with what they share. Does not belong here: vocabularies and
rules that hold for every study (`seeds/reference`), what a package may contain (`schemas`), or anything that
reads one (`orchestration`).
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from seeds.studies import challenge, landers_ramos_50km, moertel_colon, myokine_sim

SHIPPED: Mapping[str, Callable[[Path], Path]] = {
    "moertel-colon": moertel_colon.write_package,
    "challenge-sim": challenge.write_package,
    "landers-ramos-50km": landers_ramos_50km.write_package,
    "myokine-sim": myokine_sim.write_package,
}
"""Writers of the packages that a build without configured studies delivers, by study_id."""
