"""Contract of `assay_results`."""

import dataframely as dy
import polars as pl

from schemas.records import columns

_RESULT = (
    r"^(-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?"  # 12.3
    r"|[<>] ?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?"  # <0.17
    r"|[<>] ?(LOD|LOQ|LLOD|LLOQ|ULOD|ULOQ)"
    r"|[A-Z]{2,12})$"  # QNS
)
# Capitals that spreadsheets write where a number or a reason should be.
_NO_REASON = ["NA", "NAN", "INF", "NULL", "NONE", "NIL", "REF", "VALUE", "TRUE", "FALSE"]


class AssayResults(dy.Schema):
    """Results as the laboratory reported them, one row per replicate well."""

    key = ("sample_id", "analyte_id", "plate_id", "replicate")

    sample_id = columns.identifier("Sample that was measured.", required=True)
    analyte_id = columns.identifier("Analyte that was measured.", required=True)
    replicate = columns.whole_number("Number of the replicate.", low=1, high=100, required=True)
    result_text = columns.text(
        "Result exactly as reported, with its sign of a limit.",
        required=True,
        regex=_RESULT,
        accepted="a result such as 12.3, <0.17, >500, <LOD, or a reason in capitals such as QNS",
    )
    unit = columns.identifier("Unit of the result and of its limits.", required=True)
    plate_id = columns.identifier("Plate the well is on.")
    well = columns.identifier("Well of the plate, such as A03.")
    dilution = columns.number("Fold dilution of the sample.", above=0, high=1_000_000)
    lower_limit = columns.number("Lower limit of quantification, in `unit`.", low=0)
    upper_limit = columns.number("Upper limit of quantification, in `unit`.", above=0)
    kit_lot = columns.identifier("Lot of the assay kit.")
    assayed_on = columns.day("Day of the assay.")

    result_is_no_stand_in = columns.rule(
        "result_text is not a spreadsheet's word for nothing, such as NA or NULL",
        ~pl.col("result_text").is_in(_NO_REASON),
    )
    upper_limit_above_lower = columns.rule(
        "upper_limit is above lower_limit", pl.col("upper_limit") > pl.col("lower_limit")
    )
