"""Survival estimators: pure functions from the risk table to the estimates of the marts.

Belongs here: arithmetic on counts per stratum, arm and day, frames in and frames out. The modules named
`..._tables` and `published` make the frames of the marts; the other modules hold one estimator each and know
nothing of marts. Does not belong here: reading or writing anything, participants, endpoint
definitions (`seeds/reference`), SQL.

Everything is a function of integers that add: risk tables of parts of a study may be summed or simply
stacked, in any row order, and give the same result to the last bit. Floating-point work therefore uses
only what every IEEE 754 machine computes alike: + - * / and the square root in numpy, in a fixed order,
and for the rest the functions in `elementary`.
"""
