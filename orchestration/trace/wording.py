"""What became of a record, in the words of a statistical analysis plan."""

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
_DOES_NOT_COUNT = {
    "after_cutoff": "after the data cutoff: does not exist",
    "history": "before index_date: history, not an event of the follow-up",
    "ignored": "ignored by the endpoint's rules",
}
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
    if evidence == "contact" and row["recorded_as"].startswith("disease_assessment"):
        return "disease assessment, " + str(row["recorded_as"]).partition(" ")[2].replace("_", " ")
    return _WORDS[evidence]


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
        shows = ", but shows the participant alive at the cutoff"
        return _DOES_NOT_COUNT[weight] + (shows if _is_later_death(row) else "")
    counts = _COUNTS[weight]
    if case.is_the("deciding", row):
        return f"{counts}: first that counts, decides"
    if case.derived["is_stopped"]:
        return f"{counts}, but after the new line of therapy"
    first = case.evidence[case.derived["event_order"]]
    if first["dated_on"] == row["dated_on"]:
        return f"{counts}; on one day {first['class_label'].lower()} goes first"
    return f"{counts}, but after the deciding record"


def _is_later_death(row: Row) -> bool:
    return bool(row["evidence"] == "death" and row["is_after_cutoff"])


def _of_late_death(row: Row, case: Case) -> str:
    assessed = case.evidence.get(case.derived["assessed_order"] or 0)
    since = assessed["dated_on"] if assessed else case.participant["index_date"]
    after = "the last disease assessment" if assessed else "the start, without any disease assessment"
    days = (row["dated_on"] - since).days
    return (
        f"death {days:,} days after {after}, more than {case.policy['late_death_days']}:"
        " set aside, does not count"
    )


def _of_new_line(row: Row, case: Case) -> str:
    if not (case.is_by_policy and case.policy["is_censored_at_new_therapy"]):
        return (
            f"does not censor under {'this policy' if case.is_by_policy else 'any policy of this endpoint'}"
        )
    if row["is_after_cutoff"]:
        return "after the data cutoff: does not exist"
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
    truncated = ", after the data cutoff: truncated to it" if row["is_after_cutoff"] else ""
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
