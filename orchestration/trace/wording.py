"""What became of a record, in the words of a statistical analysis plan."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]

_WORDS = {
    "start": "start",
    "delayed_entry": "delayed entry",
    "disease_assessment": "disease assessment",
    "contact": "contact",
    "withdrawal": "withdrawal",
    "new_line": "new line of therapy",
    "therapy": "therapy, not a new line",
    "sign_of_life": "sign of life",
    "no_sign_of_life": "no sign of life",
}
_LACKING = {"exercise_sessions": "session not attended", "treatment_adherence": "no doses taken"}
_FOUND = {
    "no_evidence_of_disease": "no evidence of disease",
    "disease": "disease found",
    "not_evaluable": "not evaluable",
}
# Of all records that are dated after the data cutoff, so that each says the same.
_LATER = "after the data cutoff"
_ALIVE_THEN = "shows the participant alive at it"
_DOES_NOT_COUNT = {
    "after_cutoff": f"{_LATER}: no event; {_ALIVE_THEN}",
    "history": "before index_date: history, not an event of the follow-up",
    "ignored": "ignored by the endpoint's rules",
}
# Nobody is called free of an event by the reason of censoring: what an assessment found is said beside it.
_NO_EVENT = {
    "last_disease_assessment": "No event of the endpoint recorded by the last disease assessment",
    "last_known_alive": "No event of the endpoint recorded by the last date known alive",
}
# As in the expectation `findings-are-events` of audit.evidence: what is found is dated when it is confirmed.
CONFIRMED_WITHIN = dt.timedelta(days=90)
_COUNTS = {"event": "counts as the event", "competing": "competes with the event"}


@dataclass(frozen=True)
class Case:
    """What the records of a participant are judged by: endpoint, policy, and what came out.

    `derived` is the outcome by `derivation.derive`, `evidence` the participant's rows by their place.
    """

    participant: Row
    endpoint: Row
    policy: Row
    derived: Row
    evidence: dict[int, Row]

    @property
    def is_by_policy(self) -> bool:
        """Whether the endpoint follows the policy in how it is censored."""
        return bool(self.endpoint["censored_at"] == "policy")

    @property
    def is_censored_at_contact(self) -> bool:
        """Whether somebody without an event is censored at the last day known alive."""
        how = self.policy["censored_at"] if self.is_by_policy else self.endpoint["censored_at"]
        return how == "last_known_alive" or self.derived.get("assessed_order") is None

    def is_the(self, name: str, row: Row) -> bool:
        """Whether a row is the one by which something ends: deciding, alive, assessed, new_line, event."""
        return bool(row["evidence_order"] == self.derived.get(f"{name}_order"))

    @property
    def ended_by(self) -> str:
        """What decided, for the rows that did not."""
        if self.derived.get("is_stopped"):
            return "the new line of therapy decides"
        if self.derived.get("event_order") is None:
            return "follow-up decides"
        return "an event decides" if self.weight_of_the_end == "event" else "a competing event decides"

    @property
    def weight_of_the_end(self) -> str:
        """Whether the event that counts first is the endpoint's own, or competes."""
        deciding = self.evidence.get(self.derived.get("event_order") or 0, {})
        return str(deciding.get("rule") or "")


def what_it_is(row: Row) -> str:
    """Say what a row of evidence is: class and organ of an event, kind of a contact, sign of life."""
    evidence, record = row["evidence"], row["source_record"]
    if row["class_label"]:
        return ", ".join(part for part in (row["class_label"], row["organ"].replace("_", " ")) if part)
    if evidence == "no_sign_of_life":
        return _LACKING[record]
    kind, _, finding = str(row["recorded_as"]).partition(" ")
    if evidence == "disease_assessment" or (evidence == "contact" and kind == "disease_assessment"):
        return f"disease assessment, {_FOUND.get(finding, 'finding not recorded')}"
    if evidence in ("contact", "withdrawal") and finding:
        return f"{_WORDS[evidence]}, {_FOUND.get(finding, finding)}"
    return _WORDS[evidence]


