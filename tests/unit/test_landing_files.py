"""What a file contains decides how it is read; what cannot be read is refused by its cause."""

import datetime as dt
import gzip
import hashlib
import io
import zipfile
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.landing import create_raw_tables, land_record, land_study
from schemas.errors import StudyPackageError
from schemas.study import load_study

DESCRIPTOR = """\
study_id: cohort
title: A survivorship cohort
design: survivorship_cohort
index_cancer: colon
time_origin: diagnosis
data_cutoff: 2019-12-31
records: {participants: participants.csv, measurements: measurements.csv, adverse_events: events.csv}
"""
PARTICIPANTS = b"participant_id,index_date\nP1,2010-01-01\nP2,2010-02-01\n"


@pytest.fixture
def land(tmp_path: Path):
    """Lands one file under a descriptor; returns its raw table (all columns) and its landing."""

    def land_bytes(content: bytes, record: str = "participants", descriptor: str = DESCRIPTOR):
        for name in ("participants.csv", "participants.parquet", "measurements.csv", "events.csv"):
            (tmp_path / name).touch()
        (tmp_path / "study.yaml").write_text(descriptor, encoding="utf-8")
        study = load_study(tmp_path)
        (tmp_path / study.records[record][0]).write_bytes(content)
        with duckdb.connect() as con:
            create_raw_tables(con)
            land_study(con, study)
            (landing,) = land_record(con, study, record)
            return con.sql(f"from raw.{record} order by source_line").pl(), landing

    return land_bytes


@pytest.fixture
def land_faults(tmp_path: Path):
    """Lands participants and returns the reasons why rows of them are set aside."""

    def land_text(content: str) -> list[str]:
        for name in ("measurements.csv", "events.csv"):
            (tmp_path / name).touch()
        (tmp_path / "study.yaml").write_text(DESCRIPTOR, encoding="utf-8")
        (tmp_path / "participants.csv").write_text(content, encoding="utf-8")
        with duckdb.connect() as con:
            create_raw_tables(con)
            land_record(con, load_study(tmp_path), "participants")
            return [reason for (reason,) in con.sql("select reason from audit.quarantine").fetchall()]

    return land_text


def _refused(land, content: bytes, record: str = "participants", descriptor: str = DESCRIPTOR) -> list[str]:
    with pytest.raises(StudyPackageError) as error:
        land(content, record, descriptor)
    return error.value.problems


