"""What a trace says of single histories: each record, the rule that applied to it, and what decided.

The histories are rows of evidence in a release made by hand; that evidence and outcomes are those of the
models is for tests/integration.
"""

import pytest

from orchestration.trace.decision import UnknownOutcomeError, read_trace
from orchestration.trace.derivation import Selection, disagreements
from schemas.reference import seed_rows
from tests.traced_history import CUTOFF, LATER, POLICIES, died, recurrence, release_of, said, seen, trace_of


def test_the_first_event_decides_and_the_trace_says_why_the_others_do_not():
    trace = trace_of(
        seen(90),
        recurrence(100, "in_situ_carcinoma"),
        recurrence(200),
        recurrence(300),
        died(LATER, "death_other"),
    )
    assert said(trace) == {
        0: "day 0",
        90: "last disease assessment; an event decides",
        100: "ignored by the endpoint's rules",
        200: "> counts as the event: first that counts, decides",
        300: "counts as the event, but after the deciding record",
        LATER: "after the data cutoff: no event; shows the participant alive at it",
    }
    assert trace.outcome["reason_in_words"] == "Not censored: the event of the endpoint happened"


def test_a_late_death_of_somebody_never_assessed_is_not_said_to_follow_an_assessment():
    trace = trace_of(seen(20, "contact"), died(500), policy="late_death_censored")
    assert trace.outcome["censor_reason"] == "late_death"
    assert trace.outcome["reason_in_words"] == (
        "Died too long after the start for the death to count, without any disease assessment"
    )
    assessed = trace_of(seen(20), died(500), policy="late_death_censored").outcome["reason_in_words"]
    assert assessed.startswith("Died too long after the last disease assessment")


@pytest.mark.parametrize("later", [died(LATER), recurrence(LATER)])
def test_an_event_after_the_cutoff_is_none_and_shows_life_in_one_phrase(later):
    assert said(trace_of(seen(90), later, endpoint="OS"))[LATER] == (
        "> after the data cutoff: no event; shows the participant alive at it;"
        " last day known alive, truncated to the cutoff: censored here, decides"
    )


@pytest.mark.parametrize(
    ("organs", "order"),
    [
        (("colon", "liver"), "of the same class, the alphabetical order of the organs puts colon first"),
        (("", "liver"), "of the same class, the alphabetical order of the organs puts no organ first"),
        (("liver", "liver"), "of the same class and organ, the first in the order of the records"),
    ],
)
def test_of_two_events_of_one_class_on_one_day_the_order_changes_nothing(organs, order):
    trace = trace_of(*(recurrence(200, organ=organ) for organ in organs))
    assert trace.records[2].rule == (
        f"counts as the event; on one day {order}, which changes nothing in the outcome's class"
    )


def test_on_one_day_the_recurrence_goes_before_the_death():
    rules = [record.rule for record in trace_of(recurrence(200), died(200)).records]
    assert rules[1:] == [
        "counts as the event: first that counts, decides",
        "counts as the event; on one day local recurrence goes first",
    ]


def test_a_competing_event_is_told_from_the_event():
    trace = trace_of(seen(90), died(200, "death_cardiovascular"), endpoint="TTR_DATECAN")
    assert said(trace)[90] == "last disease assessment; a competing event decides"
    assert said(trace)[200] == "> competes with the event: first that counts, decides"


def test_an_event_before_the_start_is_history():
    trace = trace_of(recurrence(-5), seen(90))
    assert said(trace)[-5] == "before index_date: history, not an event of the follow-up"
    assert said(trace)[90] == "> last disease assessment: censored here, decides"


def test_contacts_after_the_last_disease_assessment_decide_only_where_the_policy_censors_at_contact():
    history = [
        seen(50),
        seen(90),
        seen(120, "contact", "disease_assessment not_evaluable"),
        seen(150, "contact"),
    ]
    shows = "shows the participant alive; censoring is at the last disease assessment"
    assert said(trace_of(*history)) == {
        0: "day 0",
        50: "not the last disease assessment",
        90: "> last disease assessment: censored here, decides",
        120: shows,
        150: shows,
    }
    at_contact = said(trace_of(*history, policy="last_contact"))
    assert at_contact[90] == "not the last day known alive"
    assert at_contact[150] == "> last day known alive: censored here, decides"
    assert trace_of(*history).records[3].what == "disease assessment, not evaluable"


def test_without_any_assessment_the_last_day_known_alive_is_where_it_ends():
    trace = trace_of(seen(50, "sign_of_life"), seen(90, "withdrawal", "withdrawal"))
    assert said(trace)[90] == "> last day known alive: censored here, decides"
    assert trace.outcome["censor_reason"] == "no_disease_assessment"


def test_follow_up_after_the_cutoff_is_truncated_to_it():
    trace = trace_of(seen(90), seen(LATER))
    assert (
        said(trace)[LATER] == "> last disease assessment, after the data cutoff: truncated to it:"
        " censored here, decides"
    )
    assert trace.outcome["end_date"] == CUTOFF


def test_a_late_death_is_not_counted_by_its_policy_only():
    history = [seen(90), died(500)]
    assert said(trace_of(*history))[500] == "> counts as the event: first that counts, decides"
    late = said(trace_of(*history, policy="late_death_censored"))
    assert late[500] == "death 410 days after the last disease assessment, more than 365: not counted"
    assert late[90] == "> last disease assessment: censored here, decides"
    never_assessed = said(trace_of(died(500), policy="late_death_censored"))
    assert never_assessed[500].startswith("death 500 days after the start, without any disease assessment")


