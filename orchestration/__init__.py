"""The Dagster code location and the `cohortmart` command.

Belongs here: what runs and in which order (assets, checks, the schedule), reading and writing of files
and databases, the release, the command line. Does not belong here: SQL of models (`transforms/models`),
statistics (`transforms/estimators`), what a record may say (`schemas`), the studies themselves (`seeds`).
"""
