"""What leaves a warehouse by `cohortmart export`: rows without identifiers, and rows with false dates."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from orchestration.privacy.export import ImpossibleExportError, Profile, export_release
from orchestration.privacy.export_folder import UnwritableExportError
from orchestration.privacy.pseudonyms import is_pseudonym, pseudonym
from orchestration.privacy.released_tables import read_tables
from orchestration.privacy.treatment import Treatment, treatment
from orchestration.release.read import NoReleaseError, connect, find_release
from orchestration.settings import Settings
from schemas.privacy import Privacy

RunCommand = Callable[..., subprocess.CompletedProcess[str]]
KEY = "a key of the trial office, 2024"


@pytest.fixture(scope="module")
def exports(
    cohortmart: RunCommand, warehouse: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Exports of the Moertel and the myokine study by the profiles that have rows of participants."""
    root = tmp_path_factory.mktemp("exports")
    studies = ("--study", "moertel-colon", "--study", "myokine-sim")
    for name, profile in (("safe-harbor", "safe-harbor"), ("again", "safe-harbor"), ("shifted", "shifted")):
        done = cohortmart(
            *("export", "--profile", profile, "--output", root / name, *studies),
            home=warehouse,
            COHORTMART_PSEUDONYM_KEY=KEY,
        )
        assert done.returncode == 0, done.stderr
        assert profile != "shifted" or "NOT SAFE HARBOR" in done.stdout
    return {path.name: path for path in root.iterdir()}


@pytest.fixture(scope="module")
def released(warehouse: Path) -> Any:
    release = find_release(Settings(home=warehouse))
    with connect(release) as con:
        yield con, read_tables(release, con)


def read(folder: Path, table: str) -> pl.DataFrame:
    path = folder / f"{table.replace('.', '/')}.parquet"
    frame = pl.from_arrow(pq.read_table(path, page_checksum_verification=True))
    assert isinstance(frame, pl.DataFrame)
    return frame


def tables_in(folder: Path) -> list[str]:
    return sorted(f"{path.parent.name}.{path.stem}" for path in folder.glob("*/*.parquet"))


def test_no_identifier_and_no_date_is_in_a_safe_harbor_export(
    exports: dict[str, Path], released: Any
) -> None:
    con, tables = released
    identifiers = {
        value
        for table in tables.values()
        for column in table.columns
        if column.privacy is Privacy.DIRECT_IDENTIFIER
        for (value,) in con.execute(f'select distinct "{column.name}" from {table.name}').fetchall()
        if len(value or "") > 3
    }
    assert len(identifiers) > 1000
    for name in tables_in(exports["safe-harbor"]):
        frame = read(exports["safe-harbor"], name)
        assert not [c for c, kind in frame.schema.items() if kind.is_temporal()], name
        texts = frame.select(pl.col(pl.String))
        assert not identifiers & {v for c in texts for v in c.unique()}, name
        assert not [
            c for c in frame.columns if c.endswith(("_date", "_on", "_at", "site_id", "_file", "_line"))
        ]


def test_the_numbers_of_an_export_are_its_own_and_link_its_tables(exports: dict[str, Path]) -> None:
    endings, again = (read(exports[name], "survival.time_to_event") for name in ("safe-harbor", "again"))
    keys = ["study_id", "participant_number", "endpoint_id"]
    first = read(exports["safe-harbor"], "recurrence.first_event")
    events = endings.filter(pl.col("is_event"), policy_id="primary")
    assert first.join(events, on=[*keys, "time_days", "event_class"]).height == first.height > 0
    assert endings["participant_number"].n_unique() == 929 + 32
    # The same participant has another number in another export, so rows of the two do not meet.
    of = "study_id", "participant_number", "time_days"
    same = endings.unique(of).join(again.unique(of), on=of, how="semi").height
    assert same < 0.2 * endings.unique(of).height
    # Sorted by the numbers, which are random, and not as the rows were delivered.
    moertel = endings.filter(study_id="moertel-colon")
    assert moertel["participant_number"].is_sorted()


def test_times_of_studies_without_real_dates_are_those_of_the_release(
    exports: dict[str, Path], released: Any
) -> None:
    columns = [
        "study_id",
        "endpoint_id",
        "policy_id",
        "arm_id",
        "time_days",
        "is_event",
        "cnsr",
        "event_class",
    ]
    con, _ = released
    truth = con.execute(
        f"select {', '.join(columns)} from survival.time_to_event "
        "where study_id in ('moertel-colon', 'myokine-sim')"
    ).pl()
    kept = read(exports["safe-harbor"], "survival.time_to_event").select(columns)
    assert kept.sort(columns).equals(truth.sort(columns))


