"""The input contract: one dataframely schema per record type, and the registry of all.

A module here declares columns, bounds, vocabularies, keys and the rules over one row. What needs
other rows or other records (duplicates, references, order of events) is landing's. `RECORDS` is
what readers of the contract use: landing, its messages, and the documentation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import dataframely as dy

from schemas.privacy import Privacy
from schemas.records.activity_reports import ActivityReports
from schemas.records.adverse_events import AdverseEvents
from schemas.records.anticancer_therapies import AnticancerTherapies
from schemas.records.assay_results import AssayResults
from schemas.records.deaths import Deaths
from schemas.records.disease_events import DiseaseEvents
from schemas.records.exercise_bouts import ExerciseBouts
from schemas.records.exercise_sessions import ExerciseSessions
from schemas.records.follow_up import FollowUp
from schemas.records.measurements import Measurements
from schemas.records.participants import Participants
from schemas.records.samples import Samples
from schemas.records.treatment_adherence import TreatmentAdherence


@dataclass(frozen=True)
class RowRule:
    """A rule over several columns of one row; the first of `columns` is the one that is blamed."""

    accepted: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class RecordType:
    """One record type of the contract, as its readers need it."""

    name: str
    schema: type[dy.Schema]

    @property
    def description(self) -> str:
        """What one row is."""
        return (self.schema.__doc__ or "").strip()

    @property
    def key(self) -> tuple[str, ...]:
        """Columns that together occur once per study; a missing part counts as a value."""
        key: tuple[str, ...] = vars(self.schema)["key"]
        return key

    @cached_property
    def columns(self) -> Mapping[str, dy.Column]:
        """Declared columns by name, in contract order."""
        return MappingProxyType(self.schema.columns())

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that must be present and non-empty in every row."""
        return tuple(name for name, column in self.columns.items() if not column.nullable)

    @property
    def descriptions(self) -> dict[str, str]:
        """What each column means."""
        return {name: column.description or "" for name, column in self.columns.items()}

    @property
    def accepted(self) -> dict[str, str]:
        """What each column accepts, as a phrase."""
        return {name: (column.metadata or {})["accepted"] for name, column in self.columns.items()}

    @cached_property
    def privacy(self) -> Mapping[str, Privacy]:
        """What each column tells of who somebody is."""
        return MappingProxyType(
            {name: Privacy((column.metadata or {})["privacy"]) for name, column in self.columns.items()}
        )

    @cached_property
    def rules(self) -> Mapping[str, RowRule]:
        """Rules over several columns, by name."""
        found = {}
        for name, value in vars(self.schema).items():
            check = getattr(value, "validation_fn", None)
            if check is not None:
                columns = check(self.schema).meta.root_names()
                found[name] = RowRule(check.__doc__, tuple(dict.fromkeys(columns)))
        return MappingProxyType(found)


RECORDS: Mapping[str, RecordType] = MappingProxyType(
    {
        name: RecordType(name, schema)
        for name, schema in (
            ("participants", Participants),
            ("follow_up", FollowUp),
            ("disease_events", DiseaseEvents),
            ("deaths", Deaths),
            ("anticancer_therapies", AnticancerTherapies),
            ("exercise_bouts", ExerciseBouts),
            ("samples", Samples),
            ("assay_results", AssayResults),
            ("exercise_sessions", ExerciseSessions),
            ("activity_reports", ActivityReports),
            ("measurements", Measurements),
            ("treatment_adherence", TreatmentAdherence),
            ("adverse_events", AdverseEvents),
        )
    }
)
