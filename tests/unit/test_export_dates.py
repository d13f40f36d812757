"""What an export makes of dates and ages, in a study small enough to check by hand."""

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from pydantic import SecretStr

from orchestration.privacy.pseudonyms import pseudonym
from orchestration.privacy.released_tables import ReleasedColumn, ReleasedTable
from orchestration.privacy.safe_harbor import write_safe_harbor
from orchestration.privacy.shifted import CUT_DAYS, shift_days, write_shifted
from orchestration.privacy.treatment import Treatment, treatment
from schemas.privacy import Privacy

KEY = "a key of the trial office, 2024"


def read(folder: Path, table: str) -> pl.DataFrame:
    return pl.read_parquet(folder / f"{table.replace('.', '/')}.parquet")


DAY = dt.date
PEOPLE = {
    # participant: index date, age, last day in study
    "young": (DAY(2020, 3, 1), 50.7, DAY(2024, 12, 31)),
    "late starter": (DAY(2020, 12, 30), 61.0, DAY(2024, 12, 31)),
    "early death": (DAY(2019, 5, 5), 70.0, DAY(2020, 1, 1)),
    "will be 90": (DAY(2019, 1, 1), 87.0, DAY(2024, 12, 31)),
    "is 94": (DAY(2021, 6, 6), 94.2, DAY(2022, 1, 1)),
}


@pytest.fixture
def registry() -> Any:
    """A study with true dates, by hand: who is followed to its data cutoff, who dies, who is old."""
    con = duckdb.connect()
    for schema in ("study", "survival", "recurrence", "reference"):
        con.execute(f"create schema {schema}")
    con.execute("create table reference.study as select 'r' as study_id, false as nominal_dates, "
                "date '2024-12-31' as data_cutoff")  # fmt: skip
    con.execute(
        "create table reference.censor_reasons as select 4::bigint as cnsr, 'data_cutoff' as censor_reason"
    )
    con.execute(
        "create table study.participant (study_id varchar, participant_id varchar, site_id varchar, "
        "index_date date, age_years double, sex varchar)"
    )
    con.execute(
        "create table survival.time_to_event (study_id varchar, participant_id varchar, start_date date, "
        "end_date date, time_days bigint, is_event boolean, cnsr bigint, censor_reason varchar, "
        "event_class varchar, source_record varchar, source_line bigint)"
    )
    con.execute(
        "create table recurrence.event (study_id varchar, participant_id varchar, event_on date, "
        "time_days bigint, event_class varchar)"
    )
    for name, (index, age, last) in PEOPLE.items():
        died = name == "early death"
        reason = "event" if died else "data_cutoff"
        con.execute(
            "insert into study.participant values ('r', ?, 'Bergen', ?, ?, 'female')", [name, index, age]
        )
        con.execute(
            "insert into survival.time_to_event values ('r', ?, ?, ?, ?, ?, ?, ?, ?, ?, 7)",
            [name, index, last, (last - index).days, died, 0 if died else 4, reason]
            + (["death", "deaths"] if died else ["", "follow_up"]),
        )
    # A recurrence in the last weeks before the cutoff.
    relapse = DAY(2024, 12, 20)
    con.execute(
        "insert into recurrence.event values ('r', 'young', ?, ?, 'local_recurrence')",
        [relapse, (relapse - PEOPLE["young"][0]).days],
    )
    tags = {"participant_id": Privacy.DIRECT_IDENTIFIER, "site_id": Privacy.QUASI_IDENTIFIER}
    tags |= {"age_years": Privacy.QUASI_IDENTIFIER, "sex": Privacy.QUASI_IDENTIFIER}
    tables = [
        ReleasedTable(
            name,
            tuple(
                ReleasedColumn(column, kind, tags.get(column, Privacy.NEITHER))
                for column, kind, *_ in con.execute(f"describe {name}").fetchall()
            ),
        )
        for name in ("study.participant", "survival.time_to_event", "recurrence.event")
    ]
    return con, tables