def found_disease(row: Row) -> bool:
    """Whether a row is an assessment of the follow-up that found disease."""
    return bool(
        row["evidence"] == "disease_assessment"
        and row["time_days"] > 0
        and row["recorded_as"].partition(" ")[2] == "disease"
    )


def outcome_in_words(outcome: Row, case: Case) -> str:
    """Say how follow-up ended, and what the assessment found at which it was censored.

    Args:
        outcome: a row of `survival.time_to_event`, and `reason_in_words` of reference.censor_reasons.
        case: what it is judged by.
    """
    reason = outcome["censor_reason"]
    if reason == "late_death" and case.derived.get("assessed_order") is None:
        return "Died too long after the start for the death to count, without any disease assessment"
    said = _NO_EVENT.get(reason) or str(outcome["reason_in_words"])
    deciding = _censored_at_assessment(case)
    return f"{said}: {what_it_is(deciding)}" if deciding else said


def warnings(case: Case) -> tuple[str, ...]:
    """Say where an assessment found disease, and the outcome does not show it."""
    said = []
    deciding = _censored_at_assessment(case)
    if deciding and found_disease(deciding) and case.is_by_policy:
        said.append(
            "Follow-up is censored at a disease assessment that found disease:"
            " no event of the endpoint is recorded by then."
        )
    events = [row["dated_on"] for row in case.evidence.values() if row["evidence"] == "disease_event"]
    for row in case.evidence.values():
        if found_disease(row) and not any(on <= row["dated_on"] + CONFIRMED_WITHIN for on in events):
            said.append(
                f"The disease assessment of {row['dated_on']} ({row['source_file']}:{row['source_line']})"
                f" found disease, and no disease event is recorded up to {CONFIRMED_WITHIN.days} days later:"
                " one may be missing from the records."
            )
            break
    return tuple(said)


def _censored_at_assessment(case: Case) -> Row | None:
    """The disease assessment at which follow-up is censored, if it is at one."""
    deciding = case.evidence.get(case.derived.get("deciding_order") or 0, {})
    is_censored = case.derived.get("censor_reason") not in ("event", "competing_event", "not_at_risk")
    return deciding if is_censored and deciding.get("evidence") == "disease_assessment" else None


def what_the_rules_say(row: Row, weight: str, case: Case) -> str:
    """Say which rule applied to a row, and whether it decided.

    Args:
        row: of `audit.evidence`.
        weight: what the rules say of an event by itself, by `derivation.weigh`; "" for anything else.
        case: what it is judged by.
    """
    evidence = row["evidence"]
    if weight:
        said = _of_event(row, weight, case)
    elif evidence == "new_line":
        said = _of_new_line(row, case)
    elif evidence == "disease_assessment" and not case.is_censored_at_contact:
        said = _of_assessment(row, case)
    elif evidence == "no_sign_of_life":
        said = "does not show the participant alive"
    elif evidence == "delayed_entry":
        said = "at risk after this day"
    elif evidence == "start":
        said = "day 0"
    else:
        said = ""
    alive = "" if weight in _COUNTS else _as_sign_of_life(row, case)
    return "; ".join(part for part in (said, alive, _at_risk(row, case)) if part)


def _of_event(row: Row, weight: str, case: Case) -> str:
    if weight == "late_death":
        return _of_late_death(row, case)
    if weight not in _COUNTS:
        return _DOES_NOT_COUNT[weight]
    counts = _COUNTS[weight]
    if case.is_the("deciding", row):
        return f"{counts}: first that counts, decides"
    if case.derived["is_stopped"]:
        return f"{counts}, but after the new line of therapy"
    first = case.evidence[case.derived["event_order"]]
    if first["dated_on"] == row["dated_on"]:
        return f"{counts}; {_goes_first(first, row)}"
    return f"{counts}, but after the deciding record"


