"""Whatever bytes a package holds, checking it ends in a report whose counts balance, never in a traceback.

`FUZZ_EXAMPLES=5000 FUZZ_SEED=7 pytest tests/faults/test_fuzz.py` looks further than a run of all tests does.
"""

import io
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from rich.console import Console

from orchestration.landing import CheckReport, check_package, render_check
from schemas.plain_text import plain

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "80"))
SEED = os.environ.get("FUZZ_SEED")

DESCRIPTOR = """\
study_id: trial
title: Exercise after adjuvant chemotherapy
design: randomised_trial
index_cancer: colon
time_origin: randomisation
data_cutoff: 2019-12-31
quarantine_tolerance: 0.5
arms:
  - {arm_id: EXERCISE, label: Structured exercise, role: experimental}
  - {arm_id: EDUCATION, label: Health education, role: control}
stratification: [stage]
subgroups: [sex]
adjustment: [{covariate: age_years, kind: continuous}]
endpoints: [OS, DFS_CHALLENGE]
landmarks_years: [1, 3]
timepoints: [{timepoint: pre, role: baseline}]
visits: [v1]
source: {citation: none, licence: none}
records:
  participants: participants.csv
  follow_up: [follow_up.csv]
  deaths: deaths.parquet
  samples: samples.csv
  assay_results: assays.csv
  adverse_events: events.csv
"""
SAMPLES = "sample_id,participant_id,visit,timepoint,collected_at\nS1,P1,v1,pre,2010-01-02 08:00\n"
TABLES = {
    "participants.csv": (
        "participant_id,index_date,arm_id,age_years,sex,stage\nP1,2010-01-01,EXERCISE,61,female,II\n"
        "P2,2010-02-01,EDUCATION,58.5,male,III\nP3,2010-02-01,EXERCISE,70,male,II\n"
    ),
    "follow_up.csv": (
        "participant_id,followed_on,kind,outcome\nP1,2012-01-01,disease_assessment,disease\n"
        'P2,2013-01-01,"alive_contact",\n'
    ),
    "samples.csv": SAMPLES,
    "assays.csv": (
        "sample_id,analyte_id,replicate,result_text,unit\nS1,IL6,1,<0.17,pg/mL\nS1,IL6,2,0.9,pg/mL\n"
    ),
    "events.csv": "participant_id,started_on,term,grade,serious\nP1,2012-03,Headache,1,false\n",
}
DEATHS = {
    "participant_id": ["P1", "P3"],
    "died_on": ["2016-01-01", "2015-01-01"],
    "cause": ["other", "unknown"],
}

