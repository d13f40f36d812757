"""From raw records to marts: the dbt project, and the estimators in Python.

What belongs here: `models/` (staging, intermediate and mart SQL with its declarations and clinical unit
tests), `macros/` (what only one engine can say), `tests/` (assertions over the marts), `estimators/`
(pure functions over the risk table). What does not: reading files, checking records, running dbt or
writing tables, which is `orchestration`; and any code value, which is a row of `seeds/reference`.
"""