def test_an_export_says_of_every_file_what_it_is_and_hides_nothing_in_it(exports: dict[str, Path]) -> None:
    for profile in ("safe-harbor", "shifted"):
        folder = exports[profile]
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        assert manifest["profile"] == profile
        assert manifest["is_safe_harbor"] == (profile == "safe-harbor")
        assert set(manifest["tables"]) == set(tables_in(folder))
        assert manifest["tables_left_out"]["audit.quarantine"]
        for table in manifest["tables"].values():
            path = folder / table["parquet"]
            assert hashlib.sha256(path.read_bytes()).hexdigest() == table["sha256"]
            assert pq.read_schema(path).metadata is None
            assert not pq.ParquetFile(path).metadata.metadata
        readme = (folder / "README.txt").read_text("utf-8")
        assert ("NOT SAFE HARBOR" in readme) == (profile == "shifted")


def test_every_text_column_about_participants_is_declared_to_be_a_code_or_left_out(released: Any) -> None:
    """Whoever adds a text column to a table about participants says in `treatment` what it is."""
    _, tables = released
    undecided = [
        f"{table.name}.{column.name}"
        for table in tables.values()
        if table.is_of_participants and not table.name.startswith("audit.")
        for column in table.columns
        if treatment(column) is Treatment.UNDECLARED_TEXT
    ]
    assert undecided == []


def test_all_dates_of_a_participant_move_together_and_intervals_stay(
    exports: dict[str, Path], released: Any
) -> None:
    con, _ = released
    truth = con.execute(
        "select study_id, participant_id, endpoint_id, policy_id, start_date, end_date, time_days "
        "from survival.time_to_event where study_id = 'moertel-colon'"
    ).pl()
    moved = read(exports["shifted"], "survival.time_to_event").filter(study_id="moertel-colon")
    assert moved.select(pl.col("participant_id").map_elements(is_pseudonym, pl.Boolean).all()).item()
    names = {i: pseudonym(KEY, "moertel-colon", i) for i in truth["participant_id"].unique()}
    both = truth.with_columns(pl.col("participant_id").replace_strict(names)).join(
        moved, on=["study_id", "participant_id", "endpoint_id", "policy_id"], suffix="_moved"
    )
    assert both.height == truth.height
    days = both.select(
        "participant_id",
        start=(pl.col("start_date_moved") - pl.col("start_date")).dt.total_days(),
        end=(pl.col("end_date_moved") - pl.col("end_date")).dt.total_days(),
    )
    assert (days["start"] == days["end"]).all()
    by_participant = days.unique()
    assert by_participant.height == 929
    assert set(by_participant["start"]) <= {*range(-364, 0), *range(1, 365)}
    assert by_participant["start"].n_unique() > 400
    assert (both["time_days"] == both["time_days_moved"]).all()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--profile", "shifted"), "COHORTMART_PSEUDONYM_KEY"),
        (("--profile", "aggregate", "--study", "no-such-study"), "no-such-study"),
    ],
)
def test_what_cannot_be_exported_is_said_and_leaves_no_folder(
    cohortmart: RunCommand, warehouse: Path, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    done = cohortmart("export", *arguments, "--output", tmp_path / "out", home=warehouse)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_only_a_release_of_the_warehouse_is_exported(warehouse: Path, tmp_path: Path) -> None:
    with pytest.raises(NoReleaseError, match="1999"):
        export_release(Settings(home=warehouse), Profile.AGGREGATE, tmp_path / "out", "1999")
    with pytest.raises(NoReleaseError, match="cohortmart build"):
        export_release(Settings(home=tmp_path / "home"), Profile.AGGREGATE, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_not_written_to(
    cohortmart: RunCommand, warehouse: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    done = cohortmart("export", "--profile", "aggregate", "--output", tmp_path / "out", home=warehouse)
    assert done.returncode == 2
    assert "not an empty folder" in done.stderr
    with pytest.raises(UnwritableExportError, match="not an empty folder"):
        export_release(Settings(home=warehouse), Profile.AGGREGATE, tmp_path / "out" / "thesis.txt")
    with pytest.raises(ImpossibleExportError, match="inside the warehouse"):
        export_release(Settings(home=warehouse), Profile.AGGREGATE, warehouse / "warehouse" / "out")
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "thesis.txt"]


def test_a_damaged_release_is_not_exported(cohortmart: RunCommand, warehouse: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(warehouse, tmp_path / "home", symlinks=True))
    database = (home / "warehouse" / "current").resolve() / "cohortmart.duckdb"
    content = bytearray(database.read_bytes())
    content[len(content) // 2] ^= 1
    database.write_bytes(content)
    done = cohortmart("export", "--profile", "safe-harbor", "--output", tmp_path / "out", home=home)
    assert done.returncode == 2
    assert "not what was published" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_killed_export_leaves_nothing_that_stops_or_follows_the_next(
    cohortmart: RunCommand, warehouse: Path, tmp_path: Path
) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    leftover = tmp_path / f".out.{gone.pid}.partial"
    leftover.mkdir()
    (leftover / "half.parquet").write_bytes(b"PAR1")
    done = cohortmart(
        *("export", "--profile", "aggregate", "--study", "myokine-sim", "--output", tmp_path / "out"),
        home=warehouse,
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
