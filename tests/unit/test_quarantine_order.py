"""What is set aside, and why, does not depend on the order in which a file gives its rows."""

import duckdb

from orchestration.landing import apply_cross_record_rules, create_raw_tables, land_record, land_study
from orchestration.release.content_hash import rows_hash
from schemas.study import load_study

STUDY = """\
study_id: twice-told
title: Rows that name each other
design: survivorship_cohort
index_cancer: colon
time_origin: diagnosis
data_cutoff: 2020-12-31
endpoints: [OS]
quarantine_tolerance: 1
records: {participants: participants.csv, deaths: deaths.csv}
"""
PARTICIPANTS = ["P1,2019-01-01", "P1,2019-01-01", "P2,2019-01-01", "P3,2019-01-01"]
DEATHS = ["P2,2019-05-01,other", "P2,2019-06-01,other", "P9,2019-06-01,other"]


def _quarantine(package, participants, deaths):
    package.mkdir()
    (package / "study.yaml").write_text(STUDY)
    (package / "participants.csv").write_text("\n".join(["participant_id,index_date", *participants, ""]))
    (package / "deaths.csv").write_text("\n".join(["participant_id,died_on,cause", *deaths, ""]))
    study = load_study(package)
    with duckdb.connect() as con:
        create_raw_tables(con)
        land_study(con, study)
        for record in study.records:
            land_record(con, study, record)
        apply_cross_record_rules(con, [study])
        names = [name for name, *_ in con.sql("describe audit.quarantine").fetchall()]
        # `reason` says on which line the other row stands: names_places in the table's declaration.
        return rows_hash(
            con,
            "audit.quarantine",
            dict.fromkeys(names, "varchar"),
            ("reason", "source_file", "source_line", "row_text"),
        )


def test_rows_that_name_each_other_are_the_same_rows_in_any_order(tmp_path):
    as_delivered = _quarantine(tmp_path / "a", PARTICIPANTS, DEATHS)
    turned_round = _quarantine(tmp_path / "b", PARTICIPANTS[::-1], DEATHS[::-1])
    assert as_delivered[0] >= 5
    assert as_delivered == turned_round