def test_who_is_followed_to_the_data_cutoff_does_not_give_day_0_away(registry: Any, tmp_path: Path) -> None:
    con, tables = registry
    write_safe_harbor(con, tables, ["r"], tmp_path)
    people = read(tmp_path, "study.participant")
    endings = read(tmp_path, "survival.time_to_event").join(people, on="participant_number")
    # Both started in 2020: what they have left says no more than that.
    year_2020 = endings.filter(index_year=2020)
    least = (DAY(2024, 12, 31) - DAY(2020, 12, 31)).days
    assert year_2020["time_days"].to_list() == [least, least]
    assert year_2020["censor_reason"].to_list() == ["data_cutoff"] * 2
    # What ended before is as it was; what came later has not happened.
    dead = endings.filter(pl.col("is_event"))
    assert dead["time_days"].to_list() == [(DAY(2020, 1, 1) - DAY(2019, 5, 5)).days]
    assert read(tmp_path, "recurrence.event").is_empty()


def test_nobody_is_seen_to_be_older_than_89(registry: Any, tmp_path: Path) -> None:
    """87 at day 0 and six years in the study is 93: one class with who is 94, and neither has a year."""
    con, tables = registry
    written = write_safe_harbor(con, tables, ["r"], tmp_path)
    people = read(tmp_path, "study.participant").sort("age_years", "index_year")
    assert people.columns == ["study_id", "participant_number", "index_year", "age_years", "sex"]
    assert people["age_years"].to_list() == [50, 61, 70, 90, 90]
    assert people["index_year"].to_list() == [2020, 2020, 2019, None, None]
    assert "90 or older" in written["study.participant"].changed["age_years"]
    assert set(written["study.participant"].left_out) == {"site_id"}
    assert set(written["survival.time_to_event"].left_out) == {"end_date", "source_line"}


def test_a_column_that_identifies_is_left_out_whatever_it_is_called() -> None:
    assert treatment(ReleasedColumn("passport", "VARCHAR", Privacy.DIRECT_IDENTIFIER)) is (
        Treatment.OTHER_IDENTIFIER
    )
    assert treatment(ReleasedColumn("arm_id", "VARCHAR", Privacy.DIRECT_IDENTIFIER)) is (
        Treatment.OTHER_IDENTIFIER
    )
    assert treatment(ReleasedColumn("postcode", "VARCHAR", Privacy.QUASI_IDENTIFIER)) is (
        Treatment.QUASI_IDENTIFIER
    )
    assert treatment(ReleasedColumn("remarks", "VARCHAR", Privacy.NEITHER)) is Treatment.UNDECLARED_TEXT


def test_no_shifted_time_ends_on_the_data_cutoff_and_all_of_a_study_end_on_one_shifted_day(
    registry: Any, tmp_path: Path
) -> None:
    con, tables = registry
    key = SecretStr(KEY)
    write_shifted(con, tables, ["r"], tmp_path, key)
    endings = read(tmp_path, "survival.time_to_event")
    cutoff = DAY(2024, 12, 31)
    last_day = cutoff - dt.timedelta(CUT_DAYS)
    for name, (index, _, _) in PEOPLE.items():
        its_pseudonym = pseudonym(key, "r", name)
        ending = endings.row(by_predicate=pl.col("participant_id") == its_pseudonym, named=True)
        shift = dt.timedelta(shift_days(key, "r", its_pseudonym))
        assert cutoff - dt.timedelta(ending["time_days"]) != index
        assert ending["start_date"] == index + shift
        assert ending["end_date"] == ending["start_date"] + dt.timedelta(ending["time_days"])
        # What a time that ends on the last day tells of day 0, the shifted date tells already.
        assert ending["end_date"] <= last_day
        if ending["censor_reason"] == "data_cutoff" and name != "is 94":
            assert ending["end_date"] == last_day
            assert ending["source_record"] == ""
    dead = endings.filter(participant_id=pseudonym(key, "r", "early death"))
    assert dead["is_event"].to_list() == [True]
    assert dead["source_record"].to_list() == ["deaths"]
    # A recurrence in the weeks before the cutoff has not happened.
    assert read(tmp_path, "recurrence.event").is_empty()


