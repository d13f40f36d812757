"""study.yaml is read strictly, and everything wrong with it is said at once."""

import datetime as dt
from pathlib import Path

import pytest

from schemas.errors import StudyPackageError
from schemas.reference import seed_column
from schemas.study import StudyDescriptor, load_study
from schemas.study_keys import describe_study
from schemas.study_parts import CustomEndpoint, Source

DESCRIPTOR = """\
study_id: moertel-colon
title: Adjuvant therapy of resected colon carcinoma
design: randomised_trial
index_cancer: colon
time_origin: randomisation
data_cutoff: 2009-12-31
arms:
  - {arm_id: OBS, label: Observation, role: control}
  - {arm_id: LEV, label: Levamisole, role: experimental}
  - {arm_id: LEV5FU, label: Levamisole + fluorouracil, role: experimental}
records:
  participants: participants.csv
"""


# An endpoint of the study's own; OPEN_RULES leaves the last class of event_classes.csv without a rule.
CLASSES = seed_column("event_classes", "event_class")
OPEN_RULES = ", ".join(
    f"{name}: {'event' if name == 'distant_recurrence' else 'competing'}" for name in CLASSES[:-1]
)
RULES = f"{OPEN_RULES}, {CLASSES[-1]}: ignored"
CUSTOM = f"""\
custom_endpoints:
  - endpoint_id: LIVER_FREE
    label: Liver-metastasis-free survival
    definition_version: "1"
    censored_at: policy
    description: To distant recurrence
    source: Protocol, section 3
    rules: {{{RULES}}}
"""


@pytest.fixture
def package(tmp_path: Path):
    """Writes a package with a descriptor and one file of participants."""

    def write(descriptor: str = DESCRIPTOR) -> Path:
        (tmp_path / "study.yaml").write_text(descriptor, encoding="utf-8")
        (tmp_path / "participants.csv").touch()
        return tmp_path

    return write


def _problems(package: Path) -> list[str]:
    with pytest.raises(StudyPackageError) as refused:
        load_study(package)
    return refused.value.problems


def test_a_minimal_trial_has_the_documented_defaults(package):
    study = load_study(package())
    assert study.data_cutoff == dt.date(2009, 12, 31)
    assert study.all_comparisons == [("LEV", "OBS"), ("LEV5FU", "OBS")]
    assert study.all_endpoints == list(seed_column("endpoint_definitions", "endpoint_id"))
    assert study.quarantine_tolerance == 0
    assert study.nominal_dates is False
    assert study.records == {"participants": ["participants.csv"]}
    assert study.folder == package()


def test_a_cohort_without_arms_has_everybody_in_arm_all(package):
    arms = DESCRIPTOR[DESCRIPTOR.index("arms:") : DESCRIPTOR.index("records:")]
    cohort = DESCRIPTOR.replace(arms, "").replace("randomised_trial", "survivorship_cohort")
    study = load_study(package(cohort))
    assert study.all_arms == [("ALL", "All participants", "single")]
    assert study.all_comparisons == []


def test_a_randomised_trial_needs_two_arms_to_compare(package):
    with pytest.raises(StudyPackageError, match="nothing to compare; accepted: an arm with role control"):
        load_study(package(DESCRIPTOR.replace("role: control", "role: experimental")))


def test_declared_comparisons_and_endpoints_replace_the_defaults(package):
    study = load_study(
        package(
            DESCRIPTOR
            + "comparisons:\n  - {experimental: LEV5FU, control: LEV}\nendpoints: [OS, DFS_CHALLENGE]\n"
        )
    )
    assert study.all_comparisons == [("LEV5FU", "LEV")]
    assert study.all_endpoints == ["OS", "DFS_CHALLENGE"]


def test_a_study_is_analysed_under_every_policy_unless_it_names_some(package):
    assert load_study(package()).all_policies == list(seed_column("censoring_policies", "policy_id"))
    named = load_study(package(DESCRIPTOR + "policies: [primary, last_contact]\n"))
    assert named.all_policies == ["primary", "last_contact"]


def test_visits_are_in_the_order_in_which_they_are_named(package):
    study = load_study(package(DESCRIPTOR + "visits: [baseline, month 6, month 12]\n"))
    assert study.visits == ["baseline", "month 6", "month 12"]
    assert load_study(package()).visits == []


