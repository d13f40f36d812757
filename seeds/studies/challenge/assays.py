"""What the laboratory reports of the sub-study's blood: cytokines on plates, hormones one by one."""

import datetime as dt

import numpy as np
import polars as pl

from seeds.studies.arrays import Floats
from seeds.studies.challenge.assumptions import ARMS, Biomarker
from seeds.studies.challenge.blood import sub_study_streams
from seeds.studies.challenge.histories import TrialBlock
from seeds.studies.laboratory import result_texts, wells

_COLUMNS = (
    *("sample_id", "analyte_id", "replicate", "result_text", "unit", "plate_id", "well", "dilution"),
    *("lower_limit", "upper_limit", "kit_lot", "assayed_on"),
)


def assay_results_frame(block: TrialBlock, drawn: pl.DataFrame) -> pl.DataFrame:
    """Rows of `assay_results`, by sample, in the order of analytes and replicates.

    Args:
        block: the participants.
        drawn: the samples, as `blood_drawn` gives them.
    """
    wells_of = [
        _wells(block, drawn, biomarker, replicate)
        for biomarker in block.assumptions.biomarkers.analytes
        for replicate in range(1, biomarker.assay.replicates + 1)
    ]
    return pl.concat(wells_of).sort("position", maintain_order=True).select(_COLUMNS)


def _wells(block: TrialBlock, drawn: pl.DataFrame, biomarker: Biomarker, replicate: int) -> pl.DataFrame:
    """One replicate of one analyte in every sample."""
    assay, rules = biomarker.assay, block.assumptions.biomarkers
    place, visit = drawn["place"].to_numpy(), drawn["visit_number"].to_numpy()
    number = block.baseline.number[place]
    plate = number // rules.plates.participants
    slot = number % rules.plates.participants * len(rules.visits) + visit
    first_day = rules.plates.first_assayed_on
    frame = pl.DataFrame(
        {
            "position": np.arange(drawn.height),
            "sample_id": drawn["sample_id"],
            "result_text": result_texts(_measured(block, biomarker, replicate)[place, visit], assay),
            "plate_id": [f"PANEL-{p + 1:02d}" for p in plate.tolist()],
            "well": wells(slot, replicate),
            "kit_lot": [f"L{p // rules.plates.per_kit_lot + 1}" for p in plate.tolist()],
            "assayed_on": [first_day + dt.timedelta(days=p // rules.plates.per_day) for p in plate.tolist()],
        }
    ).with_columns(
        analyte_id=pl.lit(assay.name),
        replicate=pl.lit(replicate),
        unit=pl.lit(assay.unit),
        dilution=pl.lit(assay.dilution, pl.Int64),
        lower_limit=pl.lit(assay.lower_limit, pl.Float64),
        upper_limit=pl.lit(assay.upper_limit, pl.Float64),
    )
    if assay.replicates == 1:
        # An analyser reads singles, one tube after the other.
        nothing = pl.lit(None, pl.String)
        return frame.with_columns(plate_id=nothing, well=nothing, kit_lot=nothing)
    return frame


def _measured(block: TrialBlock, biomarker: Biomarker, replicate: int) -> Floats:
    """What a replicate's wells hold for the reader, by participant of the sub-study and visit."""
    name, streams = biomarker.assay.name, sub_study_streams(block)
    person = np.log(biomarker.median) + biomarker.between_sd * streams.normal(f"{name}/person")
    exercises = block.baseline.arm[: streams.size] == ARMS.index("EXERCISE")
    trained = np.where(exercises, np.log(biomarker.exercise_ratio), 0.0)
    columns = []
    for order, visit in enumerate(block.assumptions.biomarkers.visits):
        within = biomarker.within_sd * streams.normal(f"{name}/{visit}")
        well = streams.normal(f"{name}/{visit}/well_{replicate}")
        concentration = np.exp(person + within + (trained if order > 0 else 0.0))
        columns.append(concentration * (1 + biomarker.assay.coefficient_of_variation * well))
    return np.stack(columns, axis=1)
