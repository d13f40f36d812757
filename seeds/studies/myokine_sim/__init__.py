"""A simulated trial of resistance against interval exercise, with the plates of its myokines.

Belongs here: what is assumed, the drawing of participants, exercise and blood, and the plates as a laboratory
sends them, with their faults. Does not belong here: how a result is judged or an effect estimated
(`transforms`), nor the published figures as readers see them (`seeds/reference`).
"""

from seeds.studies.myokine_sim.package import write_package

__all__ = ["write_package"]