def test_a_study_may_define_an_endpoint_of_its_own(package):
    study = load_study(package(DESCRIPTOR + CUSTOM))
    assert study.all_endpoints == [*seed_column("endpoint_definitions", "endpoint_id"), "LIVER_FREE"]
    assert study.custom_endpoints[0].rules["distant_recurrence"] == "event"
    chosen = load_study(package(DESCRIPTOR + CUSTOM + "endpoints: [LIVER_FREE, OS]\n"))
    assert chosen.all_endpoints == ["LIVER_FREE", "OS"]


def test_an_endpoint_of_its_own_may_be_named_before_it_is_defined(package):
    study = load_study(package(DESCRIPTOR + "endpoints: [LIVER_FREE]\n" + CUSTOM))
    assert study.all_endpoints == ["LIVER_FREE"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("LIVER_FREE", "OS", ["line 14: custom_endpoints[1].endpoint_id", "`OS` is defined for every study"]),
        ("LIVER_FREE", "dfs_challenge", ["`dfs_challenge` is `DFS_CHALLENGE`", "differs by more"]),
        ("LIVER_FREE", "All", ["line 14", "`All` stands for everything", "another id"]),
        (RULES, OPEN_RULES, ["line 20: custom_endpoints[1].rules", f"without a rule for `{CLASSES[-1]}`"]),
        (
            "distant_recurrence: ",
            "distant_recurence: ",
            ["`distant_recurence` is not an event class", "did you mean `distant_recurrence`?"],
        ),
        (
            "distant_recurrence: event",
            "distant_recurrence: evnt",
            ["custom_endpoints[1].rules.distant_recurrence", "`evnt` is not a rule", "did you mean `event`?"],
        ),
        ("distant_recurrence: event", "distant_recurrence: ignored", ["no event class is an `event`"]),
        ("censored_at: policy", "censored_at: polcy", ["line 17", "`polcy`", "did you mean `policy`?"]),
        ("    label: Liver-metastasis-free survival\n", "", ["`custom_endpoints[1].label` is missing"]),
        ("    source: ", "    sourc: ", ["`custom_endpoints[1].sourc` is no known key"]),
        ("records:", "endpoints: [LIVERFREE]\nrecords:", ["line 11", "did you mean `LIVER_FREE`?"]),
    ],
)
def test_a_fault_in_an_endpoint_of_the_study_is_named_with_what_is_accepted(package, old, new, words):
    problems = _problems(package((DESCRIPTOR + CUSTOM).replace(old, new, 1)))
    assert all(problem.startswith("study.yaml line ") and "accepted: " in problem for problem in problems)
    assert any(all(word in problem for word in words) for problem in problems), problems


def test_an_endpoint_that_is_defined_and_not_used_is_told(package):
    (problem,) = _problems(package(DESCRIPTOR + CUSTOM + "endpoints: [OS]\n"))
    assert "custom_endpoints defines `LIVER_FREE`, but endpoints does not name it; accepted: " in problem


def test_two_endpoints_of_a_study_cannot_share_an_id(package):
    again = CUSTOM.removeprefix("custom_endpoints:\n")
    (problem,) = _problems(package(DESCRIPTOR + CUSTOM + again))
    assert "`LIVER_FREE` is named more than once" in problem
    (problem,) = _problems(package(DESCRIPTOR + CUSTOM + again.replace("LIVER_FREE", "Liver_free")))
    assert "`Liver_free` is `LIVER_FREE` but for upper and lower case; accepted: " in problem


def test_ids_stay_as_they_are_written(package):
    study = load_study(package(DESCRIPTOR.replace("arm_id: LEV,", "arm_id: 007,")))
    assert study.arms[1].arm_id == "007"


