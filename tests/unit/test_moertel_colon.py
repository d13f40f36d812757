"""The Moertel trial as a study package: the data set, nothing lost and nothing made up."""

import csv
from pathlib import Path

import greenwood
import polars as pl
import pytest

from orchestration.landing.check import check_package
from seeds.studies.moertel_colon import write_package

R_FIGURES = Path(__file__).parents[1] / "statistics" / "data" / "moertel_colon_r.csv"
ARMS = ("OBS", "LEV", "LEV5FU")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_package(tmp_path_factory.mktemp("moertel-colon"))


@pytest.fixture(scope="module")
def days(package: Path) -> pl.DataFrame:
    """One row per participant: days to recurrence, death, last assessment and last contact."""
    participants = _record(package, "participants").select("participant_id", "index_date", "arm_id")
    follow_up = _record(package, "follow_up")
    dates = {
        "recurrence": _record(package, "disease_events").select("participant_id", on="event_on"),
        "death": _record(package, "deaths").select("participant_id", on="died_on"),
    }
    for kind in ("disease_assessment", "alive_contact"):
        dates[kind] = follow_up.filter(pl.col("kind") == kind).select("participant_id", on="followed_on")
    for name, frame in dates.items():
        participants = participants.join(
            frame.rename({"on": name}), on="participant_id", how="left", validate="1:1"
        )
    return participants.with_columns((pl.col(list(dates)) - pl.col("index_date")).dt.total_days())


def _record(package: Path, record: str) -> pl.DataFrame:
    return pl.read_csv(package / f"{record}.csv", try_parse_dates=True, schema_overrides={"organ": pl.String})


def _r_counts(quantity: str, endpoint: str) -> dict[str, int]:
    with R_FIGURES.open(newline="", encoding="utf-8") as file:
        return {
            row["arm"]: int(row["value"])
            for row in csv.DictReader(file)
            if (row["quantity"], row["scope"]) == (quantity, endpoint)
        }


def test_every_row_meets_the_input_contract(package, accepted_and_quarantined):
    assert accepted_and_quarantined(package) == {
        "participants": (929, 0),
        "follow_up": (900, 0),
        "disease_events": (468, 0),
        "deaths": (452, 0),
    }


def test_arms_have_as_many_participants_as_r_counts(days):
    assert dict(days.group_by("arm_id").len().iter_rows()) == _r_counts("n", "OS")


@pytest.mark.parametrize(
    ("endpoint", "event", "censored"),
    [
        ("OS", ["death"], ["alive_contact"]),
        ("DFS_CHALLENGE", ["recurrence", "death"], ["disease_assessment", "alive_contact"]),
    ],
)
def test_events_and_person_days_by_arm_are_those_of_r(days, endpoint, event, censored):
    followed = days.select(
        "arm_id",
        is_event=pl.any_horizontal(pl.col(event).is_not_null()),
        time_days=pl.coalesce(pl.min_horizontal(event), *censored),
    )
    by_arm = followed.group_by("arm_id").agg(pl.col("is_event").sum(), pl.col("time_days").sum())
    assert {arm: events for arm, events, _ in by_arm.iter_rows()} == _r_counts("events", endpoint)
    assert {arm: total for arm, _, total in by_arm.iter_rows()} == _r_counts("person_days", endpoint)


def test_everybody_either_died_or_has_a_last_contact(days):
    assert days.filter(pl.col("death").is_null() == pl.col("alive_contact").is_null()).is_empty()


def test_who_is_free_of_recurrence_and_alive_was_assessed_on_the_day_of_the_last_contact(days):
    free = days.filter(pl.col("recurrence").is_null(), pl.col("death").is_null())
    assert free.height == 423
    assert (free["disease_assessment"] == free["alive_contact"]).all()


def test_five_participants_recur_and_die_on_the_same_day(days):
    assert days.filter(pl.col("recurrence") == pl.col("death")).height == 5


def test_what_the_data_set_does_not_say_is_not_made_up(package):
    events = _record(package, "disease_events")
    assert events["event_type"].unique().to_list() == ["recurrence_unspecified"]
    assert events.select("organ", "confirmed_by").null_count().row(0) == (468, 468)
    assert _record(package, "deaths")["cause"].unique().to_list() == ["unknown"]


def test_covariates_are_those_of_the_data_set(package):
    covariates = ["obstruct", "perfor", "adhere", "nodes", "differ", "extent", "surg", "node4"]
    source = greenwood.load_dataset("colon").filter(pl.col("etype") == 2).sort("id")
    participants = _record(package, "participants")
    assert participants["participant_id"].to_list() == [f"MC-{number:04d}" for number in source["id"]]
    assert participants.select(covariates).equals(source.select(covariates))
    assert participants["age_years"].to_list() == source["age"].to_list()
    # `help(colon)` in R: sex is 1 for men, of whom there are 484.
    assert participants["sex"].value_counts(sort=True).rows() == [("male", 484), ("female", 445)]


def test_age_groups_meet_at_50_and_65_years(package):
    participants = _record(package, "participants")
    ages = participants.group_by("age_group").agg(
        low=pl.col("age_years").min(), high=pl.col("age_years").max()
    )
    assert {group: (low, high) for group, low, high in ages.iter_rows()} == {
        "under_50": (18, 49),
        "50_to_64": (50, 64),
        "65_and_over": (65, 85),
    }


def test_nothing_lies_after_the_data_cutoff(days, package):
    cutoff = check_package(package).study.data_cutoff
    last = days.select(
        pl.max_horizontal("recurrence", "death", "disease_assessment", "alive_contact").max()
    ).item()
    assert last == 3329
    assert (cutoff - days["index_date"][0]).days >= last
