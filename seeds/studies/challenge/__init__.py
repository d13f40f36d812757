"""A simulated trial calibrated to CHALLENGE (CO.21): structured exercise after colon cancer.

Belongs here: the multi-state model and its hazards, what else is assumed, the drawing of participants and
their records, and the computation that shows which results to expect. Does not belong here: how an endpoint
is derived from records (`transforms`), nor the published figures as readers see them (`seeds/reference`).
"""

from seeds.studies.challenge.package import simulate, write_package

__all__ = ["simulate", "write_package"]
