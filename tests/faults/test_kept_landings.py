"""Damage to what a study landed as: noticed before a row of it is read, and the study lands again."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from orchestration.deliveries.deliver import Delivery, deliver
from orchestration.deliveries.landing_plan import landing_of, plan_landing
from orchestration.landing import apply_cross_record_rules, create_raw_tables, land_record, land_study
from orchestration.landing.kept import keep
from orchestration.settings import Settings
from schemas.study import load_study

PACKAGE = Path(__file__).parents[1] / "integration" / "data" / "expectations" / "survivor-cohort"
FLIPS = 40


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("kept") / "home")


@pytest.fixture(scope="module")
def delivery(settings) -> Delivery:
    return deliver(PACKAGE, settings)


@pytest.fixture(scope="module")
def landed(delivery) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in which the cohort has landed."""
    study = load_study(delivery.folder)
    with duckdb.connect() as con:
        create_raw_tables(con)
        land_study(con, study)
        for record in study.records:
            land_record(con, study, record)
        apply_cross_record_rules(con, [study])
        yield con


@pytest.fixture(scope="module")
def sound(landed, settings, delivery, tmp_path_factory) -> Path:
    """A copy of what was kept, before any damage."""
    keep(landed, delivery.study_id, landing_of(settings, delivery))
    assert delivery.study_id in plan_landing(settings, [delivery]).kept
    copy = tmp_path_factory.mktemp("sound") / "landing"
    return Path(shutil.copytree(landing_of(settings, delivery), copy))


def _restored(sound: Path, settings: Settings, delivery: Delivery) -> Path:
    folder = landing_of(settings, delivery)
    shutil.rmtree(folder, ignore_errors=True)
    return Path(shutil.copytree(sound, folder))


def _assert_lands_again(settings: Settings, delivery: Delivery) -> None:
    plan = plan_landing(settings, [delivery])
    assert plan.kept == {}
    assert [d.study_id for d in plan.new([delivery])] == ["survivor-cohort"]
    assert "is damaged" in plan.damaged[0]
    assert not landing_of(settings, delivery).exists()


def test_a_flipped_byte_of_what_a_study_landed_as(fault, sound, settings, delivery):
    flipped = fault("corruption", "flipped byte in what a study landed as")
    places = random.Random(5)
    for name in places.choices(sorted(file.name for file in sound.iterdir()), k=FLIPS):
        path = _restored(sound, settings, delivery) / name
        content = bytearray(path.read_bytes())
        position = places.randrange(len(content))
        content[position] ^= 1 << places.randrange(8)
        path.write_bytes(content)
        with flipped.trial(f"{path.name}, byte {position}"):
            _assert_lands_again(settings, delivery)


def test_a_cut_or_missing_file_of_what_a_study_landed_as(fault, sound, settings, delivery):
    cut = fault("corruption", "cut or missing file of what a study landed as")
    for name in sorted(file.name for file in sound.iterdir()):
        for is_missing in (False, True):
            path = _restored(sound, settings, delivery) / name
            content = path.read_bytes()
            path.unlink()
            if not is_missing:
                path.write_bytes(content[:-1])
            with cut.trial(f"{path.name} {'gone' if is_missing else 'cut'}"):
                _assert_lands_again(settings, delivery)
