"""The trace of one outcome: who, by which definition, every record in order, and what came out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from orchestration.trace.derivation import Selection, derive, disagreements, weigh
from orchestration.trace.wording import Case, outcome_in_words, warnings, what_it_is, what_the_rules_say
from schemas.reference import suggestion

Row = dict[str, Any]

_WITHOUT_KEY = " Where a release holds pseudonyms, COHORTMART_PSEUDONYM_KEY finds somebody by their own id."


class UnknownOutcomeError(Exception):
    """There is no such outcome in the release; the message says what there is, and never whose."""


@dataclass(frozen=True)
class TracedRecord:
    """One day that a record tells, and what became of it.

    `evidence` is its row of `audit.evidence`, `what` and `rule` are words, `is_key` whether follow-up ends by
    it or could have, so that it is never folded away.
    """

    evidence: Row
    what: str
    rule: str
    decides: bool
    is_key: bool


@dataclass(frozen=True)
class Trace:
    """Why a participant has an outcome.

    `participant`, `endpoint`, `policy` and `outcome` are rows of `study.participant`,
    `reference.study_endpoint`, `reference.censoring_policies` and `survival.time_to_event`, with what else is
    said of them; `differences` is empty when the outcome that is derived from `records` is the released one.
    `warnings` say what the records hold against an outcome that follows from them.
    """

    participant: Row
    endpoint: Row
    policy: Row
    records: tuple[TracedRecord, ...]
    outcome: Row
    derived: Row
    differences: tuple[str, ...]
    warnings: tuple[str, ...]


_PARTICIPANT = """
select p.*, a.label as arm_label, s.title, s.time_origin, s.data_cutoff, s.nominal_dates
from study.participant as p
join reference.study as s using (study_id)
left join reference.study_arm as a using (study_id, arm_id)
where study_id = ? and participant_id = ?
"""
_EVIDENCE = """
select e.*, c.label as class_label, r.rule
from audit.evidence as e
left join reference.event_classes as c using (event_class)
left join reference.study_endpoint_rule as r
    on r.study_id = e.study_id and r.endpoint_id = $endpoint_id and r.event_class = e.event_class
where e.study_id = $study_id and e.participant_id = $participant_id
order by evidence_order
"""
_OUTCOME = """
select t.*, r.description as reason_in_words
from survival.time_to_event as t
left join reference.censor_reasons as r using (cnsr)
where study_id = $study_id and participant_id = $participant_id
    and endpoint_id = $endpoint_id and policy_id = $policy_id
"""


def _ask(con: duckdb.DuckDBPyConnection, query: str, parameters: object = None) -> list[Row]:
    answer = con.execute(query, parameters)
    names = [column[0] for column in answer.description or ()]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def _listed(names: list[str]) -> str:
    return ", ".join(names) if names else "none"


def _find_study(con: duckdb.DuckDBPyConnection, study_id: str) -> None:
    known = [row["study_id"] for row in _ask(con, "select study_id from reference.study order by all")]
    if study_id not in known:
        raise UnknownOutcomeError(
            f"There is no such study{suggestion(study_id, known)}; the release holds: {_listed(known)}."
        )


def _find_endpoint(con: duckdb.DuckDBPyConnection, study_id: str, endpoint_id: str) -> Row:
    endpoints = _ask(con, "from reference.study_endpoint where study_id = ? order by endpoint_id", [study_id])
    found = [row for row in endpoints if row["endpoint_id"] == endpoint_id]
    if not found:
        known = [row["endpoint_id"] for row in endpoints]
        raise UnknownOutcomeError(
            f"{study_id} is not analysed by such an endpoint{suggestion(endpoint_id, known)};"
            f" its endpoints: {_listed(known)}."
        )
    return found[0]


def _find_policy(con: duckdb.DuckDBPyConnection, study_id: str, policy_id: str) -> Row:
    policies = _ask(
        con,
        "from reference.censoring_policies where policy_id in"
        " (select policy_id from survival.time_to_event where study_id = ?)"
        " order by is_primary desc, policy_id",
        [study_id],
    )
    found = [row for row in policies if row["policy_id"] == policy_id]
    if not found:
        known = [row["policy_id"] for row in policies]
        raise UnknownOutcomeError(
            f"{study_id} is not analysed under such a policy{suggestion(policy_id, known)};"
            f" its policies: {_listed(known)}."
        )
    return found[0]


def _find_participant(
    con: duckdb.DuckDBPyConnection, study_id: str, ids: Sequence[str], data_cutoff: str
) -> Row:
    for participant_id in ids:
        if found := _ask(con, _PARTICIPANT, [study_id, participant_id]):
            return found[0]
    later = f", or was enrolled after the data cutoff {data_cutoff}" if data_cutoff else ""
    raise UnknownOutcomeError(
        f"{study_id} has no participant of that id in this release{later}; accepted: an id of its"
        " participants file, or a pseudonym of the release. Rows that were set aside are in audit.quarantine."
        + ("" if len(ids) > 1 else _WITHOUT_KEY)
    )


def read_trace(
    con: duckdb.DuckDBPyConnection, wanted: Selection, ids: Sequence[str], data_cutoff: str = ""
) -> Trace:
    """Read why a participant has an outcome, and derive it again.

    Args:
        con: a release.
        wanted: study, endpoint and policy.
        ids: what the participant may be called in the release; the first that it knows is taken.
        data_cutoff: the earlier day as of which the release was made, which leaves out who was enrolled
            later; empty for all that was delivered.

    Raises:
        UnknownOutcomeError: there is no such study, endpoint, policy or participant; no id is said, nor
            any word that is none of the release's, for it could be one.
    """
    _find_study(con, wanted.study_id)
    endpoint = _find_endpoint(con, wanted.study_id, wanted.endpoint_id)
    policy = _find_policy(con, wanted.study_id, wanted.policy_id)
    participant = _find_participant(con, wanted.study_id, ids, data_cutoff)
    selection = replace(wanted, participant_id=participant["participant_id"])
    derived = next(iter(derive(con, selection)), {})
    outcome = next(iter(_ask(con, _OUTCOME, selection.parameters)), {})
    weights = {row["evidence_order"]: row["weight"] for row in weigh(con, selection)}
    parameters = {name: value for name, value in selection.parameters.items() if name != "policy_id"}
    evidence = _ask(con, _EVIDENCE, parameters)
    case = Case(participant, endpoint, policy, derived, {row["evidence_order"]: row for row in evidence})
    if outcome:
        outcome["reason_in_words"] = outcome_in_words(outcome, case)
    return Trace(
        participant=participant,
        endpoint=endpoint,
        policy=policy,
        records=tuple(_traced(row, weights.get(row["evidence_order"], ""), case) for row in evidence),
        outcome=outcome,
        derived=derived,
        differences=tuple(
            _difference(column, released, again)
            for _, column, released, again in disagreements(con, selection)
        ),
        warnings=warnings(case),
    )


def _traced(evidence: Row, weight: str, case: Case) -> TracedRecord:
    order = evidence["evidence_order"]
    key_orders = {case.derived.get(f"{name}_order") for name in ("deciding", "alive", "assessed")}
    return TracedRecord(
        evidence=evidence,
        what=what_it_is(evidence),
        rule=what_the_rules_say(evidence, weight, case),
        decides=order == case.derived.get("deciding_order"),
        is_key=order in key_orders,
    )


def _difference(column: str, released: object, derived: object) -> str:
    if not column:
        return f"the release has {released or 'no row'}, the evidence gives {derived or 'none'}"
    return f"{column} is {released} in the release and {derived} by the evidence"