def test_a_new_line_of_therapy_decides_under_its_policy_only():
    history = [seen(-3, "new_line"), seen(90), seen(120, "new_line"), recurrence(200), seen(300, "new_line")]
    policy = "new_therapy_censored"
    under = said(trace_of(*history, policy=policy))
    assert under[-3] == "before index_date: not a new line of the follow-up"
    assert under[120] == "> first new line of therapy: censored here, decides"
    assert under[200] == "counts as the event, but after the new line of therapy"
    assert under[300] == "not the first new line of therapy"
    assert said(trace_of(*history))[120] == "does not censor under this policy"
    of_survival = said(trace_of(*history, endpoint="OS", policy=policy))
    assert of_survival[120].startswith("does not censor under any policy of this endpoint")
    same_day = said(trace_of(seen(200, "new_line"), recurrence(200), policy=policy))
    assert same_day[200].startswith("> ")
    first = trace_of(recurrence(150), seen(200, "new_line"), policy=policy)
    assert said(first)[200].startswith("first new line of therapy, but not before the event")


def test_a_delayed_entry_after_the_event_leaves_nobody_at_risk():
    trace = trace_of(recurrence(100), seen(400), entry_days=300)
    assert said(trace)[300] == "at risk after this day"
    assert said(trace)[100].endswith("decides; on or before the delayed entry: never at risk")
    assert trace.outcome["censor_reason"] == "not_at_risk"


def test_what_shows_nothing_is_said_to():
    trace = trace_of(seen(50, "contact"), seen(90, "no_sign_of_life"), endpoint="OS")
    assert (trace.records[2].what, said(trace)[90]) == (
        "session not attended",
        "does not show the participant alive",
    )


def test_an_ignored_recurrence_may_still_be_the_last_sign_of_life():
    trace = trace_of(recurrence(700), endpoint="OS")
    assert said(trace)[700] == (
        "> ignored by the endpoint's rules; last day known alive: censored here, decides"
    )


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("time_days = 201", "time_days is 201 in the release and 200 by the evidence"),
        ("censor_reason = 'withdrawal'", "censor_reason is withdrawal in the release and event by"),
        ("source_line = 77", "source_line is 77 in the release and 3 by the evidence"),
        ("event_organ = 'lung'", "event_organ is lung in the release and colon by the evidence"),
    ],
)
def test_a_released_row_that_the_records_do_not_give_is_noticed(change, difference):
    con = release_of(recurrence(200))
    con.execute(f"update survival.time_to_event set {change} where endpoint_id = 'DFS_CHALLENGE'")
    trace = read_trace(con, Selection("t", "", "DFS_CHALLENGE", "primary"), ["P"])
    assert [found.startswith(difference) for found in trace.differences] == [True]


def test_an_outcome_that_one_side_lacks_is_noticed():
    con = release_of(recurrence(200))
    assert list(disagreements(con)) == []
    con.execute("delete from survival.time_to_event where endpoint_id = 'OS' and policy_id = 'primary'")
    ((key, column, released, derived),) = disagreements(con)
    assert (key["endpoint_id"], column, released, derived) == ("OS", "", None, "a row")
    con.execute("update survival.time_to_event set participant_id = 'Q' where endpoint_id = 'IDFS'")
    assert len(list(disagreements(con, Selection(endpoint_id="IDFS")))) == 2 * len(POLICIES)


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (("tt", "DFS_CHALLENGE", "primary"), r"There is no such study; the release holds: t\."),
        (("t", "DFS_CHALENGE", "primary"), r"no.* such an endpoint \(did you mean `DFS_CHALLENGE`\?\)"),
        (("t", "OS", "primry"), r"such a policy \(did you mean `primary`\?\); its policies: primary, last_"),
        (("t", "OS", "primary"), "t has no participant of that id in this release"),
    ],
)
def test_what_is_not_there_is_said_without_the_words_that_were_given(asked, answer):
    study_id, endpoint_id, policy_id = asked
    with pytest.raises(UnknownOutcomeError, match=answer) as error:
        read_trace(release_of(), Selection(study_id, "", endpoint_id, policy_id), ["CANARY-17"])
    assert "CANARY" not in str(error.value)
    assert "`P`" not in str(error.value)


def test_whoever_is_not_in_an_earlier_analysis_may_have_been_enrolled_later():
    with pytest.raises(UnknownOutcomeError, match="or was enrolled after the data cutoff 2015-12-31;"):
        read_trace(release_of(), Selection("t", "", "OS", "primary"), ["CANARY-17"], "2015-12-31")
    with pytest.raises(UnknownOutcomeError) as error:
        read_trace(release_of(), Selection("t", "", "OS", "primary"), ["CANARY-17"])
    assert "cutoff" not in str(error.value)


def test_no_kind_of_contact_is_an_assessment_and_a_withdrawal():
    """audit.evidence says one word of a contact."""
    for rule in seed_rows("follow_up_rules"):
        assert "true" not in (rule["is_disease_assessment"], rule["is_withdrawal"]) or (
            rule["is_disease_assessment"] != rule["is_withdrawal"]
        )
