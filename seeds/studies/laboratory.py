"""What a laboratory does to a concentration: a well, a limit, and the text its plate reader writes.

Belongs here: what plates of every simulated study have in common. Does not belong here: what a study
measures, in whom and when.
"""

from pydantic import BaseModel, ConfigDict

from seeds.studies.arrays import Floats, Integers

ROWS = "ABCDEFGH"
# The first two columns of a plate of 96 wells hold the standards.
FIRST_COLUMN = 3
SAMPLES_PER_PLATE = 40


class Assay(BaseModel):
    """How one analyte is measured.

    Attributes:
        name: the analyte as the laboratory writes it.
        unit: unit of results and limits.
        replicates: wells per sample.
        coefficient_of_variation: of a well, as a share.
        dilution: fold dilution of the sample; none for what is not diluted.
        lower_limit: limit of quantification of the undiluted sample; none when there is no limit.
        upper_limit: likewise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    unit: str
    replicates: int = 2
    coefficient_of_variation: float
    dilution: int | None = None
    lower_limit: float | None = None
    upper_limit: float | None = None


def result_texts(values: Floats, assay: Assay) -> list[str]:
    """Write results as a plate reader does: four significant digits, or the limit they are beyond."""
    return [_result_text(value, assay) for value in values.tolist()]


def wells(slots: Integers, replicate: int) -> list[str]:
    """Name the wells of samples: replicates side by side, samples from top to bottom.

    Args:
        slots: place of each sample on its plate, from 0 to `SAMPLES_PER_PLATE` - 1.
        replicate: 1 or 2.
    """
    return [f"{ROWS[slot % 8]}{FIRST_COLUMN + slot // 8 * 2 + replicate - 1:02d}" for slot in slots.tolist()]


def _result_text(value: float, assay: Assay) -> str:
    if assay.lower_limit is not None and value < assay.lower_limit:
        return f"<{assay.lower_limit:g}"
    if assay.upper_limit is not None and value > assay.upper_limit:
        return f">{assay.upper_limit:g}"
    return f"{value:.4g}"
