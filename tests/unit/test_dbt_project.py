"""Commands that begin at once each parse the project, and meet nowhere."""

import json
import os
import stat

import pytest

from orchestration import dbt_project
from orchestration.dbt_project import read_manifest, remove_stale_parses, start_parsing, target_folder
from orchestration.settings import Settings

# Like dbt: slow, and writes its file in pieces.
DBT = """#!/bin/sh
printf '{"nodes":' > "$DBT_TARGET_PATH/manifest.json"
sleep 0.3
printf ' {}}' >> "$DBT_TARGET_PATH/manifest.json"
"""


@pytest.fixture
def settings(tmp_path, monkeypatch):
    executable = tmp_path / "dbt"
    executable.write_text(DBT, "utf-8")
    executable.chmod(executable.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(dbt_project, "dbt_executable", lambda: str(executable))
    yield Settings(home=tmp_path / "home")
    start_parsing.cache_clear()
    read_manifest.cache_clear()


def test_two_commands_that_parse_at_once_both_read_a_whole_manifest(settings):
    first, second = (start_parsing.__wrapped__(settings) for _ in range(2))
    assert first.folder != second.folder
    for parsing in (second, first):
        dbt_project._finish(parsing, target_folder(settings))
        assert dbt_project._read(settings) == {"nodes": {}}
    assert list(settings.dbt_target.iterdir()) == [target_folder(settings)]
    assert start_parsing.__wrapped__(settings) is None


def test_what_dbt_left_there_before_is_no_obstacle(settings):
    target_folder(settings).mkdir(parents=True)
    (target_folder(settings) / "dbt.log").write_text("ran", "utf-8")
    assert read_manifest(settings) == {"nodes": {}}


def test_a_damaged_manifest_is_made_again(settings):
    read_manifest(settings)
    (target_folder(settings) / "parsed.json").write_text('{"nodes"', "utf-8")
    read_manifest.cache_clear()
    start_parsing.cache_clear()
    assert read_manifest(settings) == {"nodes": {}}
    assert json.loads((target_folder(settings) / "parsed.json").read_text("utf-8")) == {"nodes": {}}


def test_what_other_code_parsed_long_ago_is_removed(settings):
    read_manifest(settings)
    for name, age in (("0123456789abcdef", 3 * 86_400), ("fedcba9876543210", 60)):
        folder = settings.dbt_target / name
        folder.mkdir()
        then = folder.stat().st_mtime - age
        os.utime(folder, (then, then))
    remove_stale_parses(settings)
    left = {folder.name for folder in settings.dbt_target.iterdir()}
    assert left == {"fedcba9876543210", target_folder(settings).name}