def test_who_starts_after_the_last_shifted_day_has_no_date_and_no_time(registry: Any, tmp_path: Path) -> None:
    con, tables = registry
    con.execute("update reference.study set data_cutoff = date '2021-07-01'")
    key = SecretStr(KEY)
    write_shifted(con, tables, ["r"], tmp_path, key)
    endings = read(tmp_path, "survival.time_to_event")
    last_day = DAY(2021, 7, 1) - dt.timedelta(CUT_DAYS)
    late = [
        its_pseudonym
        for name, (index, _, _) in PEOPLE.items()
        for its_pseudonym in [pseudonym(key, "r", name)]
        if index + dt.timedelta(shift_days(key, "r", its_pseudonym)) > last_day
    ]
    assert late
    of_late = endings.filter(pl.col("participant_id").is_in(late))
    assert of_late["time_days"].to_list() == [0] * len(late)
    assert of_late["start_date"].null_count() == of_late["end_date"].null_count() == len(late)
    assert read(tmp_path, "study.participant")["index_date"].null_count() == len(late)


@pytest.mark.parametrize("profile", ["safe-harbor", "shifted"])
def test_rows_that_share_an_identifier_are_exported_once_each(
    registry: Any, tmp_path: Path, profile: str
) -> None:
    """Several results of one sample, and no other table that has samples."""
    con, tables = registry
    con.execute("create schema myokine")
    con.execute("create table myokine.result (study_id varchar, participant_id varchar, sample_id varchar)")
    con.execute("insert into myokine.result select 'r', 'young', 'S1' from range(3)")
    tags = {"participant_id": Privacy.DIRECT_IDENTIFIER, "sample_id": Privacy.DIRECT_IDENTIFIER}
    columns = tuple(
        ReleasedColumn(name, "VARCHAR", tags.get(name, Privacy.NEITHER)) for name in ("study_id", *tags)
    )
    tables = [*tables, ReleasedTable("myokine.result", columns)]
    if profile == "shifted":
        write_shifted(con, tables, ["r"], tmp_path, SecretStr(KEY))
    else:
        write_safe_harbor(con, tables, ["r"], tmp_path)
    left = read(tmp_path, "myokine.result")
    assert left.height == 3
    assert left.n_unique() == 1


def test_who_started_on_the_last_day_of_a_year_is_like_everybody_who_is_cut(
    registry: Any, tmp_path: Path
) -> None:
    con, tables = registry
    con.execute(
        "insert into study.participant values ('r', 'new year', 'Bergen', date '2020-12-31', 40, 'male')"
    )
    con.execute(
        "insert into survival.time_to_event values ('r', 'new year', date '2020-12-31', date '2024-12-31', "
        "1461, false, 4, 'data_cutoff', '', 'follow_up', 7)"
    )
    write_safe_harbor(con, tables, ["r"], tmp_path)
    people = read(tmp_path, "study.participant")
    cut = read(tmp_path, "survival.time_to_event").join(people, on="participant_number")
    cut = cut.filter(index_year=2020).select("time_days", "cnsr", "censor_reason", "source_record")
    assert cut.height == 3
    assert cut.n_unique() == 1


def test_the_time_of_who_is_90_does_not_tell_the_year(registry: Any, tmp_path: Path) -> None:
    """Of others a time and a year are given; no time of a pooled participant may be that of one year."""
    con, tables = registry
    con.execute(
        "update survival.time_to_event set end_date = date '2024-12-31', time_days = "
        "date '2024-12-31' - start_date where participant_id = 'is 94'"
    )
    write_safe_harbor(con, tables, ["r"], tmp_path)
    people = read(tmp_path, "study.participant")
    old = read(tmp_path, "survival.time_to_event").join(people.filter(age_years=90), on="participant_number")
    shortest = (DAY(2024, 12, 31) - DAY(2021, 12, 31)).days
    assert old["time_days"].to_list() == [shortest, shortest]