def _parquet(**columns) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def _zip(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("participants.csv", content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (bytes(range(256)) * 50, "NUL byte"),
        (b"participant_id\x00,index_date\n", "line 1 holds a NUL byte"),
        (gzip.compress(PARTICIPANTS, mtime=0), "gzip"),
        (_zip(PARTICIPANTS), "xlsx"),
        (b"SQLite format 3\x00" + bytes(84), "SQLite"),
        (b"%PDF-1.7\n", "PDF"),
        (PARTICIPANTS.decode().encode("utf-16"), "UTF-16"),
        (b"\xfe\xff" + PARTICIPANTS.decode().encode("utf-16-be"), "UTF-16"),
        (PARTICIPANTS + "P3,2010-01-01,é\n".encode("latin-1"), "byte 0xE9 on line 4"),
        (PARTICIPANTS.replace(b"\n", b"\r"), "lone carriage return"),
        (PARTICIPANTS.replace(b",", b";"), "semicolons"),
        (PARTICIPANTS.replace(b",", b"\t"), "tabs"),
        (b"PAR1" + bytes(100) + b"PAR1", "damaged Parquet"),
        (b"\n" + PARTICIPANTS, "line 1 is empty"),
        (b'"participant_id,index_date\nP1,2010-01-01\n', "quotes of the header"),
        (b"participant_id,index_date\n", "no participants"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_its_cause(land, content, words):
    (problem,) = _refused(land, content)
    assert problem.startswith("participants.csv")
    assert words in problem


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (b"participant_id,index_dat", ["`index_date` is missing", "did you mean `index_dat`?"]),
        (b"Participant_ID,index_date", ["`participant_id` is missing", "did you mean `Participant_ID`?"]),
        (b"participant_id,index_date,Entry Date", ["`Entry Date`", "accepted: `entry_date`"]),
        (b"participant_id,index_date,index_date", ["`index_date` is there more than once"]),
        (b"participant_id,index_date,", ["column 3 has no name"]),
        (b"participant_id,index_date, sex", ["` sex` has blanks", "accepted: `sex`"]),
        (b"participant_id,index_date,extent\x07", ["invisible characters", "accepted: `extent`"]),
    ],
)
def test_a_header_that_breaks_the_contract_is_named_with_what_is_near(land, header, words):
    problems = _refused(land, header + b"\n")
    assert any(all(word in problem for word in words) for problem in problems), problems


@pytest.mark.parametrize(
    "row",
    [
        b"ZQX-0001,2013-08-04,S3,EX,80.7,female",
        b"ZQX-0001,4 Aug 2013,S3,EX,,female",
        b"ZQX-0001,participants_id,arm_id,sex,age_years",
        b"participant_id,index_date,04/08/2013,EX",
        b"participant_id,index_date,80.7,EX",
        b"participant_id,index_date,2013-08-04 10:00,EX",
    ],
)
def test_a_row_for_a_header_is_refused_without_showing_it(land, row):
    descriptor = DESCRIPTOR + "stratification: [node4]\nsubgroups: [sex]\n"
    (problem,) = _refused(land, row + b"\n" + row + b"\n", descriptor=descriptor)
    assert problem.startswith("participants.csv line 1 ")
    assert "accepted: a header with at least participant_id, index_date, of participant_id," in problem
    assert not any(value in problem for value in ("ZQX", "2013", "80.7", "EX", "female"))


def test_where_a_required_column_is_missing_only_names_of_the_contract_are_listed(land):
    descriptor = DESCRIPTOR + "stratification: [node4]\n"
    problems = _refused(land, b"participant_id,ZQX-0001,nodes4\n", descriptor=descriptor)
    assert len(problems) == 2
    assert "`index_date` is missing" in problems[0]
    assert "names the column `node4`, which is missing in participants.csv" in problems[1]
    assert "accepted: site_id, age_years" in problems[1]
    assert "ZQX" not in "".join(problems)


def test_an_identifier_in_the_wrong_column_is_not_shown(land_faults):
    header = "participant_id,index_date,entry_date,site_id,age_years,sex"
    rows = ["2013-08-04,0012345,,S3,61,female", "P2,8012345,123-45-6789,S3,8012345,8012345"]
    rows += ["female,2013-08-04,,S3,ZQX-7,ZQX-7", "523,2013-08-04,,S3,523,Smith", "P5,P5,,S3,161,femal"]
    reasons = land_faults("\n".join([header, *rows]))
    for words in ("12345", "6789", "ZQX", "523", "Smith", "P5"):
        assert words not in "".join(reasons)
    assert "index_date (not shown) could not be read as a date" in reasons
    assert "age_years (not shown) is above 120" in reasons
    assert "sex (not shown) is not an accepted word" in reasons
    assert "age_years `161` is above 120" in reasons
    assert "sex `femal` is not an accepted word (did you mean `female`?)" in reasons


def test_an_unknown_column_outside_participants_is_refused_with_the_nearest(land):
    header = b"participant_id,measured_on,visit,measure_id,value,units\n"
    problems = _refused(land, header, "measurements")
    assert len(problems) == 2
    assert "the required column `unit` is missing (did you mean `units`?)" in problems[0]
    assert "the column `units` is unknown (did you mean `unit`?)" in problems[1]


def test_a_study_with_arms_needs_the_arm_of_its_participants(land):
    arms = "arms: [{arm_id: A, label: A, role: control}]\n"
    (problem,) = _refused(land, PARTICIPANTS, descriptor=arms + DESCRIPTOR)
    assert "`arm_id` is missing" in problem


def test_a_stratification_factor_must_be_a_column_of_participants(land):
    descriptor = DESCRIPTOR + "stratification: [node4]\nsubgroups: [sex]\n"
    problems = _refused(
        land, PARTICIPANTS.replace(b"index_date", b"index_date,nodes4"), descriptor=descriptor
    )
    assert problems[0] == (
        "study.yaml line 8: stratification[1] names the column `node4`, which is missing in participants.csv"
        " (did you mean `nodes4`?); accepted: nodes4"
    )
    assert "study.yaml line 9: subgroups[1] names the column `sex`, which is missing" in problems[1]


def test_a_covariate_of_the_adjusted_model_must_be_a_covariate_of_participants(land):
    descriptor = DESCRIPTOR + (
        "adjustment: [{covariate: node4, kind: categorical}, {covariate: index_date, kind: continuous}]\n"
    )
    problems = _refused(
        land, PARTICIPANTS.replace(b"index_date", b"index_date,nodes4"), descriptor=descriptor
    )
    assert "line 8: adjustment[1] names the column `node4`, which is missing" in problems[0]
    assert "did you mean `nodes4`?" in problems[0]
    assert "line 8: adjustment[2] names the column `index_date`, which is no covariate" in problems[1]


def _people(levels: list[str], column: str = "centre") -> bytes:
    rows = "".join(f"P{n},2010-01-01,{level}\n" for n, level in enumerate(levels))
    return f"participant_id,index_date,{column}\n{rows}".encode()


@pytest.mark.parametrize("column", ["centre", "site_id", "age_years"])
@pytest.mark.parametrize(
    ("use", "place", "advice"),
    [
        ("subgroups: [{}]", "subgroups[1]", "fewer levels"),
        ("adjustment: [{{covariate: {}, kind: categorical}}]", "adjustment[1]", "kind: continuous"),
    ],
)
def test_a_group_of_more_than_fifty_levels_is_refused_with_their_number(land, column, use, place, advice):
    descriptor = DESCRIPTOR + use.format(column) + "\n"
    fifty = [str(20 + n % 50) for n in range(200)]
    _, landing = land(_people([*fifty, ""], column), descriptor=descriptor)
    assert landing.rows_accepted == 201
    (problem,) = _refused(land, _people([*fifty, "70"], column), descriptor=descriptor)
    assert problem.startswith(f"study.yaml line 8: {place} names the column `{column}`, which has 51 levels;")
    assert "accepted: at most 50 levels: group it into a column with fewer levels" in problem
    assert advice in problem


def test_a_continuous_covariate_may_have_any_number_of_values(land):
    descriptor = DESCRIPTOR + "adjustment: [{covariate: weight, kind: continuous}]\n"
    _, landing = land(_people([str(n) for n in range(600)], "weight"), descriptor=descriptor)
    assert landing.rows_accepted == 600


def test_centres_may_be_strata_as_long_as_they_hold_two_participants_on_average(land):
    descriptor = DESCRIPTOR + "stratification: [site_id]\n"
    _, landing = land(_people([f"C{n % 55}" for n in range(110)], "site_id"), descriptor=descriptor)
    assert landing.rows_accepted == 110
    (problem,) = _refused(land, _people([f"C{n % 56}" for n in range(110)], "site_id"), descriptor=descriptor)
    assert (
        "stratification[1] names the column `site_id`, which has 56 levels; accepted: at most 55" in problem
    )


@pytest.mark.parametrize(
    ("column", "value", "cause"),
    [
        ("nodes", "many", "nodes (not shown) could not be read as a number"),
        ("nodes", "NaN", "stands for a missing value"),
        ("nodes", "inf", "is not finite"),
        ("nodes", "1e999", "is too large or too small"),
        ("nodes", "1,5", "has a comma"),
        ("sex", "female", "sex (not shown) could not be read as a number"),
    ],
)
def test_a_continuous_covariate_that_is_no_number_is_set_aside_with_its_line(tmp_path, column, value, cause):
    descriptor = DESCRIPTOR + f"adjustment: [{{covariate: {column}, kind: continuous}}]\n"
    for name in ("measurements.csv", "events.csv"):
        (tmp_path / name).touch()
    (tmp_path / "study.yaml").write_text(descriptor, encoding="utf-8")
    rows = f'participant_id,index_date,{column}\nP1,2010-01-01,"{value}"\nP2,2010-01-01,\n'
    (tmp_path / "participants.csv").write_text(rows, encoding="utf-8")
    with duckdb.connect() as con:
        create_raw_tables(con)
        (landing,) = land_record(con, load_study(tmp_path), "participants")
        reasons = con.sql(
            "select source_file, source_line, column_name, value, reason, accepted from audit.quarantine"
        ).fetchall()
    assert landing.rows_accepted == 1
    ((*place, reason, accepted),) = reasons
    assert place == ["participants.csv", 2, column, value]
    assert cause in reason
    assert "adjustment of study.yaml calls it continuous" in accepted


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + PARTICIPANTS,
        PARTICIPANTS.replace(b"\n", b"\r\n"),
        b'"participant_id","index_date"\n"P1","2010-01-01"\n"P2","2010-02-01"\n',
        b"index_date,participant_id\n2010-01-01,P1\n2010-02-01,P2\n",
        _parquet(participant_id=["P1", "P2"], index_date=["2010-01-01", "2010-02-01"]),
        _parquet(participant_id=["P1", "P2"], index_date=[dt.date(2010, 1, 1), dt.date(2010, 2, 1)]),
        _parquet(
            index_date=pa.array([dt.date(2010, 1, 1), dt.date(2010, 2, 1)]).cast(pa.timestamp("ns")),
            participant_id=pa.array(["P1", "P2"]).dictionary_encode(),
        ),
    ],
    ids=[
        "BOM",
        "CRLF",
        "quoted",
        "reordered",
        "Parquet text",
        "Parquet dates",
        "Parquet as pandas writes it",
    ],
)
def test_the_same_participants_land_however_the_file_is_written(land, content):
    landed, landing = land(content)
    assert landed["participant_id"].to_list() == ["P1", "P2"]
    assert landed["index_date"].to_list() == [dt.date(2010, 1, 1), dt.date(2010, 2, 1)]
    assert (landing.rows_read, landing.rows_accepted, landing.rows_quarantined) == (2, 2, 0)


