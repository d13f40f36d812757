"""The simulated CHALLENGE trial as a study package: sound, reproducible, and extensible."""

import hashlib
import itertools
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from orchestration.landing.check import check_package
from seeds.studies.challenge import simulate, write_package
from seeds.studies.challenge.assumptions import load_assumptions
from seeds.studies.challenge.hazards import load_hazards
from seeds.studies.challenge.package import trial_records
from seeds.studies.streams import Streams

BLOOD = ("samples", "assay_results")
RECORDS = ("participants", "follow_up", "disease_events", "deaths", "anticancer_therapies", *BLOOD)
RECURRENCES = ("local_recurrence", "regional_recurrence", "distant_recurrence")
SECOND_PRIMARIES = ("second_primary_same_organ", "second_primary_other_organ")
LARGE = 6000


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package in which rare records occur."""
    return simulate(LARGE, 3, tmp_path_factory.mktemp("large"))


@pytest.fixture(scope="module")
def records(large: Path) -> dict[str, pl.DataFrame]:
    return {name: _record(large, name) for name in RECORDS}


@pytest.fixture(scope="module")
def lives(records: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """One row per participant: randomisation, first recurrence, death, withdrawal, last contact."""
    follow_up, events = records["follow_up"], records["disease_events"]
    withdrawal = follow_up.filter(pl.col("kind") == "withdrawal")
    recurrences = events.filter(pl.col("event_type").is_in(RECURRENCES))
    primaries = events.filter(pl.col("event_type").is_in(SECOND_PRIMARIES))
    rows = records["participants"].select("participant_id", "index_date", "sex")
    for part in (
        recurrences.group_by("participant_id").agg(recurred_on=pl.col("event_on").min()),
        primaries.group_by("participant_id").agg(second_primary_on=pl.col("event_on").min()),
        records["deaths"],
        withdrawal.select("participant_id", withdrew_on="followed_on"),
        follow_up.group_by("participant_id").agg(last_contact_on=pl.col("followed_on").max()),
    ):
        rows = rows.join(part, on="participant_id", how="left", validate="1:1")
    return rows


def _record(package: Path, record: str) -> pl.DataFrame:
    return pl.read_csv(package / f"{record}.csv", try_parse_dates=True)


def _sha256(package: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in package.iterdir()}


def test_the_shipped_study_has_the_arms_of_the_trial(tmp_path):
    arms = _record(write_package(tmp_path), "participants")["arm_id"].value_counts(sort=True)
    assert arms.rows() == [("EXERCISE", 445), ("HEALTH_EDUCATION", 444)]


def test_every_row_meets_the_input_contract_and_contradicts_no_other(large):
    report = check_package(large)
    assert report.problems == ()
    assert {file.landing.record for file in report.files} == set(RECORDS)
    assert all(file.landing.rows_quarantined == 0 for file in report.files)
    assert report.files[0].landing.rows_accepted == LARGE


def test_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    first, again, other = (
        simulate(300, seed, tmp_path / name) for seed, name in ((7, "a"), (7, "b"), (8, "c"))
    )
    assert _sha256(first) == _sha256(again)
    differing = {name for name, digest in _sha256(other).items() if digest != _sha256(first)[name]}
    assert differing == {f"{record}.csv" for record in RECORDS}


def test_files_are_utf_8_csv_with_unix_line_ends(large):
    for record in RECORDS:
        content = (large / f"{record}.csv").read_bytes()
        assert b"\r" not in content
        assert content.endswith(b"\n")
        assert content.decode("utf-8").isascii()


@pytest.mark.parametrize("record", RECORDS)
def test_participants_are_the_same_in_a_larger_trial(tmp_path, record):
    small, larger = (_record(simulate(n, 11, tmp_path / str(n)), record) for n in (200, 320))
    # Identifiers of samples begin with those of participants.
    participant_id = pl.first().str.slice(0, len("CH-0000200"))
    assert_frame_equal(small, larger.filter(participant_id <= "CH-0000200"))


def test_an_odd_participant_exercises(tmp_path):
    for seed in range(6):
        arms = _record(simulate(21, seed, tmp_path / str(seed)), "participants")["arm_id"]
        assert arms.value_counts(sort=True).rows() == [("EXERCISE", 11), ("HEALTH_EDUCATION", 10)]


def test_pairs_are_allocated_one_to_each_arm_in_either_order(records):
    arms = records["participants"]["arm_id"].to_list()
    exercise_first = sum(first == "EXERCISE" for first in arms[::2])
    assert all(first != second for first, second in zip(arms[::2], arms[1::2], strict=True))
    assert exercise_first == pytest.approx(LARGE / 4, abs=4 * (LARGE / 8) ** 0.5)


def test_a_trial_of_one_is_refused(tmp_path):
    with pytest.raises(ValueError, match="2 or more"):
        simulate(1, 1, tmp_path)


def test_progress_counts_participants_to_the_end(tmp_path):
    calls = []
    simulate(50, 1, tmp_path, lambda done, total: calls.append((done, total)))
    assert calls == [(50, 50)]


def test_streams_of_columns_seeds_and_blocks_have_nothing_in_common():
    places = list(itertools.product((1, 2), ("age_years", "sex", "withdrawal"), (0, 1)))
    draws = [Streams(seed, block, 4000).uniform(column) for seed, column, block in places]
    for one, other in itertools.combinations(draws, 2):
        assert abs(pl.select(pl.corr(pl.Series(one), pl.Series(other))).item()) < 4.5 / 4000**0.5


def test_a_stream_does_not_depend_on_what_was_drawn_before():
    alone, after_others = Streams(5, 0, 100), Streams(5, 0, 100)
    for column in ("index_date", "a_column_of_the_future"):
        after_others.uniform(column)
    assert alone.uniform("sex").tolist() == after_others.uniform("sex").tolist()


def _drawn(**changes: object) -> dict[str, pl.DataFrame]:
    assumptions = load_assumptions().model_copy(update=changes)
    return dict(trial_records(0, 400, Streams(1, 0, 400), load_hazards(), assumptions))


def test_drawing_one_column_differently_changes_no_other():
    covariates = load_assumptions().covariates
    usual = _drawn()
    fewer_centres = _drawn(covariates=covariates.model_copy(update={"centres": 3}))
    assert not usual["participants"]["site_id"].equals(fewer_centres["participants"]["site_id"])
    for record in RECORDS:
        assert_frame_equal(
            usual[record].drop("site_id", strict=False), fewer_centres[record].drop("site_id", strict=False)
        )


def test_missing_more_visits_changes_follow_up_and_the_blood_drawn_at_it_alone():
    visits = load_assumptions().visits
    usual, sparse = _drawn(), _drawn(visits=visits.model_copy(update={"missed": 0.5}))
    assert sparse["follow_up"].height < usual["follow_up"].height
    assert sparse["samples"].height < usual["samples"].height
    for record in set(RECORDS) - {"follow_up", *BLOOD}:
        assert_frame_equal(usual[record], sparse[record])


def test_nothing_happens_before_randomisation(records, lives):
    index = lives.select("participant_id", "index_date")
    for record, day in (
        ("follow_up", "followed_on"),
        ("disease_events", "event_on"),
        ("deaths", "died_on"),
        ("anticancer_therapies", "started_on"),
    ):
        dated = records[record].join(index, on="participant_id")
        assert dated.filter(pl.col(day) < pl.col("index_date")).is_empty()


def test_nothing_happens_after_death_or_withdrawal(records, lives):
    ends = lives.select("participant_id", end=pl.coalesce("died_on", "withdrew_on"))
    assert lives.filter(pl.col("died_on").is_not_null(), pl.col("withdrew_on").is_not_null()).is_empty()
    for record, day in (
        ("follow_up", "followed_on"),
        ("disease_events", "event_on"),
        ("anticancer_therapies", "started_on"),
    ):
        dated = records[record].join(ends, on="participant_id")
        assert dated.filter(pl.col(day) > pl.col("end")).is_empty()


def test_nobody_has_evidence_of_disease_before_recurrence_or_none_after(records, lives):
    assessments = (
        records["follow_up"]
        .filter(pl.col("outcome").is_in(["disease", "no_evidence_of_disease"]))
        .join(lives, on="participant_id")
    )
    has_recurred = (pl.col("recurred_on") <= pl.col("followed_on")).fill_null(value=False)
    assert assessments.filter(has_recurred != (pl.col("outcome") == "disease")).is_empty()


def test_everybody_is_assessed_at_randomisation(records, lives):
    first = (
        records["follow_up"]
        .join(lives, on="participant_id")
        .filter(pl.col("followed_on") == pl.col("index_date"))
    )
    assert first["outcome"].to_list() == ["no_evidence_of_disease"] * LARGE


def test_nobody_is_assessed_after_the_data_cutoff_but_a_few_are_reported_on(records):
    cutoff = load_assumptions().data_cutoff
    late = records["follow_up"].filter(pl.col("followed_on") > cutoff)
    assert late["kind"].is_in(["alive_contact", "withdrawal"]).all()
    assert 0 < late.height < 0.04 * LARGE
    assert (late["followed_on"].max() - cutoff).days <= 30


def test_deaths_from_the_index_cancer_follow_recurrence(lives):
    dead_of = {cause: lives.filter(pl.col("cause") == cause) for cause in ("index_cancer", "other_cancer")}
    assert dead_of["index_cancer"].height > 0
    assert (dead_of["index_cancer"]["recurred_on"] <= dead_of["index_cancer"]["died_on"]).all()
    assert dead_of["other_cancer"].height > 0
    assert (dead_of["other_cancer"]["second_primary_on"] <= dead_of["other_cancer"]["died_on"]).all()


def test_organs_suit_the_type_of_event_and_the_sex(records, lives):
    events = records["disease_events"].join(lives.select("participant_id", "sex"), on="participant_id")
    assert events["organ"].null_count() == 0
    same_organ = events.filter(pl.col("event_type") == "second_primary_same_organ")
    assert same_organ["organ"].unique().to_list() == ["colon"]
    of_women, of_men = (events.filter(pl.col("sex") == sex)["organ"] for sex in ("female", "male"))
    assert not of_women.is_in(["prostate"]).any()
    assert not of_men.is_in(["ovary", "uterus", "breast"]).any()


def test_events_occur_in_every_class_and_after_a_first_one(records):
    events = records["disease_events"]
    assert set(events["event_type"]) == {
        *RECURRENCES,
        *SECOND_PRIMARIES,
        "non_melanoma_skin_cancer",
        "in_situ_carcinoma",
    }
    after_local = events.filter(pl.col("event_type") == "local_recurrence").join(
        events.filter(pl.col("event_type") == "distant_recurrence"), on="participant_id"
    )
    assert (after_local["event_on_right"] > after_local["event_on"]).all()
    assert after_local.height > 0


def test_new_lines_of_therapy_follow_recurrence(records, lives):
    started = records["anticancer_therapies"].join(lives, on="participant_id")
    assert started.height > 0
    assert (started["started_on"] > started["recurred_on"]).all()


def test_participants_resemble_those_of_the_trial(records):
    participants = records["participants"]
    share = participants.select(
        stage_iii=(pl.col("disease_stage") == "III").mean(), female=(pl.col("sex") == "female").mean()
    ).row(0, named=True)
    # Courneya 2025: 90 % stage III, 51 % women, median age 61, 55 centres.
    assert share["stage_iii"] == pytest.approx(0.90, abs=4 * (0.09 / LARGE) ** 0.5)
    assert share["female"] == pytest.approx(0.51, abs=4 * (0.25 / LARGE) ** 0.5)
    assert participants["age_years"].median() == pytest.approx(61, abs=1)
    assert participants["site_id"].n_unique() == 55
    years = participants["index_date"].dt.year()
    assert (years.min(), years.max()) == (2009, 2024)