def _goes_first(first: Row, row: Row) -> str:
    """Say by what order an event goes before another of the same day."""
    if first["event_class"] != row["event_class"]:
        return f"on one day {first['class_label'].lower()} goes first"
    if first["organ"] == row["organ"]:
        by = "of the same class and organ, the first in the order of the records"
    else:
        organ = first["organ"].replace("_", " ") or "no organ"
        by = f"of the same class, the alphabetical order of the organs puts {organ} first"
    return f"on one day {by}, which changes nothing in the outcome's class"


def _of_late_death(row: Row, case: Case) -> str:
    assessed = case.evidence.get(case.derived["assessed_order"] or 0)
    since = assessed["dated_on"] if assessed else case.participant["index_date"]
    after = "the last disease assessment" if assessed else "the start, without any disease assessment"
    days = (row["dated_on"] - since).days
    return f"death {days:,} days after {after}, more than {case.policy['late_death_days']}: not counted"


def _of_new_line(row: Row, case: Case) -> str:
    if not (case.is_by_policy and case.policy["is_censored_at_new_therapy"]):
        return (
            f"does not censor under {'this policy' if case.is_by_policy else 'any policy of this endpoint'}"
        )
    if row["is_after_cutoff"]:
        return f"{_LATER}: not a new line of the follow-up"
    if row["is_before_start"]:
        return "before index_date: not a new line of the follow-up"
    if not case.is_the("new_line", row):
        return "not the first new line of therapy"
    if case.derived["is_stopped"]:
        return "first new line of therapy: censored here, decides"
    end = "the event" if case.derived["event_order"] is not None else "the end of follow-up"
    return f"first new line of therapy, but not before {end}"


def _of_assessment(row: Row, case: Case) -> str:
    if row["is_before_start"]:
        return "before index_date: no assessment of the follow-up"
    if not case.is_the("assessed", row):
        return "not the last disease assessment"
    return "last disease assessment" + _by_it(row, case)


def _as_sign_of_life(row: Row, case: Case) -> str:
    """Say what a row is to the last day known alive, where that could matter."""
    evidence = row["evidence"]
    if case.is_censored_at_contact:
        if case.is_the("alive", row):
            return "last day known alive" + _by_it(row, case)
        if evidence in ("disease_assessment", "contact", "withdrawal", "sign_of_life", "therapy"):
            return "not the last day known alive"
    elif evidence in ("contact", "withdrawal", "sign_of_life", "therapy"):
        return "shows the participant alive; censoring is at the last disease assessment"
    return ""


def _by_it(row: Row, case: Case) -> str:
    """Say of the row by which follow-up ends whether it decides."""
    truncated = f", {_LATER}: truncated to it" if row["is_after_cutoff"] else ""
    if row["is_after_cutoff"] and row["event_class"]:
        truncated = ", truncated to the cutoff"  # that it is after it was said of the event
    if case.is_the("deciding", row):
        return f"{truncated}: censored here, decides"
    return f"{truncated}; {case.ended_by}"


def _at_risk(row: Row, case: Case) -> str:
    if case.is_the("deciding", row) and case.derived["censor_reason"] == "not_at_risk":
        return "on or before the delayed entry: never at risk"
    return ""


def definition(endpoint: Row, policy: Row) -> tuple[str, str]:
    """Say an endpoint and a policy in words, each with its version and source."""
    defined = (
        f"{endpoint['endpoint_id']}: {endpoint['label']}, version {endpoint['definition_version']}."
        f" {_sentence(endpoint['description'])} Source: {_sentence(endpoint['source'])}"
    )
    if endpoint["censored_at"] == "policy":
        return defined, f"{policy['policy_id']}: {_sentence(policy['description'])}"
    own = endpoint["censored_at"].replace("_", " ")
    return defined, (
        f"{policy['policy_id']}, but no policy touches this endpoint: without an event it is censored at"
        f" the {own.replace('last known alive', 'last date known alive')}."
    )


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
