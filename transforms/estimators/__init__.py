"""Estimators of survival and of biomarkers: pure functions from aggregates and pairs to the marts.

Belongs here: arithmetic, frames in and frames out. The modules named `..._tables`, `biomarker_...` and
`published` make the frames of the marts; the other modules hold one estimator each and know nothing of marts.
Does not belong here: reading or writing anything, endpoint definitions and names of policies
(`seeds/reference`), SQL.

Survival is a function of integers that add: risk tables of parts of a study may be summed or simply
stacked, in any row order, and give the same result to the last bit. Biomarkers are numbers, so they are
sorted before they are added (`ordered_sums`). Floating-point work uses
only what every IEEE 754 machine computes alike: + - * / and the square root in numpy, in a fixed order,
and for the rest the functions in `elementary`.
"""