def test_a_csv_file_named_parquet_is_read_as_what_it_is(land):
    landed, _ = land(PARTICIPANTS, descriptor=DESCRIPTOR.replace("participants.csv", "participants.parquet"))
    assert landed["source_line"].to_list() == [2, 3]
    assert set(landed["source_file"]) == {"participants.parquet"}


def test_a_row_of_a_parquet_file_is_known_by_its_number(land):
    landed, _ = land(_parquet(participant_id=["P1", "P2"], index_date=["2010-01-01", "2010-02-01"]))
    assert landed["source_line"].to_list() == [1, 2]


@pytest.mark.parametrize(
    ("grades", "accepted"),
    [
        (pa.array([2.0, None, 5.0]), [2, 5]),
        (pa.array([2.5, 3.0, float("nan")]), [3]),
        (pa.array([1, 2, 7]), [1, 2]),
    ],
)
def test_whole_numbers_that_parquet_keeps_as_floats_stay_whole(land, grades, accepted):
    content = _parquet(
        participant_id=["P1", "P1", "P1"],
        started_on=["2014", "2014-01", "2014-01-05"],
        term=["x"] * 3,
        grade=grades,
    )
    landed, landing = land(content, "adverse_events")
    assert landed["grade"].to_list() == accepted
    assert landing.rows_quarantined == 3 - len(accepted)


