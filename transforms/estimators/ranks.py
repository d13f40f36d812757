"""Estimates and tests by ranks: what the estimators of biomarker effects may use of them."""

from transforms.estimators.rank_sum import rank_sum
from transforms.estimators.sample_median import median
from transforms.estimators.signed_rank import signed_rank

__all__ = ["median", "rank_sum", "signed_rank"]
