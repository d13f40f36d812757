"""Plates as the laboratory sends them: duplicates, limits, two lots of kits, and what went wrong."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl

from seeds.studies.arrays import Floats
from seeds.studies.laboratory import result_texts, wells
from seeds.studies.myokine_sim.assumptions import Analyte, Place
from seeds.studies.myokine_sim.blood import DRAWS, has_draw, sample_id
from seeds.studies.myokine_sim.cohort import Cohort
from seeds.studies.myokine_sim.concentrations import counted, draw_concentrations
from seeds.studies.streams import Streams

# The assay of growth has no kit; its plates hold living cells.
_KITS = {
    "Decorin": "DCN",
    "IL-6": "IL6",
    "SPARC": "SPARC",
    "Oncostatin M": "OSM",
    "IL-1b": "IL1B",
    "TUMOUR_CELL_GROWTH": "",
}
_PLATES_OF_CELLS = "RTCA"


@dataclass(frozen=True)
class Slot:
    """A sample on a plate.

    Attributes:
        place: place of the participant, from 0.
        draw: place of the sample in `DRAWS`, from 0.
        is_at_home: whether this is the participant's plate; otherwise the sample is a bridge to that one.
    """

    place: int
    draw: int
    is_at_home: bool = True


def assay_results_frame(cohort: Cohort) -> pl.DataFrame:
    """Rows of `assay_results`, by analyte, plate and well."""
    plates = layout(cohort)
    return pl.concat(
        _plate(cohort, analyte, number, slots, concentrations)
        for analyte in cohort.assumptions.analytes
        for concentrations in [draw_concentrations(cohort, analyte)]
        for number, slots in enumerate(plates, start=1)
    )


def layout(cohort: Cohort) -> list[list[Slot]]:
    """Samples of each plate in the order of their wells, the same for every analyte.

    All samples of a participant are on one plate. The samples of one participant's bout are on every plate
    besides, so that plates can be held against each other.
    """
    rules = cohort.assumptions.plates
    drawn = [set(has_draw(cohort, draw)) for draw in DRAWS]
    bridge = rules.bridging_participant - 1
    bridges = [Slot(bridge, draw, is_at_home=False) for draw, kind in enumerate(DRAWS) if not kind.is_resting]
    result: list[list[Slot]] = [[] for _ in range(rules.number)]
    for place in range(len(cohort.arm)):
        plate = result[place * rules.number // len(cohort.arm)]
        plate += [Slot(place, draw) for draw in range(len(DRAWS)) if place in drawn[draw]]
    return [plate if any(slot.place == bridge for slot in plate) else [*bridges, *plate] for plate in result]


def _plate(
    cohort: Cohort, analyte: Analyte, number: int, slots: list[Slot], concentrations: Floats
) -> pl.DataFrame:
    replicates = range(1, analyte.assay.replicates + 1)
    measured = _measured(cohort, analyte, number, slots, concentrations)
    positions = np.arange(len(slots))
    frames = [
        pl.DataFrame(
            {
                "sample_id": [sample_id(cohort, slot.place, slot.draw + 1) for slot in slots],
                "analyte_id": analyte.assay.name,
                "replicate": replicate,
                "result_text": _texts(cohort, analyte, slots, measured[replicate - 1]),
                "unit": analyte.assay.unit,
                "well": wells(positions, replicate),
                "position": positions,
            }
        ).with_columns(**_plate_columns(cohort, analyte, number))
        for replicate in replicates
    ]
    columns = ["sample_id", "analyte_id", "replicate", "result_text", "unit", "plate_id", "well"]
    columns += ["dilution", "lower_limit", "upper_limit", "kit_lot", "assayed_on"]
    return pl.concat(frames).sort("position", "replicate").select(columns)


def _measured(
    cohort: Cohort, analyte: Analyte, number: int, slots: list[Slot], concentrations: Floats
) -> list[Floats]:
    """What the wells of a plate hold for its reader, one array per replicate."""
    name, rules, wide = analyte.assay.name, cohort.assumptions.plates, cohort.assumptions.wide_pair
    places, draws = (np.array(part) for part in zip(*((s.place, s.draw) for s in slots), strict=True))
    is_at_home = np.array([slot.is_at_home for slot in slots])
    is_wide = np.array([_is_at(slot, wide, name) for slot in slots])
    factors = np.exp(rules.sd * Streams(cohort.streams.seed, 0, rules.number).normal(f"{name}/plate"))
    on_plate = concentrations[places, draws] * factors[number - 1]
    measured = []
    for replicate, side in zip(range(1, analyte.assay.replicates + 1), (1, -1), strict=True):
        at_home = _well_noise(cohort, f"{name}/well_{replicate}", is_centred=True)
        bridging = _well_noise(cohort, f"{name}/well_{replicate}/plate_{number}", is_centred=False)
        noise = np.where(is_at_home, at_home[places, draws], bridging[places, draws])
        apart = np.where(is_wide, side * wide.share, 0.0)
        measured.append(on_plate * (1 + analyte.assay.coefficient_of_variation * noise) * (1 + apart))
    return measured


def _texts(cohort: Cohort, analyte: Analyte, slots: list[Slot], measured: Floats) -> list[str]:
    """Results of one replicate of every sample on a plate, as the laboratory writes them."""
    faults, assay = cohort.assumptions.faults, analyte.assay
    words = [next((f.result_text for f in faults if _is_at(slot, f, assay.name)), "") for slot in slots]
    return [word or text for word, text in zip(words, result_texts(measured, assay), strict=True)]


def _well_noise(cohort: Cohort, column: str, *, is_centred: bool) -> Floats:
    """Noise of wells by participant and drawing; centred as that of concentrations is."""
    columns = []
    for number, draw in enumerate(DRAWS, start=1):
        noise = cohort.streams.normal(f"{column}/{number}")
        columns.append(cohort.centred(noise, counted(cohort, draw)) if is_centred else noise)
    return np.stack(columns, axis=1)


def _is_at(slot: Slot, at: Place, analyte: str) -> bool:
    is_sample = (slot.place, slot.draw) == (at.participant - 1, at.sample - 1)
    return slot.is_at_home and is_sample and analyte == at.analyte


def _plate_columns(cohort: Cohort, analyte: Analyte, number: int) -> dict[str, pl.Expr]:
    rules, assay = cohort.assumptions.plates, analyte.assay
    kit = _KITS[assay.name]
    lot = "A" if number <= rules.first_kit_lot_until else "B"
    assayed_on = rules.first_assayed_on + dt.timedelta(days=rules.days_between * (number - 1))
    return {
        "plate_id": pl.lit(f"{kit or _PLATES_OF_CELLS}-{number}"),
        "dilution": pl.lit(assay.dilution, pl.Int64),
        "lower_limit": pl.lit(assay.lower_limit, pl.Float64),
        "upper_limit": pl.lit(assay.upper_limit, pl.Float64),
        "kit_lot": pl.lit(f"{kit}-{lot}" if kit else None, pl.String),
        "assayed_on": pl.lit(assayed_on),
    }