def test_a_parquet_time_of_day_is_not_dropped_from_a_date(land):
    days = pa.array([dt.datetime.fromisoformat("2010-01-01T08:00:00")] * 2, pa.timestamp("us"))
    landed, landing = land(_parquet(participant_id=["P1", "P2"], index_date=days))
    assert landed.is_empty()
    assert landing.rows_quarantined == 2


@pytest.mark.parametrize(
    "days",
    [
        pa.array([-(2**31), 2**31 - 1], pa.int32()).cast(pa.date32()),
        pa.array([-(2**62), 2**62], pa.int64()).cast(pa.timestamp("ms")),
        pa.array([-(2**63) + 1, 2**63 - 1], pa.int64()).cast(pa.timestamp("us")),
        pa.array([-(2**63) + 1, 2**63 - 1], pa.int64()).cast(pa.timestamp("ns")),
        pa.array([-(2**62), 2**62], pa.int64()).cast(pa.timestamp("us", "Europe/Paris")),
    ],
    ids=["days", "milliseconds", "microseconds", "nanoseconds", "with a time zone"],
)
def test_a_parquet_day_that_no_calendar_has_is_set_aside(land, days):
    landed, landing = land(_parquet(participant_id=["P1", "P2"], index_date=days))
    assert landed.is_empty()
    assert (landing.rows_read, landing.rows_quarantined) == (2, 2)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([10**60], pa.decimal256(70, 0)),
        pa.array([b"x"]),
        pa.array([1], pa.time64("us")),
        pa.array([1], pa.duration("us")),
        pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(16)], pa.binary(16))),
    ],
    ids=["decimal of 256 bits", "bytes", "time of day", "duration", "extension"],
)
def test_a_parquet_column_of_another_kind_of_value_is_refused_by_its_type(land, values):
    (problem,) = _refused(land, _parquet(participant_id=["P1"], index_date=["2010-01-01"], x=values))
    assert f"column `x` holds {values.type}"[:40] in problem


