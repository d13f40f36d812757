"""Pseudonyms are the same wherever the key is, another in every study, and nobody's identifier without it."""

import base64
import hashlib
import hmac

import duckdb
import pytest
from pydantic import SecretStr

from orchestration.dbt_project import dbt_environment
from orchestration.landing import create_raw_tables
from orchestration.privacy import pseudonyms
from orchestration.privacy.pseudonyms import (
    PseudonymCollisionError,
    is_pseudonym,
    pseudonym,
    pseudonymise,
    weakness,
)
from orchestration.settings import Settings
from schemas.privacy import Privacy
from schemas.records import RECORDS

KEY = "a key of thirty-two random bytes"


def test_a_pseudonym_is_the_hmac_of_study_column_and_identifier():
    digest = hmac.new(KEY.encode(), b"trial-a\0participant_id\0" + b"007", hashlib.sha256).digest()
    assert pseudonym(KEY, "trial-a", "007") == "P" + base64.b32encode(digest[:10]).decode()


def test_pseudonyms_differ_by_key_study_column_and_the_least_of_an_identifier():
    made = {
        pseudonym(KEY, "trial-a", "7"),
        pseudonym(KEY + "!", "trial-a", "7"),
        pseudonym(KEY, "trial-b", "7"),
        pseudonym(KEY, "trial-a", "07"),
        pseudonym(KEY, "trial-a", "7", "sample_id"),
        pseudonym(KEY, "trial-a", "7", "bout_id"),
        pseudonym(KEY, "trial-a", "7", "session_id"),
        pseudonym(KEY, "trial-a", "Müller"),
        pseudonym(KEY, "trial-a", "Mu\u0308ller"),
    }
    assert len(made) == 9
    assert all(map(is_pseudonym, made))
    assert not is_pseudonym("7")


def test_every_direct_identifier_of_the_contract_has_a_letter():
    direct = {
        name
        for record in RECORDS.values()
        for name, tag in record.privacy.items()
        if tag is Privacy.DIRECT_IDENTIFIER
    }
    assert direct == set(pseudonyms.LETTERS)
    assert len(set(pseudonyms.LETTERS.values())) == len(direct)


@pytest.fixture
def con():
    with duckdb.connect() as con:
        create_raw_tables(con)
        con.execute(
            """
            insert into raw.participants by name
            select study_id, participant_id, 'p.csv' as source_file, 2 as source_line
            from (values ('a', 'P1'), ('a', 'P2'), ('b', 'P1')) as t (study_id, participant_id);
            insert into raw.samples by name
            select 'a' as study_id, 'S1' as sample_id, 'P1' as participant_id, null as bout_id,
                3 as source_line;
            insert into raw.assay_results by name select 'a' as study_id, 'S1' as sample_id;
            insert into raw.exercise_sessions by name
            select 'a' as study_id, 'P1' as session_id, 'P2' as participant_id;
            insert into raw.quarantined_key by name
            select 'a' as study_id, 'participants' as record, 'P9' as key_value, 4 as source_line;
            insert into audit.quarantine by name
            select 'a' as study_id, 'deaths' as record, 'd.csv' as source_file, 4 as source_line,
                unnest(['participant_id', 'died_on', '']) as column_name,
                unnest(['P9', '2010-02-30', '']) as value,
                'participant_id (not shown) is not among the accepted participants' as reason,
                'P9,2010-02-30,other' as row_text
            """
        )
        yield con


def test_every_identifier_of_the_raw_tables_is_replaced_and_joins_as_before(con):
    pseudonymise(con, SecretStr(KEY))
    sample = pseudonym(KEY, "a", "S1", "sample_id")
    assert con.sql(
        """
        select p.study_id, p.participant_id, s.sample_id, s.bout_id, r.sample_id, s.source_line
        from raw.participants as p
        join raw.samples as s using (study_id, participant_id)
        join raw.assay_results as r using (study_id, sample_id)
        """
    ).fetchall() == [("a", pseudonym(KEY, "a", "P1"), sample, None, sample, 3)]
    assert con.sql("select session_id, participant_id from raw.exercise_sessions").fetchall() == [
        (pseudonym(KEY, "a", "P1", "session_id"), pseudonym(KEY, "a", "P2"))
    ]
    assert con.sql("select key_value, record from raw.quarantined_key").fetchall() == [
        (pseudonym(KEY, "a", "P9"), "participants")
    ]
    everyone = con.sql("select study_id, participant_id from raw.participants").fetchall()
    assert set(everyone) == {(s, pseudonym(KEY, s, p)) for s, p in (("a", "P1"), ("a", "P2"), ("b", "P1"))}


def test_quarantine_keeps_its_lines_and_withholds_whose_they_are(con):
    """An identifier may stand in any column: two of them may have been swapped."""
    con.execute(
        """
        update audit.quarantine
        set rule = case column_name when 'died_on' then 'unreadable' when '' then 'field_count'
            else 'unknown_participant' end;
        update audit.quarantine set value = 'P9', reason = 'died_on `P9` could not be read as a date'
        where column_name = 'died_on'
        """
    )
    pseudonymise(con, KEY)
    rows = con.sql("select source_line, column_name, value, reason, row_text from audit.quarantine")
    assert sorted(rows.fetchall()) == [
        (4, "", "", "the row breaks the rule field count (value not shown)", "(withheld)"),
        (
            *(4, "died_on", "(withheld)", "died_on breaks the rule unreadable (value not shown)"),
            "(withheld)",
        ),
        (
            *(4, "participant_id", "(withheld)"),
            "participant_id breaks the rule unknown participant (value not shown)",
            "(withheld)",
        ),
    ]


def test_tables_keep_their_columns_and_their_rows(con):
    described = "select schema_name, table_name, column_name, data_type from duckdb_columns() order by all"
    counted = "select table_name, estimated_size from duckdb_tables() order by all"
    before = con.sql(described).fetchall(), con.sql(counted).fetchall()
    pseudonymise(con, KEY)
    assert (con.sql(described).fetchall(), con.sql(counted).fetchall()) == before


def test_two_people_who_would_meet_in_one_pseudonym_stop_the_build_and_nothing_is_changed(con, monkeypatch):
    monkeypatch.setattr(pseudonyms, "_pseudonyms", lambda _key, _column, studies, _ids: ["P"] * len(studies))
    before = con.sql("from raw.participants order by all").fetchall()
    with pytest.raises(PseudonymCollisionError, match="3 pseudonyms of participant_id stand for two"):
        pseudonymise(con, KEY)
    assert con.sql("from raw.participants order by all").fetchall() == before


def test_a_short_key_is_taken_with_a_warning_that_does_not_hold_it():
    assert weakness(KEY) == ""
    said = weakness("hunter2")
    assert said.startswith("COHORTMART_PSEUDONYM_KEY has 7 bytes")
    assert "hunter2" not in said
    assert is_pseudonym(pseudonym("hunter2", "a", "P1"))


def test_any_bytes_of_the_environment_are_a_key():
    assert is_pseudonym(pseudonym(b"\xff\xfe raw bytes".decode("utf-8", "surrogateescape"), "a", "P1"))


def test_the_key_is_not_said_by_the_settings_nor_handed_to_dbt(tmp_path, monkeypatch):
    monkeypatch.setenv("COHORTMART_PSEUDONYM_KEY", KEY)
    settings = Settings(home=tmp_path)
    assert KEY not in repr(settings) + str(settings) + settings.model_dump_json()
    assert KEY not in str(dbt_environment(settings))
