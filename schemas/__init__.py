"""What the warehouse accepts and promises.

Here: the input contract (`records`), the study descriptor (`study`), the vocabularies they share
with the seeds (`reference`), the errors that name what breaks the contract (`errors`), and the
suites that the marts must pass (`expectations`). Not here: reading files or writing tables.
"""
