"""Files that are made to fill the memory are read in bounded memory, or refused before they are.

Each is checked in a process of its own kind: a child that does nothing else and says how much it held.
"""

import gzip
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

# Beside what the imports hold. A third of it is the scratch database.
MAX_MIB = 700
HEADER = b"participant_id,index_date\n"
DESCRIPTOR = """\
study_id: cohort
title: A survivorship cohort
design: survivorship_cohort
index_cancer: colon
time_origin: diagnosis
data_cutoff: 2019-12-31
records: {participants: participants.csv}
"""
# Reads folders from its input; answers with the status, the first problem, rows, and the peak in MiB. An
# address space of 8 GiB would be left only by what is out of bounds: then there is a MemoryError.
CHILD = """
import json, resource, sys
from pathlib import Path
from orchestration.landing import check_package
resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
def held(key):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) >> 10 for line in status if line.startswith(key))
for folder in sys.stdin:
    Path("/proc/self/clear_refs").write_text("5")
    before = held("VmRSS")
    report = check_package(Path(folder.strip()), threads=2)
    rows = [(f.landing.rows_read, f.landing.rows_accepted, f.landing.rows_quarantined) for f in report.files]
    print(json.dumps([report.exit_status, report.problems, rows, held("VmHWM") - before]), flush=True)
"""


