"""Outcomes derived again against rows worked out by hand, and what a trace shows and warns of."""

import datetime as dt

import pytest

from orchestration.cli.trace_view import _ranges
from orchestration.trace.decision import read_trace
from orchestration.trace.derivation import Selection
from schemas.reference import seed_rows
from tests.traced_history import LATER, START, died, found, printed, recurrence, release_of, seen, trace_of

# What a statistician reads from a history: day, reason, class, competing code, file and line that decide.
BY_HAND = [
    pytest.param(
        [seen(90), recurrence(100, "in_situ_carcinoma"), recurrence(200), died(300)],
        ("DFS_CHALLENGE", "primary", 0),
        (200, "event", "local_recurrence", 1, "disease_events.csv:5"),
        id="first event that counts",
    ),
    pytest.param(
        [seen(90), died(200, "death_cardiovascular")],
        ("TTR_DATECAN", "primary", 0),
        (200, "competing_event", "death_cardiovascular", 2, "deaths.csv:4"),
        id="competing death",
    ),
    pytest.param(
        [recurrence(-5), seen(90), seen(150, "contact")],
        ("DFS_CHALLENGE", "primary", 0),
        (90, "last_disease_assessment", "", 0, "follow_up.csv:4"),
        id="last assessment",
    ),
    pytest.param(
        [seen(90), seen(150, "contact"), recurrence(LATER)],
        ("DFS_CHALLENGE", "last_contact", 0),
        (1826, "data_cutoff", "", 0, "disease_events.csv:5"),
        id="alive at the cutoff",
    ),
    pytest.param(
        [seen(90), died(LATER)],
        ("OS", "primary", 0),
        (1826, "data_cutoff", "", 0, "deaths.csv:4"),
        id="died after the cutoff",
    ),
    pytest.param(
        [seen(90), died(456)],
        ("DFS_CHALLENGE", "late_death_censored", 0),
        (90, "late_death", "", 0, "follow_up.csv:3"),
        id="death a day too late",
    ),
    pytest.param(
        [seen(90), died(455)],
        ("DFS_CHALLENGE", "late_death_censored", 0),
        (455, "event", "death_index_cancer", 1, "deaths.csv:4"),
        id="death on the last day that counts",
    ),
    pytest.param(
        [seen(90), seen(120, "new_line"), recurrence(200)],
        ("DFS_CHALLENGE", "new_therapy_censored", 0),
        (120, "new_therapy", "", 0, "anticancer_therapies.csv:4"),
        id="new line",
    ),
    pytest.param(
        [seen(90, "withdrawal", "withdrawal")],
        ("OS", "primary", 0),
        (90, "withdrawal", "", 0, "follow_up.csv:3"),
        id="withdrawal",
    ),
    pytest.param(
        [recurrence(100), seen(400)],
        ("DFS_CHALLENGE", "primary", 300),
        (100, "not_at_risk", "", 0, "disease_events.csv:3"),
        id="never at risk",
    ),
]
CODES = {row["censor_reason"]: int(row["cnsr"]) for row in seed_rows("censor_reasons")}


@pytest.mark.parametrize(("history", "asked", "expected"), BY_HAND)
def test_a_released_outcome_worked_out_by_hand_is_the_one_that_is_derived(history, asked, expected):
    """The fixture releases what is derived, so the row that is compared is written here, and a wrong one."""
    endpoint, policy, entry_days = asked
    days, reason, event_class, competing_code, place = expected
    file, line = place.split(":")
    by_hand = {
        "end_date": START + dt.timedelta(days=days),
        "time_days": days,
        "is_event": reason == "event",
        "cnsr": CODES[reason],
        "censor_reason": reason,
        "event_class": event_class,
        "event_organ": "colon" if event_class.endswith("recurrence") else "",
        "competing_code": competing_code,
        "source_record": file.removesuffix(".csv"),
        "source_file": file,
        "source_line": int(line),
    }
    con = release_of(*history, entry_days=entry_days)

    def differences(row) -> tuple[str, ...]:
        con.execute(
            f"update survival.time_to_event set {', '.join(f'{name} = ${name}' for name in row)}"
            f" where endpoint_id = '{endpoint}' and policy_id = '{policy}'",
            row,
        )
        return read_trace(con, Selection("t", "", endpoint, policy), ["P"]).differences

    assert differences(by_hand) == ()
    assert differences(by_hand | {"time_days": days + 1}) != ()


@pytest.mark.parametrize(
    ("finding", "what"),
    [
        ("no_evidence_of_disease", "no evidence of disease"),
        ("disease", "disease found"),
        ("", "finding not recorded"),
    ],
)
def test_the_assessment_at_which_follow_up_is_censored_says_what_it_found(finding, what):
    trace = trace_of(found(50, "no_evidence_of_disease"), found(90, finding))
    assert [record.what for record in trace.records][1:] == [
        "disease assessment, no evidence of disease",
        f"disease assessment, {what}",
    ]
    assert trace.outcome["reason_in_words"] == (
        f"No event of the endpoint recorded by the last disease assessment: disease assessment, {what}"
    )
    assert bool(trace.warnings) == (finding == "disease")


