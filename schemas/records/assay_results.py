"""Contract of `assay_results`."""

import dataframely as dy
import polars as pl

from schemas.privacy import Privacy
from schemas.records import columns
from schemas.records.result_text import result_text
from schemas.reference import seed_column, seed_rows


def _one_word_for_each_reason() -> list[str]:
    words: dict[str, str] = {}
    for row in seed_rows("result_words"):
        words.setdefault(row["reason"], row["result_word"])
    return list(words.values())


class AssayResults(dy.Schema):
    """Results as the laboratory reported them, one row per replicate well."""

    key = ("sample_id", "analyte_id", "plate_id", "replicate")

    sample_id = columns.identifier(
        "Sample that was measured.", required=True, privacy=Privacy.DIRECT_IDENTIFIER
    )
    analyte_id = columns.identifier(
        "Analyte that was measured, in any usual spelling.",
        required=True,
        accepted="an analyte that `cohortmart contract analytes` lists, by its id or a name",
        privacy=Privacy.NEITHER,
    )
    replicate = columns.whole_number("Number of the replicate.", low=1, high=100, required=True)
    result_text = result_text(
        "Result exactly as reported, with its sign of a limit; that of the undiluted sample, after dilution.",
        seed_column("result_words", "result_word"),
        _one_word_for_each_reason(),
        required=True,
    )
    unit = columns.identifier(
        "Unit of the result and of its limits.",
        required=True,
        accepted="a unit of the analyte, of those that `cohortmart contract analytes` lists",
        privacy=Privacy.NEITHER,
    )
    plate_id = columns.identifier("Plate the well is on.", privacy=Privacy.QUASI_IDENTIFIER)
    well = columns.identifier("Well of the plate, such as A03.", privacy=Privacy.QUASI_IDENTIFIER)
    dilution = columns.number(
        "Fold dilution of the sample in the well; results and limits are after dilution, so that it is not"
        " applied again.",
        above=0,
        high=1_000_000,
    )
    lower_limit = columns.number(
        "Lower limit of quantification, in `unit`; that of the undiluted sample, after dilution.", low=0
    )
    upper_limit = columns.number(
        "Upper limit of quantification, in `unit`; that of the undiluted sample, after dilution.", above=0
    )
    kit_lot = columns.identifier("Lot of the assay kit.", privacy=Privacy.NEITHER)
    assayed_on = columns.day("Day of the assay.")

    upper_limit_above_lower = columns.rule(
        "upper_limit is above lower_limit", pl.col("upper_limit") > pl.col("lower_limit")
    )