def test_a_parquet_column_of_lists_is_refused(land):
    (problem,) = _refused(land, _parquet(participant_id=["P1"], index_date=[["2010-01-01"]]))
    assert "column `index_date` holds list" in problem


def test_unknown_columns_of_participants_are_covariates_without_their_missing_values(land):
    landed, _ = land(b"participant_id,index_date,node4,extent\nP1,2010-01-01,1,3\nP2,2010-02-01,,\n")
    assert landed["covariates"].to_list() == [
        [{"name": "extent", "value": "3"}, {"name": "node4", "value": "1"}],
        [],
    ]


def test_a_covariate_may_have_any_name(land):
    landed, _ = land(b"participant_id,index_date,row,study_id,text\nP1,2010-01-01,a,b,c\n")
    assert [pair["value"] for pair in landed["covariates"][0]] == ["a", "b", "c"]
    assert landed["study_id"].to_list() == ["cohort"]


def test_ids_keep_their_leading_zeros(land):
    landed, _ = land(b"participant_id,index_date\n007,2010-01-01\n7,2010-01-01\n")
    assert landed["participant_id"].to_list() == ["007", "7"]


def test_a_record_without_rows_lands_empty(land):
    landed, landing = land(b"participant_id,started_on,term,grade\n", "adverse_events")
    assert landed.is_empty()
    assert landing.rows_read == 0


def test_all_files_of_a_record_are_refused_at_once(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"")
    (tmp_path / "b.csv").write_bytes(b"%PDF-")
    descriptor = [*DESCRIPTOR.splitlines()[:-1], "records: {participants: [a.csv, b.csv]}"]
    (tmp_path / "study.yaml").write_text("\n".join(descriptor), encoding="utf-8")
    with duckdb.connect() as con:
        create_raw_tables(con)
        with pytest.raises(StudyPackageError) as error:
            land_record(con, load_study(tmp_path), "participants")
    assert [problem.split()[0] for problem in error.value.problems] == ["a.csv", "b.csv"]


def test_landing_a_record_again_replaces_it(tmp_path):
    (tmp_path / "participants.csv").write_bytes(PARTICIPANTS + b"P3,nonsense\n")
    descriptor = [*DESCRIPTOR.splitlines()[:-1], "records: {participants: participants.csv}"]
    (tmp_path / "study.yaml").write_text("\n".join(descriptor), encoding="utf-8")
    study = load_study(tmp_path)
    with duckdb.connect() as con:
        create_raw_tables(con)
        for _ in range(2):
            land_study(con, study)
            land_record(con, study, "participants")
        assert [
            con.sql(f"select count(*) from {table}").fetchall()[0][0]
            for table in ("raw.study", "raw.participants", "audit.landing", "audit.quarantine")
        ] == [1, 2, 1, 1]


def test_a_landing_names_the_file_by_size_and_sha256(land):
    _, landing = land(PARTICIPANTS)
    assert landing.file_bytes == len(PARTICIPANTS)
    assert landing.file_sha256 == hashlib.sha256(PARTICIPANTS).hexdigest()


def test_columns_keep_the_types_of_the_contract(land):
    landed, _ = land(b"participant_id,index_date,age_years\nP1,2010-01-01,61\n")
    assert landed.schema["index_date"] == pl.Date
    assert landed.schema["age_years"] == pl.Float64
    assert landed.schema["source_line"] == pl.Int64
