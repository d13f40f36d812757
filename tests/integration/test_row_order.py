"""Neither the order of rows and files nor the number of threads is information: they change no mart."""

import json
import random
import shutil

from orchestration.catalogue import MART_SCHEMAS

ONE_THREAD = {"COHORTMART_THREADS": "1", "POLARS_MAX_THREADS": "1"}


def _shuffled(rows):
    header, *body = rows
    random.Random(20090101).shuffle(body)
    return [header, *body]


def _in_two_files(package, name):
    """Deliver a file of a package in two, the second half named first."""
    header, *body = (package / name).read_text(encoding="utf-8").splitlines(keepends=True)
    halves = {"b.csv": body[: len(body) // 2], "a.csv": body[len(body) // 2 :]}
    for half, rows in halves.items():
        (package / half).write_text("".join([header, *rows]), encoding="utf-8")
    (package / name).unlink()
    descriptor = package / "study.yaml"
    text = descriptor.read_text(encoding="utf-8")
    assert f": {name}\n" in text
    descriptor.write_text(text.replace(f": {name}\n", ": [b.csv, a.csv]\n"), encoding="utf-8")


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
    _in_two_files(tmp_path / "packages" / "myokine-sim", "assay_results.csv")
    studies = [argument for package in packages for argument in ("--study", package)]
    done = cohortmart("build", *studies, home=tmp_path / "home", **ONE_THREAD)
    assert done.returncode == 0, done.stderr
    before, after = (
        json.loads((home / "warehouse" / "current" / "manifest.json").read_text(encoding="utf-8"))["tables"]
        for home in (warehouse, tmp_path / "home")
    )
    # Which files there are is another matter.
    tables = [name for name in before if name != "audit.landing"]
    assert {name.split(".")[0] for name in tables} >= set(MART_SCHEMAS)
    for name in tables:
        assert after[name]["rows"] > 0 or name == "audit.quarantine"
        assert after[name]["content_hash"] == before[name]["content_hash"], name
