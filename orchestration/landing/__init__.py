"""Landing: from the files of a study package to `raw.*`, each bad row to quarantine with its reasons.

Here: reading files in batches, converting text strictly, holding rows against the contract (`schemas`),
the rules that need other rows or other records, and the report of what was found. Not here: the contract
itself, and anything clinical that is decided about accepted rows, which is dbt's.

One study lands so: `create_raw_tables` once a database, `land_study`, `land_record` for each record type in
any order, `apply_cross_record_rules`, and `above_tolerance` says whether the build may go on.
`check_package` does all of it on a scratch database and reports. Memory is bounded by the batch, not by
the file, and no result depends on the size of batches, the order of rows, or the number of threads.
"""

from orchestration.landing.check import CheckReport, FileCheck, check_package, landed_files
from orchestration.landing.check_view import render_check, render_files
from orchestration.landing.cross_record import apply_cross_record_rules
from orchestration.landing.land import (
    FileLanding,
    OnProgress,
    UnbalancedRowsError,
    land_record,
    land_study,
)
from orchestration.landing.tables import STUDY_TABLES, create_raw_tables
from orchestration.landing.tolerance import Breach, above_tolerance

__all__ = [
    "STUDY_TABLES",
    "Breach",
    "CheckReport",
    "FileCheck",
    "FileLanding",
    "OnProgress",
    "UnbalancedRowsError",
    "above_tolerance",
    "apply_cross_record_rules",
    "check_package",
    "create_raw_tables",
    "land_record",
    "land_study",
    "landed_files",
    "render_check",
    "render_files",
]