NASTY = st.sampled_from(
    [
        *("", " ", "0", "-0", "007", "1e400", "1e-400", "NaN", "inf", "1_000", "1,5", "9" * 400, "43831"),
        *("-", "+ve", "=1+1", "@x", "\x00", "\x1b[31m", "\u202e", "\ufeff", "\u200b", "\ufffd", "\ud800"),
        *("\r", "\n", '"', '""', "'", ";", ",,", "\t", "x" * 5000, "[" * 200, "a\n" * 50),
        *("{{ 7*7 }}", "[/]", "[red]", "<b>", "%s", "{}", "$x", "x'; drop table raw.deaths; --", "../x", "~"),
        *("null", "true", "[a", "{a: b}", "!!python/name:os.system", "&a", "*a", "<<", "---", "...", "? "),
        *("- - -", "|", ">", "2010-02-30", "2010-01-01T00:00:00Z", "0001-01-01", "9999-12-31", "25/12/2010"),
        *("P1", "P9", "S1", "EXERCISE", "\u0430", "e\u0301", "\uff11", "\U0001f4a9"),
    ]
)
CELLS = NASTY | st.text(max_size=8)
CODECS = st.sampled_from(
    ["utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "utf-7", "utf-8-sig", "cp037"]
)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@st.composite
def spoilt_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """Content with some of its bytes flipped, cut, repeated or put in, or in another encoding."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        match draw(
            st.sampled_from(["flip", "cut", "insert", "text", "remove", "repeat", "encode", "random"])
        ):
            case "flip" if content:
                content = (
                    content[:at] + bytes([content[at] ^ (1 << draw(st.integers(0, 7)))]) + content[at + 1 :]
                )
            case "cut":
                content = content[:at]
            case "insert":
                content = content[:at] + draw(st.binary(max_size=12)) + content[at:]
            case "text":
                content = content[:at] + _bytes(draw(NASTY)) + content[at:]
            case "remove":
                content = content[:at] + content[at + draw(st.integers(1, 40)) :]
            case "repeat":
                content = content + content[at:] * draw(st.integers(1, 5))
            case "encode":
                content = content.decode("latin-1").encode(draw(CODECS), "replace")
            case "random":
                content = draw(st.binary(max_size=200))
    return content


@st.composite
def spoilt_table(draw: st.DrawFn, text: str) -> bytes:
    """A table with cells, columns or rows that are others."""
    rows = [line.split(",") for line in text.splitlines()]
    for _ in range(draw(st.integers(1, 4))):
        row = draw(st.integers(0, len(rows) - 1))
        column = draw(st.integers(0, max(len(rows[row]) - 1, 0)))
        match draw(st.sampled_from(["cell", "cell", "column", "row", "double", "swap", "header", "drop"])):
            case "cell" if rows[row]:
                rows[row][column] = draw(CELLS)
            case "column":
                name = draw(CELLS)
                rows = [[*cells, name if n == 0 else draw(CELLS)] for n, cells in enumerate(rows)]
            case "row":
                rows.insert(row + 1, draw(st.lists(CELLS, max_size=8)))
            case "double":
                rows += [list(rows[row])] * draw(st.integers(1, 3))
            case "swap":
                rows = [cells[::-1] for cells in rows] if draw(st.booleans()) else rows[::-1]
            case "header":
                rows[0] = draw(st.permutations(rows[0]))
            case "drop":
                rows = [cells[:column] + cells[column + 1 :] for cells in rows]
        if not rows:
            break
    return _bytes(draw(st.sampled_from(["\n", "\r\n", "\r"])).join(",".join(cells) for cells in rows) + "\n")


VALUES = st.one_of(
    st.lists(st.text(max_size=6) | st.none(), min_size=2, max_size=2),
    st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), min_size=2, max_size=2),
    st.lists(st.floats() | st.none(), min_size=2, max_size=2),
    st.lists(st.booleans(), min_size=2, max_size=2),
    st.lists(st.binary(max_size=3), min_size=2, max_size=2),
    st.lists(st.lists(st.integers(0, 9), max_size=2), min_size=2, max_size=2),
)
TYPES = st.sampled_from(
    [
        pa.date32(),
        pa.timestamp("ms"),
        pa.timestamp("us", "UTC"),
        pa.timestamp("ns"),
        pa.time64("us"),
        pa.float32(),
    ]
)


@st.composite
def spoilt_parquet(draw: st.DrawFn) -> bytes:
    """A Parquet file of other types and values, or one whose bytes are spoilt."""
    columns: dict[str, object] = dict(DEATHS)
    if draw(st.booleans()):
        name = draw(st.sampled_from([*DEATHS, "x"]))
        if draw(st.booleans()):
            numbers = pa.array(
                draw(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=2, max_size=2)), pa.int32()
            )
            data_type = draw(TYPES)
            as_days = data_type == pa.date32() or pa.types.is_floating(data_type)
            columns[name] = (
                numbers.cast(data_type, safe=False) if as_days else numbers.cast(pa.int64()).cast(data_type)
            )
        else:
            columns[name] = pa.array(draw(VALUES))
    file = io.BytesIO()
    pq.write_table(
        pa.table(columns),
        file,
        compression=draw(st.sampled_from(["none", "snappy", "zstd", "gzip"])),
        use_dictionary=draw(st.booleans()),
        data_page_version=draw(st.sampled_from(["1.0", "2.0"])),
        write_page_checksum=draw(st.booleans()),
    )
    content = file.getvalue()
    return draw(spoilt_bytes(content)) if draw(st.booleans()) else content


@st.composite
def spoilt_descriptor(draw: st.DrawFn) -> bytes:
    """A descriptor with lines or words that are others."""
    lines = DESCRIPTOR.splitlines()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        key = lines[at].split(":")[0]
        match draw(st.sampled_from(["value", "quoted", "key", "remove", "double", "indent", "word"])):
            case "value":
                lines[at] = f"{key}: {draw(CELLS)}"
            case "quoted":
                written = draw(CELLS).replace("\\", "\\\\").replace('"', '\\"')
                lines[at] = f'{key}: "{written}"'
            case "key":
                lines[at] = f"{draw(CELLS)}: x"
            case "remove" if len(lines) > 1:
                del lines[at]
            case "double":
                lines.insert(at, lines[at])
            case "indent":
                lines[at] = " " * draw(st.integers(0, 6)) + lines[at].strip()
            case "word":
                words = lines[at].split(" ")
                words[draw(st.integers(0, len(words) - 1))] = draw(CELLS)
                lines[at] = " ".join(words)
    return _bytes("\n".join(lines) + "\n")


@st.composite
def spoilt_packages(draw: st.DrawFn) -> dict[str, bytes]:
    """The files of a package of which one to three are spoilt."""
    deaths = io.BytesIO()
    pq.write_table(pa.table(DEATHS), deaths)
    files = {name: _bytes(text) for name, text in TABLES.items()}
    files |= {"study.yaml": _bytes(DESCRIPTOR), "deaths.parquet": deaths.getvalue()}
    for name in draw(st.lists(st.sampled_from(sorted(files)), min_size=1, max_size=3, unique=True)):
        if draw(st.integers(0, 2)) == 0:
            files[name] = draw(spoilt_bytes(files[name]))
        elif name == "study.yaml":
            files[name] = draw(spoilt_descriptor())
        elif name == "deaths.parquet":
            files[name] = draw(spoilt_parquet())
        else:
            files[name] = draw(spoilt_table(TABLES[name]))
    return files


def _write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def _assert_sound(report: CheckReport) -> None:
    assert report.exit_status in (0, 1, 2)
    for file in report.files:
        landing = file.landing
        assert landing.rows_read == landing.rows_accepted + landing.rows_quarantined
        assert bool(file.reasons) == bool(landing.rows_quarantined)
    for problem in report.problems:
        assert problem.strip()
        assert problem == plain(problem), ascii(problem)
    console = Console(file=io.StringIO(), width=200)
    console.print(render_check(report))
    said = console.file.getvalue().replace("\n", "")
    assert said == plain(said), ascii(said)


def _fuzz(test: Callable[..., None]) -> Callable[..., None]:
    bounded = settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=SEED is None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )(test)
    return seed(int(SEED))(bounded) if SEED else bounded


@_fuzz
@given(files=spoilt_packages())
def _never_raises(count: Callable[[], None], files: dict[str, bytes]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        _assert_sound(check_package(_write(folder, files), threads=1))
    finally:
        shutil.rmtree(folder)
    count()


def test_no_package_makes_the_check_fail(fault, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    tried = fault("hostile", "packages that hypothesis spoils")

    def count() -> None:
        tried.n_tried += 1

    _never_raises(count)
    assert tried.n_tried >= EXAMPLES // 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "files",
    [
        {"study.yaml": b"\xff\xfe" + DESCRIPTOR.encode("utf-16-le")},
        {"participants.csv": b'"' * 1000},
        {"deaths.parquet": b"PAR1" + bytes(range(256)) + b"PAR1"},
        {
            "study.yaml": DESCRIPTOR.replace("v1", "[/]").encode(),
            "samples.csv": SAMPLES.replace("v1", "[/]").encode(),
        },
        {"follow_up.csv": _bytes(TABLES["follow_up.csv"].replace("P1", "[/red]{{ 7*7 }}\x1b[2J"))},
    ],
    ids=["UTF-16 descriptor", "quotes", "Parquet garbage", "markup in a visit", "escapes in a cell"],
)
def test_the_real_command_never_shows_a_traceback(tmp_path, cohortmart, fault, files):
    deaths = io.BytesIO()
    pq.write_table(pa.table(DEATHS), deaths)
    sound = {name: _bytes(text) for name, text in TABLES.items()}
    sound |= {"study.yaml": _bytes(DESCRIPTOR), "deaths.parquet": deaths.getvalue()}
    package = tmp_path / "package"
    package.mkdir()
    with fault("hostile", "the real command on spoilt packages").trial():
        done = cohortmart("check", _write(package, sound | files), home=tmp_path / "home", timeout=120)
        assert done.returncode in (0, 1, 2)
        assert "Traceback" not in done.stdout + done.stderr
        assert done.stdout.strip()
