"""A release of the shipped studies, as the real commands see it: whole, damaged, and whole again."""

import json
import shutil

import pytest

from seeds.studies import SHIPPED


@pytest.fixture
def home(warehouse, tmp_path):
    """A copy of the warehouse of the shipped studies, which a test may spoil."""
    return shutil.copytree(
        warehouse, tmp_path / "home", symlinks=True, ignore=shutil.ignore_patterns("dagster")
    )


def test_a_release_of_the_shipped_studies_is_verified_and_its_damage_found(cohortmart, home):
    listed = json.loads(cohortmart("releases", "--format", "json", home=home).stdout)
    assert set(listed[-1]["studies"]) == set(SHIPPED)
    counted = cohortmart("sql", "select count(*) from study.participant", "-f", "csv", home=home).stdout
    assert listed[-1]["participants"] == int(counted.split()[1])
    whole = cohortmart("verify", home=home)
    assert whole.returncode == 0, whole.stdout + whole.stderr

    current = (home / "warehouse" / "current").resolve()
    manifest = json.loads((current / "manifest.json").read_text("utf-8"))
    assert {"challenge-sim", "myokine-sim"} == set(manifest["seeds"]["simulations"])
    for name in ("cohortmart.duckdb", manifest["tables"]["survival.curve"]["parquet"]):
        path = current / name
        content = path.read_bytes()
        path.chmod(0o644)
        path.write_bytes(content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])
        damaged = cohortmart("verify", home=home)
        assert (damaged.returncode, str(path) in damaged.stdout) == (1, True)
        if name == "cohortmart.duckdb":
            asked = cohortmart("sql", "select count(*) from survival.curve", home=home)
            assert (asked.returncode, asked.stdout) == (2, "")
            assert "cohortmart verify" in asked.stderr
        path.write_bytes(content)
    assert cohortmart("verify", home=home).returncode == 0