def test_a_record_may_be_spread_over_several_files(package, tmp_path):
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "b.csv").touch()
    descriptor = DESCRIPTOR.replace(": participants.csv", ": [./participants.csv, sites/b.csv]")
    assert load_study(package(descriptor)).records["participants"] == ["participants.csv", "sites/b.csv"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("moertel-colon", "Moertel_Colon", ["line 1", "study_id is `Moertel_Colon`", "lower-case"]),
        ("moertel-colon", "x" * 65, ["line 1", "at most 64"]),
        ("randomised_trial", "randomized_trial", ["line 3", "did you mean `randomised_trial`?"]),
        ("index_cancer: colon", "index_cancer: colonn", ["line 4", "`colonn`", "did you mean `colon`?"]),
        ("2009-12-31", "31/12/2009", ["line 6", "`31/12/2009`", "YYYY-MM-DD"]),
        ("2009-12-31", "2009-02-29", ["line 6", "`2009-02-29`"]),
        ("role: control", "role: contrl", ["line 8", "arms[1].role", "did you mean `control`?"]),
        ("arm_id: LEV,", "arm_id: OBS,", ["line 7", "`OBS` is named more than once"]),
        ("arm_id: LEV,", "arm_id: LEV 1,", ["line 9", "`LEV 1`", "letters, digits"]),
        ("label: Observation, ", "", ["line 8", "`arms[1].label` is missing"]),
        ("time_origin: randomisation\n", "", ["`time_origin` is missing"]),
        ("time_origin: randomisation\n", "time_origin:\n", ["`time_origin` is missing"]),
        ("design:", "desing:", ["line 3", "`desing` is no known key", "did you mean `design`?"]),
        ("participants: p", "participant: p", ["line 12", "did you mean `participants`?"]),
        ("participants.csv", "participant.csv", ["line 12", "`participant.csv`", "`participants.csv`"]),
        ("participants.csv", "/etc/passwd", ["line 12", "`/etc/passwd`", "relative"]),
        ("participants.csv", "../participants.csv", ["line 12", "`../participants.csv`", "relative"]),
        ("participants: participants.csv", "participants: []", ["line 12", "records.participants"]),
        ("participants: participants.csv", "deaths: participants.csv", ["`participants` is missing"]),
        (
            "participants: participants.csv",
            "participants: participants.csv\n  deaths: participants.csv",
            ["`participants.csv` is named more than once"],
        ),
        ("records:", "quarantine_tolerance: 1.5\nrecords:", ["line 11", "`1.5`", "0 to 1"]),
        ("records:", "quarantine_tolerance: nan\nrecords:", ["line 11", "`nan`"]),
        (
            "records:",
            "landmarks_years: [1, 0]\nrecords:",
            ["line 11", "landmarks_years[2] is `0`", "above 0"],
        ),
        ("records:", "visits: [v0, v1, v0]\nrecords:", ["line 11: visits: `v0` is named more than once"]),
        ("records:", "visits: []\nrecords:", ["line 11: visits is an empty list", "a list of one or more"]),
        ("records:", "visits: [v0, '']\nrecords:", ["line 11: visits[2] is an empty value"]),
        ("records:", "endpoints: [OS, DFS]\nrecords:", ["line 11", "`DFS` is not an endpoint"]),
        ("records:", "nominal_dates: yes\nrecords:", ["line 11", "`yes`", "true or false"]),
        (
            "records:",
            "comparisons: [{experimental: LEVV, control: OBS}]\nrecords:",
            ["line 11", "`LEVV` is not an arm", "did you mean `LEV`?"],
        ),
        (
            "records:",
            "comparisons: [{experimental: OBS, control: OBS}]\nrecords:",
            ["line 11", "compared with itself"],
        ),
        ("records:", "policies: [last_contact]\nrecords:", ["line 11: policies", "`primary` is missing"]),
        (
            "records:",
            "policies: [primary, last_contct]\nrecords:",
            ["line 11", "`last_contct` is not a censoring policy", "did you mean `last_contact`?"],
        ),
        (
            "records:",
            "adjustment: [{covariate: age_years, kind: continous}]\nrecords:",
            ["line 11: adjustment[1].kind", "`continous`", "did you mean `continuous`?"],
        ),
        (
            "records:",
            "adjustment: [{covariate: sex, kind: categorical}, {covariate: sex, kind: continuous}]\nrecords:",
            ["line 11: adjustment", "`sex` is named more than once"],
        ),
        ("title:", "study_id: again\ntitle:", ["line 2", "already given on line 1"]),
        ("arms:", "arms: {a: b}\nsubgroups:", ["arms is a map", "a list of arms"]),
        ("records:", "arms: [[a]]\nrecords:", ["arms[1] is a list"]),
        ("title: Adjuvant", "title: [a]\n#", ["line 2", "title is a list"]),
        ("index_cancer: colon", 'index_cancer: ""', ["`index_cancer` is missing"]),
        ("label: Observation", "label:", ["line 8", "arms[1].label is an empty value"]),
        ("records:", "endpoints: ['']\nrecords:", ["line 11", "an empty value is not an endpoint"]),
        ("records:", "endpoints: []\nrecords:", ["line 11: endpoints is an empty list", "one or more"]),
        ("records:", "policies: []\nrecords:", ["line 11: policies is an empty list", "one or more"]),
        ("records:", "comparisons: []\nrecords:", ["line 11: comparisons is an empty list", "one or more"]),
        ("records:", "subgroups: [sex, all]\nrecords:", ["line 11: subgroups[2]", "everybody", "another"]),
        ("records:", "stratification: [ALL]\nrecords:", ["line 11: stratification[1]", "`ALL`", "another"]),
        (
            "records:",
            "adjustment: [{covariate: all, kind: categorical}]\nrecords:",
            ["line 11: adjustment[1].covariate", "`all`", "another name"],
        ),
        ("records:", "arms: &a [*a]\nrecords:", ["line 11", "refers to itself", "anchor on line 11"]),
        ("records:", "source: &s {citation: a, licence: *s}\nrecords:", ["`licence`", "refers to itself"]),
    ],
)
def test_a_fault_is_named_with_line_value_and_what_is_accepted(package, old, new, words):
    assert old in DESCRIPTOR
    problems = _problems(package(DESCRIPTOR.replace(old, new, 1)))
    assert all(problem.startswith("study.yaml line ") and "accepted: " in problem for problem in problems)
    assert any(all(word in problem for word in words) for problem in problems), problems


