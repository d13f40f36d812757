"""The Moertel trial of adjuvant levamisole and fluorouracil: real participants, public data.

Belongs here: the descriptor and the adapter of the public data set. Does not belong here: anything the data
set does not say, such as calendar dates, sites of recurrence or causes of death.
"""

from seeds.studies.moertel_colon.adapter import write_package

__all__ = ["write_package"]
