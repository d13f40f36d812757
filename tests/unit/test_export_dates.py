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
from orchestration.privacy.shifted import shift_days, write_shifted
from orchestration.privacy.treatment import WITHHELD, Treatment, treatment
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
        "event_class varchar, source_line bigint)"
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
            "insert into survival.time_to_event values ('r', ?, ?, ?, ?, ?, ?, ?, ?, 7)",
            [name, index, last, (last - index).days, died, 0 if died else 4, reason, "death" if died else ""],
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


def test_who_has_a_date_on_the_data_cutoff_has_intervals_only(registry: Any, tmp_path: Path) -> None:
    con, tables = registry
    key = SecretStr(KEY)
    write_shifted(con, tables, ["r"], tmp_path, key)
    endings = read(tmp_path, "survival.time_to_event")
    with_dates = endings.filter(pl.col("start_date").is_not_null())
    assert endings["time_days"].null_count() == 0
    dead, old = (pseudonym(key, "r", name) for name in ("early death", "is 94"))
    assert set(with_dates["participant_id"]) == {dead, old}
    assert with_dates["end_date"].null_count() == 0
    people = read(tmp_path, "study.participant")
    assert set(people.filter(pl.col("index_date").is_not_null())["participant_id"]) == {dead, old}
    assert read(tmp_path, "recurrence.event")["event_on"].to_list() == [None]
    shifted = with_dates.filter(participant_id=dead)["start_date"].item()
    assert (shifted - PEOPLE["early death"][0]).days == shift_days(key, "r", dead)


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


@pytest.mark.parametrize("profile", ["safe-harbor", "shifted"])
def test_a_visit_that_is_called_by_its_date_is_withheld(registry: Any, tmp_path: Path, profile: str) -> None:
    con, tables = registry
    con.execute("create schema myokine")
    con.execute("create table myokine.result (study_id varchar, participant_id varchar, visit varchar)")
    names = ["baseline", "month_12", "2021-03-04", "20210304", "4.3.2021", "week 104"]
    con.executemany("insert into myokine.result values ('r', 'young', ?)", [[name] for name in names])
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
    assert sorted(left) == [WITHHELD] * 3 + ["baseline", "month_12", "week 104"]
