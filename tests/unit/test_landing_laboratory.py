"""Assay results land under one name for each analyte, or are set aside with what would be accepted."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.landing import apply_cross_record_rules, create_raw_tables, land_record, land_study
from schemas.laboratory import analytes
from schemas.study import load_study

DESCRIPTOR = """\
study_id: bouts
title: One bout of exercise
design: exercise_bout_study
index_cancer: breast
time_origin: enrolment
data_cutoff: 2020-12-31
timepoints:
  - {timepoint: pre, role: baseline}
  - {timepoint: post_0min, role: response}
  - {timepoint: post_30min, role: response}
"""
HEADER = "sample_id,analyte_id,replicate,result_text,unit,plate_id"


class Laboratory:
    """A study of two samples of one participant, and the assay results a test gives it."""

    def __init__(self, folder: Path, con: duckdb.DuckDBPyConnection) -> None:
        self.folder, self.con = folder, con
        self.descriptor = DESCRIPTOR
        self.samples = ["S1,P1,baseline,pre", "S2,P1,month_3,pre"]

    def land(self, *results: str) -> list[tuple[int, str, str, str]]:
        """Land the results; return (line, rule, reason, accepted) of every reason for quarantine."""
        files = {
            "participants": ["participant_id,index_date", "P1,2019-01-01"],
            "samples": ["sample_id,participant_id,visit,timepoint", *self.samples],
            "assay_results": [HEADER, *results],
        }
        names = "".join(f"  {record}: {record}.csv\n" for record in files)
        (self.folder / "study.yaml").write_text(f"{self.descriptor}records:\n{names}", encoding="utf-8")
        for record, lines in files.items():
            (self.folder / f"{record}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        study = load_study(self.folder)
        create_raw_tables(self.con)
        land_study(self.con, study)
        for record in files:
            land_record(self.con, study, record)
        apply_cross_record_rules(self.con, [study])
        return self.con.sql(
            "select source_line, rule, reason, accepted from audit.quarantine order by all"
        ).fetchall()

    def vocabulary(self) -> list[tuple[str, str, str, str, float]]:
        return self.con.sql("from raw.assay_vocabulary order by all").fetchall()


@pytest.fixture
def laboratory(tmp_path: Path) -> Iterator[Laboratory]:
    with duckdb.connect() as con:
        yield Laboratory(tmp_path, con)


def test_spellings_and_units_are_resolved_once_for_each_pair_and_kept_as_delivered(laboratory):
    assert (
        laboratory.land(
            "S1,IL-6,1,0.8,pg/mL,",
            "S2,Interleukin-6,1,0.0012,ng/ml,",
            "S1,TNF-α,1,1.1,pg / mL,",
            "S2,TNF-α,1,1.2,pg / mL,",
            "S1,hs-CRP,1,0.2,mg/dL,",
            "S1,Insulin,1,60,pmol/L,",
        )
        == []
    )
    assert laboratory.vocabulary() == [
        ("IL-6", "pg/mL", "IL6", "pg/mL", 1.0),
        ("Insulin", "pmol/L", "INSULIN", "pmol/L", 1 / 6),
        ("Interleukin-6", "ng/ml", "IL6", "ng/mL", 1000.0),
        ("TNF-α", "pg / mL", "TNFA", "pg/mL", 1.0),
        ("hs-CRP", "mg/dL", "CRP", "mg/dL", 10.0),
    ]
    delivered = laboratory.con.sql("select analyte_id, unit from raw.assay_results where source_line = 4")
    assert delivered.fetchall() == [("TNF-α", "pg / mL")]


def test_landing_again_resolves_what_is_there_now(laboratory):
    laboratory.land("S1,IL-6,1,0.8,pg/mL,")
    laboratory.land("S1,OSM,1,0.8,pg/mL,")
    assert [row[0] for row in laboratory.vocabulary()] == ["OSM"]


def test_an_unknown_analyte_is_set_aside_with_what_may_be_meant(laboratory):
    ((line, rule, reason, accepted),) = laboratory.land("S1,IL6,1,1,pg/mL,", "S1,oncostatine,1,0.8,pg/mL,")
    assert (line, rule) == (3, "unknown_analyte")
    assert reason == "analyte_id `oncostatine` is no known analyte (did you mean `OSM`?)"
    assert accepted.startswith("DECORIN, SPARC, OSM, IL6")
    assert "cohortmart contract analytes" in accepted


def test_an_unknown_unit_is_set_aside_with_the_units_of_the_analyte(laboratory):
    ((line, rule, reason, accepted),) = laboratory.land("S1,IL6,1,1,pg/mL,", "S2,IL6,1,0.8,pg/m,")
    assert (line, rule) == (3, "unknown_unit")
    assert reason == "unit `pg/m` is no known unit (did you mean `pg/mL`?)"
    assert accepted == ", ".join(analytes()["IL6"].units)


def test_a_unit_of_something_else_is_no_unit_of_the_analyte(laboratory):
    found = laboratory.land("S1,IL-6,1,80,%,", "S1,TUMOUR_CELL_GROWTH,1,80,ng/mL,", "S1,CRP,1,9.5,nmol/L,")
    assert [(line, rule, reason) for line, rule, reason, _ in found] == [
        (2, "unknown_unit", "unit `%` is no unit of IL6"),
        (3, "unknown_unit", "unit `ng/mL` is no unit of TUMOUR_CELL_GROWTH"),
        (4, "unknown_unit", "unit `nmol/L` is no unit of CRP"),
    ]
    assert found[1][3] == "%, fraction"


def test_a_row_of_unknown_analyte_and_unit_has_both_reasons(laboratory):
    found = laboratory.land("S1,glucose,1,5.1,mmool,", "S9,glucose,1,5.1,pg/mL,")
    assert [(line, rule) for line, rule, *_ in found] == [
        (2, "unknown_analyte"),
        (2, "unknown_unit"),
        (3, "unknown_analyte"),
        (3, "unknown_sample"),
    ]


def test_one_result_under_two_spellings_is_set_aside_with_all_its_copies(laboratory):
    found = laboratory.land(
        "S1,IL6,1,0.8,pg/mL,PL1",
        "S1,IL-6,1,0.9,pg/mL,PL1",
        "S1,interleukin 6,1,900,fg/mL,PL1",
        "S1,IL-6,2,0.9,pg/mL,PL1",
        "S1,IL-6,1,0.9,pg/mL,PL2",
        "S2,IL6,1,0.9,pg/mL,PL1",
    )
    assert [(line, rule) for line, rule, *_ in found] == [(line, "same_result_twice") for line in (2, 3, 4)]
    assert found[0][2] == (
        "sample_id (not shown), analyte_id `IL6`, plate_id `PL1`, replicate `1` occurs 3 times, as `IL-6` and"
        " `IL6` and `interleukin 6`, first in assay_results.csv line 2 and assay_results.csv line 3"
    )


def test_two_spellings_count_as_one_result_without_a_plate_too(laboratory):
    found = laboratory.land("S1,IL6,1,0.8,pg/mL,", "S1,IL-6,1,0.9,ng/L,")
    assert [(line, rule) for line, rule, *_ in found] == [(2, "same_result_twice"), (3, "same_result_twice")]


def test_replicates_under_two_spellings_are_replicates(laboratory):
    assert laboratory.land("S1,IL6,1,0.8,pg/mL,", "S1,IL-6,2,0.9,pg/mL,") == []


def test_two_draws_at_one_timepoint_are_no_fault(laboratory):
    laboratory.samples.append("S3,P1,baseline,pre")
    assert laboratory.land("S1,IL6,1,0.8,pg/mL,", "S3,IL6,1,0.9,pg/mL,") == []


@pytest.mark.parametrize("text", ["12.3", "<0.17", ">500", "< LLOQ", "<lod", ">ULOQ", "qns", "Haemolysed"])
def test_a_result_a_limit_and_a_word_are_accepted_as_written(laboratory, text):
    assert laboratory.land(f"S1,IL6,1,{text},pg/mL,") == []
    assert laboratory.con.sql("select result_text from raw.assay_results").fetchall() == [(text,)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"12,3"', "`12,3` has a comma: decimals follow a point"),
        ('"<0,17"', "`<0,17` has a comma: decimals follow a point"),
        ('"1,234.5"', "`1,234.5` has a comma"),
        ("1_000", "`1_000` has an underscore"),
        ("007", "(not shown) has leading zeros"),
        ("<-1", "`<-1` is a limit below zero"),
        ("12.3*", "`12.3*` has more than the number"),
        ("12.3 pg/mL", "`12.3 pg/mL` has more than the number; its unit stands in unit"),
        ("≤0.17", "`≤0.17` has another sign than < and >"),
        ("<ULOQ", "`<ULOQ` says only that the result is within the limits"),
        ("1e400", "`1e400` cannot be kept: it is too large or too small"),
        ("<1e-400", "`<1e-400` cannot be kept: it is too large or too small"),
        ("NaN", "`NaN` stands for nothing"),
        ("n/a", "`n/a` is not an accepted word"),
        ("ND", "`ND` may mean not detected or not done"),
        ("haemolised", "`haemolised` is not an accepted word (did you mean `HAEMOLYSED`?)"),
    ],
)
def test_what_is_no_result_is_set_aside_with_its_cause(laboratory, text, words):
    ((line, _, reason, accepted),) = laboratory.land(f"S1,IL6,1,{text},pg/mL,")
    assert line == 2
    assert reason.startswith(f"result_text {words}")
    assert "a point before decimals" in accepted
    assert "QNS" in accepted


def test_timepoints_and_visits_keep_the_order_of_the_descriptor(laboratory):
    laboratory.descriptor += "visits: [baseline, month_3, month_12]\n"
    assert laboratory.land("S1,IL6,1,1,pg/mL,") == []
    assert laboratory.con.sql("from raw.study_visits order by visit_order").fetchall() == [
        ("bouts", "baseline", 1),
        ("bouts", "month_3", 2),
        ("bouts", "month_12", 3),
    ]
    assert laboratory.con.sql("select timepoint, timepoint_order from raw.study_timepoints").fetchall() == [
        ("pre", 1),
        ("post_0min", 2),
        ("post_30min", 3),
    ]


def test_a_sample_of_a_visit_that_the_study_does_not_name_is_set_aside_with_its_results(laboratory):
    laboratory.descriptor += "visits: [baseline, month_6]\n"
    found = laboratory.land("S1,IL6,1,1,pg/mL,", "S2,IL6,1,1,pg/mL,")
    assert found[0] == (
        3,
        "unknown_sample",
        (
            "sample_id (not shown) is not among the accepted samples; its own row is quarantined"
            " (samples.csv line 3)"
        ),
        "a sample_id of an accepted row of samples",
    )
    assert found[1][:3] == (
        3,
        "unknown_visit",
        "visit `month_3` is not one of study.yaml, which has baseline, month_6",
    )


def test_a_study_that_names_no_visits_accepts_any(laboratory):
    laboratory.samples.append("S3,P1,whenever,pre")
    assert laboratory.land("S3,IL6,1,1,pg/mL,") == []
    assert laboratory.con.sql("from raw.study_visits").fetchall() == []


def test_many_unknown_names_are_all_set_aside(laboratory):
    found = laboratory.land(*(f"S1,analyte{n},1,1,pg/mL," for n in range(300)))
    assert len(found) == 300
    assert {rule for _, rule, *_ in found} == {"unknown_analyte"}