def test_a_shift_is_even_over_two_years_and_has_nothing_to_do_with_the_pseudonym() -> None:
    days = [shift_days(SecretStr(KEY), "s", f"P{n}") for n in range(20_000)]
    assert min(days) == -364
    assert max(days) == 364
    assert 0 not in days
    assert len(set(days)) == 728
    assert abs(sum(days) / len(days)) < 5
    assert shift_days(SecretStr("another key"), "s", "P1") != shift_days(SecretStr(KEY), "s", "P1")


def test_pseudonyms_of_a_release_stay_as_they_are(registry: Any, tmp_path: Path) -> None:
    """So that exports of releases with and without pseudonyms can be put together."""
    con, tables = registry
    key = SecretStr(KEY)
    made = {name: pseudonym(key, "r", name) for name in PEOPLE}
    for table in ("study.participant", "survival.time_to_event", "recurrence.event"):
        for name, its_pseudonym in made.items():
            con.execute(
                f"update {table} set participant_id = ? where participant_id = ?", [its_pseudonym, name]
            )
    write_shifted(con, tables, ["r"], tmp_path, key)
    people = read(tmp_path, "study.participant")
    assert set(people["participant_id"]) == set(made.values())
    moved = people.filter(participant_id=made["early death"])["index_date"].item()
    assert (moved - PEOPLE["early death"][0]).days == shift_days(key, "r", made["early death"])


KEPT_NAMES = (
    "", "baseline", "pre", "rest", "race", "finish", "lap_10km", "post_0min", "post_30min", "recovery_24h",
    "week_12", "week 104", "month_36", "follow-up 3", "End of treatment", "visit2", "V2", "year 5",
)  # fmt: skip
DATES_AS_NAMES = (
    "2021-03-04", "20210304", "4.3.2021", "06MAR2019", "Sep 6 2019", "2019_03_06", "March 2019", "2019",
    "mar", "visit 2019", "day 6 3 19", "week 9 year 19", "year 19", "6th of May", "spring", "baseline (Mon)",
    "day 190306", "6-3-19", "post\n2019", "Mrs Hansen",
)  # fmt: skip


@pytest.mark.parametrize("profile", ["safe-harbor", "shifted"])
def test_a_visit_that_is_called_by_its_date_is_a_number(registry: Any, tmp_path: Path, profile: str) -> None:
    con, tables = registry
    con.execute("create schema myokine")
    con.execute("create table myokine.result (study_id varchar, participant_id varchar, visit varchar)")
    names = [*KEPT_NAMES, *DATES_AS_NAMES]
    con.executemany("insert into myokine.result values ('r', 'young', ?)", [[name] for name in names])
    con.execute("insert into myokine.result values ('r', 'is 94', '06MAR2019')")
    table = ReleasedTable(
        "myokine.result",
        (
            ReleasedColumn("study_id", "VARCHAR", Privacy.NEITHER),
            ReleasedColumn("participant_id", "VARCHAR", Privacy.DIRECT_IDENTIFIER),
            ReleasedColumn("visit", "VARCHAR", Privacy.NEITHER),
        ),
    )
    if profile == "shifted":
        write_shifted(con, [*tables, table], ["r"], tmp_path, SecretStr(KEY))
    else:
        write_safe_harbor(con, [*tables, table], ["r"], tmp_path)
    left = read(tmp_path, "myokine.result")["visit"]
    numbers = [f"visit {n + 1}" for n in range(len(DATES_AS_NAMES))]
    # The other has the same day, and a number that says nothing of it.
    assert sorted(left) == sorted([*KEPT_NAMES, *numbers, "visit 1"])
