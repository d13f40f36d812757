"""Closed vocabularies that more than one record type uses."""

MODALITIES = ("aerobic", "resistance", "hiit", "endurance", "combined", "flexibility")
