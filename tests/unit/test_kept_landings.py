"""An unchanged study is not landed again, and what is kept of it says what its files said."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.landing import apply_cross_record_rules, create_raw_tables, land_record, land_study
from orchestration.landing.corrections import compare
from orchestration.landing.kept import (
    AUDIT_TABLES,
    INDEX,
    RAW_TABLES,
    DamagedLandingError,
    find_kept,
    keep,
    kept_folder,
    landing_code,
    load,
    remove_unneeded,
)
from schemas.study import load_study

TABLES = (*RAW_TABLES, *AUDIT_TABLES, "raw.assay_vocabulary")
DESCRIPTOR = """\
study_id: {study_id}
title: A trial of a few
design: randomised_trial
index_cancer: colon
time_origin: randomisation
data_cutoff: 2019-12-31
arms:
  - {{arm_id: WALK, label: Walking, role: experimental}}
  - {{arm_id: USUAL, label: Usual care, role: control}}
quarantine_tolerance: 0.5
records:
"""
# Ada, Ben and Cleo entered one after another; one result of Ben's is of no known analyte, and Dot is nobody.
FILES = {
    "participants": [
        "participant_id,index_date,entry_date,arm_id,sex,stage",
        "ada,2010-01-05,,WALK,female,III",
        "ben,2011-06-01,,USUAL,male,II",
        "cleo,2010-03-01,2012-02-01,WALK,female,",
    ],
    "follow_up": [
        "participant_id,followed_on,kind,outcome",
        "ada,2010-08-01,disease_assessment,no_evidence_of_disease",
        "ada,2013-08-01,disease_assessment,no_evidence_of_disease",
        "ben,2012-01-01,alive_contact,",
        "dot,2012-01-01,alive_contact,",
    ],
    "deaths": ["participant_id,died_on,cause", "cleo,2015-01-01,other_cancer"],
    "exercise_bouts": [
        "bout_id,participant_id,visit,modality,started_at,ended_at",
        "B1,ada,baseline,aerobic,2010-02-01T09:00,2010-02-01T09:45",
    ],
    "samples": [
        "sample_id,participant_id,visit,timepoint,bout_id,collected_at",
        "S1,ada,baseline,post,B1,2010-02-01T09:46",
        "S2,ben,baseline,pre,,2011-06-02T08:00",
    ],
    "assay_results": [
        "sample_id,analyte_id,replicate,result_text,unit",
        "S1,IL-6,1,12.3,pg/mL",
        "S2,il6,1,<0.17,pg/mL",
        "S2,philtre,1,3,pg/mL",
    ],
}

Package = Callable[..., Path]


@pytest.fixture
def package(tmp_path: Path) -> Package:
    """Writes a package of the few, with other lines in some files."""

    def write(study_id: str = "few", **files: list[str]) -> Path:
        folder = tmp_path / "packages" / study_id
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        records = "".join(f"  {record}: {record}.csv\n" for record in FILES)
        (folder / "study.yaml").write_text(DESCRIPTOR.format(study_id=study_id) + records, encoding="utf-8")
        for record, lines in (FILES | files).items():
            (folder / f"{record}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return folder

    return write


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        create_raw_tables(opened)
        yield opened


def _land(con: duckdb.DuckDBPyConnection, *packages: Path) -> None:
    studies = [load_study(package) for package in packages]
    for study in studies:
        land_study(con, study)
        for record in study.records:
            land_record(con, study, record)
    apply_cross_record_rules(con, studies)


def _content(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[object, ...]]]:
    """Every row of what landing wrote, as text, and the order they lie in left out."""
    return {table: sorted(con.sql(f"from {table}").fetchall(), key=repr) for table in TABLES}


def _columns(con: duckdb.DuckDBPyConnection) -> list[tuple[str, ...]]:
    return con.sql(
        "select * from (describe raw.participants) union all from (describe raw.samples)"
    ).fetchall()


def test_kept_rows_are_those_that_the_files_land_as(package, con, tmp_path):
    few, more = package("few"), package("more", deaths=["participant_id,died_on,cause"])
    _land(con, few, more)
    keep(con, "few", tmp_path / "kept")
    with duckdb.connect() as again:
        create_raw_tables(again)
        kept = find_kept(tmp_path / "kept")
        assert kept
        land_study(again, load_study(few))
        assert load(again, kept, AUDIT_TABLES) == kept.rows["audit.landing"] + kept.rows[
            "audit.quarantine"
        ] + kept.rows["raw.assay_pairs"] + kept.rows.get("raw.quarantined_key", 0)
        for table in RAW_TABLES:
            load(again, kept, [table])
        # The other study is landed beside it, and only that is held against the rules.
        _land(again, more)
        assert _content(again) == _content(con)
        assert _columns(again) == _columns(con)
    assert kept.rows["raw.participants"] == 3
    assert kept.rows["audit.quarantine"] == 2


def test_when_every_study_landed_before_the_vocabulary_still_has_what_each_laboratory_wrote(
    package, con, tmp_path
):
    _land(con, package())
    keep(con, "few", tmp_path / "kept")
    with duckdb.connect() as again:
        create_raw_tables(again)
        kept = find_kept(tmp_path / "kept")
        assert kept
        load(again, kept, (*AUDIT_TABLES, *RAW_TABLES))
        apply_cross_record_rules(again, [])
        assert _content(again) == _content(con)
        analytes = again.sql("select analyte_text, analyte_id from raw.assay_vocabulary order by all")
        assert analytes.fetchall() == [("IL-6", "IL6"), ("il6", "IL6"), ("philtre", None)]


def test_a_kept_study_is_not_held_against_the_rules_again(package, con):
    """A row that no rule would let pass stays where it is: it was judged when it landed."""
    few, more = package("few"), package("more")
    _land(con, few)
    con.execute("update raw.deaths set participant_id = 'nobody' where study_id = 'few'")
    _land(con, more)
    assert con.sql("select participant_id from raw.deaths where study_id = 'few'").fetchall() == [("nobody",)]
    quarantined = con.sql(
        "select study_id, count(*) from audit.quarantine group by all order by all"
    ).fetchall()
    assert quarantined == [("few", 2), ("more", 2)]


@pytest.mark.parametrize("name", [INDEX, "raw.participants.parquet", "audit.landing.parquet"])
@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_damage_of_what_is_kept_is_noticed_before_a_row_is_read(package, con, tmp_path, name, damage):
    _land(con, package())
    keep(con, "few", tmp_path / "kept")
    path = tmp_path / "kept" / name
    content = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        for position in range(0, len(content), max(1, len(content) // 40)):
            flipped = bytearray(content)
            flipped[position] ^= 0x10
            path.write_bytes(flipped)
            with pytest.raises(DamagedLandingError):
                find_kept(tmp_path / "kept")
    with pytest.raises(DamagedLandingError, match=name):
        find_kept(tmp_path / "kept")


def test_what_changes_after_it_was_verified_is_not_loaded(package, con, tmp_path):
    _land(con, package())
    keep(con, "few", tmp_path / "kept")
    kept = find_kept(tmp_path / "kept")
    assert kept
    path = tmp_path / "kept" / "raw.participants.parquet"
    content = bytearray(path.read_bytes())
    content[40] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DamagedLandingError, match="changed while it was read"):
        load(con, kept, ["raw.participants"])


def test_nothing_is_left_of_a_landing_that_could_not_be_kept(package, con, tmp_path, monkeypatch):
    _land(con, package())

    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("orchestration.landing.kept.sync_tree", full)
    with pytest.raises(OSError, match="No space"):
        keep(con, "few", tmp_path / "landed" / "few")
    assert list((tmp_path / "landed").iterdir()) == []
    assert find_kept(tmp_path / "landed" / "few") is None


def test_other_landing_code_has_other_landings(tmp_path, monkeypatch):
    before = kept_folder(tmp_path, "few", "0" * 64)
    landing_code.cache_clear()
    monkeypatch.setattr("orchestration.landing.kept.version", lambda _: "99")
    try:
        assert kept_folder(tmp_path, "few", "0" * 64) != before
    finally:
        landing_code.cache_clear()


def test_landings_of_packages_and_code_that_are_no_more_are_removed(tmp_path):
    landed, deliveries = tmp_path / "landed", tmp_path / "deliveries"
    (deliveries / "few" / "a").mkdir(parents=True)
    for name in (f"a-{landing_code()}", "a-oldcode", f"b-{landing_code()}", ".a.1.partial"):
        (landed / "few" / name).mkdir(parents=True)
    remove_unneeded(landed, deliveries)
    assert [folder.name for folder in (landed / "few").iterdir()] == [f"a-{landing_code()}"]


def test_a_late_correction_is_told_by_record_and_key_in_counts(package, con, tmp_path):
    _land(con, package())
    keep(con, "few", tmp_path / "before")
    corrected = package(
        # Ada's stage is corrected, Ben never took part, Eve did; the order of rows says nothing.
        participants=[
            "participant_id,index_date,entry_date,arm_id,sex,stage",
            "cleo,2010-03-01,2012-02-01,WALK,female,",
            "eve,2011-06-01,,USUAL,female,II",
            "ada,2010-01-05,,WALK,female,II",
        ],
        deaths=["participant_id,died_on,cause", "cleo,2015-02-01,other_cancer"],
    )
    _land(con, corrected)
    keep(con, "few", tmp_path / "after")
    before, after = find_kept(tmp_path / "before"), find_kept(tmp_path / "after")
    assert before
    assert after
    changes = {c.record: (c.added, c.removed, c.changed) for c in compare(before, after)}
    assert changes == {
        "participants": (1, 1, 1),
        "follow_up": (0, 1, 0),
        "deaths": (0, 0, 1),
        "samples": (0, 1, 0),
        "assay_results": (0, 1, 0),
    }
    assert str(compare(before, after)[0]) == "participants 1 added, 1 removed, 1 changed"
    assert compare(before, before) == []