@pytest.fixture(scope="module")
def child() -> Iterator[Callable[[Path], tuple[int, str, list[list[int]], int]]]:
    """Checks packages in one other process, one after the other."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("this system does not say how much memory a process held")
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def check(folder: Path) -> tuple[int, str, list[list[int]], int]:
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{folder}\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer, "the process ended"
        status, problems, rows, peak = json.loads(answer)
        return status, "\n".join(problems), rows, peak

    yield check
    process.stdin.close()
    process.wait(timeout=30)


def _repeated(path: Path, start: bytes, part: bytes, n: int) -> None:
    with path.open("wb") as file:
        file.write(start)
        for _ in range(n):
            file.write(part)


def _zeros(path: Path, n: int, **options: object) -> None:
    zeros = np.zeros(n, np.int64)
    table = pa.table({"participant_id": zeros, "index_date": zeros})
    pq.write_table(table, path, compression="zstd", row_group_size=n, **options)


def _long_dictionary(path: Path) -> None:
    """One value of 900 kB in a dictionary, and sixty thousand rows that point to it: 54 GB of text."""
    ids = pa.DictionaryArray.from_arrays(pa.array(np.zeros(60_000, np.int32)), ["P" * 900_000])
    pq.write_table(
        pa.table({"participant_id": ids, "index_date": ["2010-01-01"] * 60_000}), path, compression="zstd"
    )


def _shared_prefixes(path: Path) -> None:
    table = pa.table({"participant_id": ["P" * 10_000] * 20_000, "index_date": ["2010-01-01"] * 20_000})
    encoding = {"participant_id": "DELTA_BYTE_ARRAY", "index_date": "PLAIN"}
    pq.write_table(table, path, use_dictionary=False, column_encoding=encoding)


def _nested(path: Path) -> None:
    kind = pa.string()
    for _ in range(60):
        kind = pa.struct([("a", kind)])
    pq.write_table(pa.table({"participant_id": pa.nulls(3, kind), "index_date": ["2010-01-01"] * 3}), path)


def _lying(path: Path) -> None:
    """A footer that says 42 rows of what are 100,000."""
    _zeros(path, 100_000)
    content = path.read_bytes()
    varint = bytes([0xC0, 0x9A, 0x0C])  # 100,000 as Thrift writes it, zigzag
    assert varint in content
    path.write_bytes(content.replace(varint, bytes([0xD4, 0x80, 0x00])))


def _huge_footer(path: Path) -> None:
    _repeated(path, b"PAR1", b"\x19" * (1 << 20), 6)
    with path.open("ab") as file:
        file.write((6 << 20).to_bytes(4, "little") + b"PAR1")


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("participants.csv", b"0" * (100 << 20))


# Bomb: how to write it, and what is said of it; none where its rows are read and set aside.
BOMBS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a line of 300 MB": (
        lambda p: _repeated(p, HEADER, b"x" * (1 << 20), 300),
        "line 2 is longer than 1,048,576",
    ),
    "a header of 300 MB": (
        lambda p: _repeated(p, b"", b"x," * (1 << 19), 300),
        "line 1 is longer than 1,048,576",
    ),
    "a quoted value of 100 MB": (
        lambda p: _repeated(p, HEADER + b'P1,"', b"x" * (1 << 20), 100),
        "line 2 is longer",
    ),
    "a hundred values of a megabyte": (
        lambda p: _repeated(p, HEADER[:-1] + b",x\n", b"P1,2010-01-01," + b"y" * 1_000_000 + b"\n", 100),
        "",
    ),
    "quotes opened on every line": (
        lambda p: _repeated(p, HEADER, b'a",b"c,"\n', 2 << 20),
        "so many quotes are opened",
    ),
    "an open quote before ten million lines": (
        lambda p: _repeated(p, HEADER + b'a,"\n', b"\n" * 1000, 10_000),
        "",
    ),
    "half a million rows without a comma": (lambda p: _repeated(p, HEADER, b"a\n" * 1000, 500), ""),
    "1,998 columns more": (
        lambda p: _repeated(
            p,
            HEADER[:-1] + b"".join(b",c%0100d" % n for n in range(1998)) + b"\n",
            b"P1,2010-01-01" + b",1" * 1998 + b"\n",
            1000,
        ),
        "",
    ),
    "gzip named .csv": (lambda p: p.write_bytes(gzip.compress(bytes(50 << 20))), "is compressed (gzip)"),
    "zip named .csv": (_zip, "is a zip archive or an Excel workbook"),
    "Parquet of 20 million rows in kilobytes": (lambda p: _zeros(p, 20_000_000), "promises 20,000,000 rows"),
    "Parquet of nothing but missing values": (
        lambda p: pq.write_table(pa.table({"participant_id": pa.nulls(9_000_000, pa.string())}), p),
        "promises 9,000,000 rows",
    ),
    "a Parquet page that unpacks to 400 MB": (
        lambda p: pq.write_table(
            pa.table(
                {
                    "participant_id": pa.array(["P" * 1000]).take(pa.array(np.zeros(400_000, np.int32))),
                    "index_date": ["2010-01-01"] * 400_000,
                }
            ),
            p,
            compression="zstd",
            use_dictionary=False,
            data_page_size=1 << 30,
            row_group_size=400_000,
            max_rows_per_page=400_000,
            write_statistics=False,
        ),
        "unpack to",
    ),
    "a Parquet dictionary of one long value": (_long_dictionary, "unpacks to"),
    "Parquet values that begin as the one before": (_shared_prefixes, "DELTA_BYTE_ARRAY"),
    "Parquet of sixty levels": (_nested, "it is nested"),
    "Parquet of 10,000 columns": (
        lambda p: pq.write_table(pa.table({f"c{n}": ["1"] for n in range(10_000)}), p),
        "10,000 columns",
    ),
    "a Parquet footer that lies about its rows": (_lying, "damaged Parquet"),
    "a Parquet footer of 6 MB": (_huge_footer, "the footer takes 6,291,456 bytes"),
    "a Parquet footer of garbage": (
        lambda p: p.write_bytes(b"PAR1" + b"\x9c" * 5000 + (5000).to_bytes(4, "little") + b"PAR1"),
        "damaged Parquet",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_file_that_is_made_to_fill_the_memory_does_not(tmp_path, child, fault, name):
    write, words = BOMBS[name]
    (tmp_path / "study.yaml").write_text(DESCRIPTOR, "utf-8")
    write(tmp_path / "participants.csv")
    with fault("hostile", name).trial():
        status, problem, rows, peak = child(tmp_path)
        assert status == (2 if words else 1), problem
        assert words in problem
        assert all(read == accepted + quarantined for read, accepted, quarantined in rows)
        assert peak < MAX_MIB, f"{peak} MiB"
    (tmp_path / "participants.csv").unlink()


def test_a_parquet_file_as_writers_make_them_is_no_bomb(tmp_path, child, fault):
    """Sorted ids, one date for everybody and few levels pack to a sixth of a byte a value."""
    n = 300_000
    table = pa.table(
        {
            "participant_id": [f"P{k:07}" for k in range(n)],
            "index_date": ["2010-01-01"] * n,
            "stage": ["II"] * n,
            "sex": ["female"] * n,
        }
    )
    (tmp_path / "study.yaml").write_text(DESCRIPTOR, "utf-8")
    pq.write_table(table, tmp_path / "participants.csv", compression="zstd", compression_level=19)
    with fault("hostile", "a large Parquet file that packs well").trial():
        status, problem, rows, peak = child(tmp_path)
        assert (status, rows) == (0, [[n, n, 0]]), problem
        assert peak < MAX_MIB, f"{peak} MiB"
