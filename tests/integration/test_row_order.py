"""Neither the order of rows in a file nor the number of threads is information: they change no mart."""

import json
import random
import shutil

ONE_THREAD = {"COHORTMART_THREADS": "1", "POLARS_MAX_THREADS": "1"}


def _shuffled(rows):
    header, *body = rows
    random.Random(20090101).shuffle(body)
    return [header, *body]


def test_shuffled_rows_built_on_one_thread_give_the_same_marts(
    cohortmart, warehouse, shipped_packages, edit_csv, tmp_path
):
    packages = [
        shutil.copytree(package, tmp_path / "packages" / name) for name, package in shipped_packages.items()
    ]
    for path in (path for package in packages for path in package.glob("*.csv")):
        content = path.read_bytes()
        edit_csv(path, _shuffled)
        assert path.read_bytes() != content
    studies = [argument for package in packages for argument in ("--study", package)]
    done = cohortmart("build", *studies, home=tmp_path / "home", **ONE_THREAD)
    assert done.returncode == 0, done.stderr
    before, after = (
        json.loads((home / "warehouse" / "current" / "manifest.json").read_text(encoding="utf-8"))["tables"]
        for home in (warehouse, tmp_path / "home")
    )
    marts = [name for name in before if name.split(".")[0] in ("survival", "recurrence", "benchmark")]
    assert len(marts) >= 18
    for name in marts:
        assert after[name]["rows"] > 0
        assert after[name]["content_hash"] == before[name]["content_hash"], name