def test_whoever_is_censored_with_disease_is_warned_of():
    trace = trace_of(found(50), found(90))
    censored, missing = trace.warnings
    assert censored == (
        "Follow-up is censored at a disease assessment that found disease:"
        " no event of the endpoint is recorded by then."
    )
    assert missing == (
        "The disease assessment of 2020-02-20 (follow_up.csv:3) found disease, and no disease event is"
        " recorded up to 90 days later: one may be missing from the records."
    )
    shown = " ".join(printed(trace, 80).split())
    assert f"warning {censored}" in shown
    assert missing in shown.replace("warning ", "")


@pytest.mark.parametrize(
    ("history", "endpoint", "n_warnings"),
    [
        ([recurrence(50), found(90)], "DFS_CHALLENGE", 0),
        ([found(90), recurrence(180)], "DFS_CHALLENGE", 0),
        ([found(90), recurrence(181)], "DFS_CHALLENGE", 1),
        ([recurrence(50, "in_situ_carcinoma"), found(90)], "DFS_CHALLENGE", 1),
        ([recurrence(50), found(90)], "OS", 0),
        ([found(90)], "OS", 1),
        ([found(-9), found(90, "no_evidence_of_disease")], "DFS_CHALLENGE", 0),
    ],
)
def test_disease_that_its_event_explains_is_not_warned_of(history, endpoint, n_warnings):
    assert len(trace_of(*history, endpoint=endpoint).warnings) == n_warnings


def test_a_hundred_contacts_before_the_last_are_one_line():
    trace = trace_of(
        *(found(30 * n, "no_evidence_of_disease" if n % 5 else "disease") for n in range(1, 41)),
        *(seen(30 * n + 7, "contact") for n in range(1, 31)),
    )
    folded = " ".join(printed(trace, 300).split())
    assert (
        "32 disease assessments, no evidence of disease; 30 contacts; 7 disease assessments, disease found"
        in folded
    )
    assert "up to 2023-03-16, day 1,170: none decides (--all shows each)" in folded
    assert "follow_up.csv:3-71" in folded
    assert printed(trace, 200, fold=False).count("follow_up.csv:") == 71  # one is the warning's


def test_folded_records_name_their_files_and_ranges_of_lines():
    between = [recurrence(day, "in_situ_carcinoma") for day in (10, 40)]
    not_evaluable = seen(30, "contact", "disease_assessment not_evaluable")
    shown = printed(trace_of(seen(20), seen(25, "sign_of_life"), not_evaluable, *between, seen(50)), 300)
    assert (
        "1 disease assessment, finding not recorded; 1 sign of life; 1 disease assessment, not eval" in shown
    )
    assert "follow_up.csv:4,6, samples.csv:5" in shown
    assert "up to 2020-01-31, day 30: none decides (--all shows each)" in shown
    assert _ranges([2, 3, 4, 9]) == "2-4,9"
    assert _ranges([1, 3, 5, 7, 9]) == "1-9 (5 of these lines)"


def test_two_contacts_are_not_folded_nor_any_event():
    shown = printed(
        trace_of(seen(30), seen(60), recurrence(70, "in_situ_carcinoma"), seen(90), seen(120)), 200
    )
    assert "none decides" not in shown
    assert "Carcinoma in situ, colon" in shown


@pytest.mark.parametrize("width", [80, 100, 200, 400])
def test_every_part_of_a_trace_is_shown_at_any_width(width):
    set_aside = {
        "record": "deaths",
        "source_file": "deaths.csv",
        "source_line": 9,
        "reasons": ["died_on `2020-13-01` is no date"],
        "accepted": ["a date such as 2014-03-09"],
    }
    shown = " ".join(printed(trace_of(seen(150), recurrence(LATER)), width, set_aside=(set_aside,)).split())
    for part in (
        "P of t, arm A (Arm A)",
        "2020-01-01 (randomisation) is day 0",
        "2024-12-31, day 1,826",
        "DFS_CHALLENGE: Disease-free survival (CHALLENGE), version 2025.1",
        "primary: Censored at the last disease assessment; every death counts.",
        "follow_up.csv:3",
        "last disease assessment: censored here, decides",
        "Local recurrence, colon",
        "after the data cutoff: no event; shows the participant alive at it",
        "day 150, 2020-05-30: No event of the endpoint recorded by the last disease assessment",
        "cnsr 1, censor_reason last_disease_assessment",
        "/data/t/0123/follow_up.csv",
        "P,2020-05-30,disease_assessment,",
        "deaths.csv:9",
        "died_on `2020-13-01` is no date",
        "Derived again from these records: the same outcome.",
    ):
        assert part in shown
    assert max(map(len, printed(trace_of(seen(150)), width).splitlines())) <= width