def test_all_faults_are_said_at_once_in_the_order_of_the_file(package):
    descriptor = DESCRIPTOR.replace("LEV,", "L V,").replace("_trial", "_trail").replace("moertel-", "M-")
    places = [problem.split(":")[0] for problem in _problems(package(descriptor))]
    assert places == ["study.yaml line 1", "study.yaml line 3", "study.yaml line 9"]


@pytest.mark.parametrize(
    "content", [b"", b"just words", b"- a\n- b\n", b"a: [b", b"a: \xe9\n", b"\x00", b"[" * 5000]
)
def test_what_is_no_descriptor_is_refused_in_one_sentence(package, content):
    folder = package()
    (folder / "study.yaml").write_bytes(content)
    (problem,) = _problems(folder)
    assert problem.startswith("study.yaml")


def test_a_descriptor_of_too_many_brackets_or_aliases_is_refused_in_words(package):
    (problem,) = _problems(package("[" * 5000))
    assert "nested too deeply" in problem
    doubled = "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    (problem,) = _problems(package(f"a0: &a0 [x, y]\n{doubled}"))
    assert "more than 100,000 values" in problem


def test_the_same_part_may_be_written_once_and_referred_to(package):
    study = load_study(package(DESCRIPTOR + "stratification: &factors [sex, stage]\nsubgroups: *factors\n"))
    assert study.subgroups == study.stratification == ["sex", "stage"]


def test_a_key_without_a_value_is_left_out(package):
    study = load_study(package(DESCRIPTOR + "endpoints:\npolicies: null\ncomparisons: ~\n"))
    assert study.all_endpoints == list(seed_column("endpoint_definitions", "endpoint_id"))
    assert study.all_policies == list(seed_column("censoring_policies", "policy_id"))


def test_the_contract_says_of_every_key_what_is_accepted_and_what_leaving_it_out_means():
    said = {key: words for key, *words in describe_study()}
    for part, prefix in ((StudyDescriptor, ""), (CustomEndpoint, "custom_endpoints[]."), (Source, "source.")):
        assert {prefix + name for name in part.model_fields} <= set(said)
    assert said["arms[].role"] == ["yes", "", "control or experimental"]
    assert {"comparisons[].control", "timepoints[].minutes_from_bout_end", "adjustment[].kind"} <= set(said)
    for key, (required, left_out, accepted) in said.items():
        assert accepted, key
        assert (required == "yes") != bool(left_out), key
    assert said["endpoints"][1] == said["policies"][1] == "all of them"
    assert (said["quarantine_tolerance"][1], said["nominal_dates"][1]) == ("0", "false")


def test_a_folder_without_a_descriptor_names_the_one_with_another_ending(package):
    folder = package()
    (folder / "study.yaml").rename(folder / "study.yml")
    (problem,) = _problems(folder)
    assert "did you mean `study.yml`?" in problem


def test_a_path_that_is_no_folder_is_refused(tmp_path):
    (problem,) = _problems(tmp_path / "nowhere")
    assert "does not exist" in problem


def test_a_link_that_leads_out_of_the_package_is_refused(package, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "secret.csv"
    outside.touch()
    folder = package()
    (folder / "participants.csv").unlink()
    (folder / "participants.csv").symlink_to(outside)
    (problem,) = _problems(folder)
    assert "leads outside the package" in problem
