"""Files made by chance or to harm: a sound data set or one line, in bounded time and memory."""

import contextlib
import gzip
import os
import random
import struct
import time
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.own_files import archive, flowers, idx, npy, text
from tuiml.data import file_report
from tuiml.data.datasets import datasets
from tuiml.data.own.reading import DataFiles
from tuiml.data.prepare import load

SECONDS, BYTES = 20.0, 300_000_000
"""Of processor time and memory that no file here may take; the machine may be slow, the file never ends."""


def sound(path, **options) -> file_report.Report:
    """A report that is bounded, and safe to show; a file that is usable gives data that fits together."""
    start = time.process_time()
    tracemalloc.start()
    try:
        found = file_report.inspect(path, deep=True, **options)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.process_time() - start < SECONDS
    assert peak < BYTES
    names = [column.name for column in found.columns]
    cells = [cell for row in found.rows for cell in row]
    for line in (*found.problems, *found.warnings, *found.classes, *names, *cells, found.kind):
        assert line.isprintable()
        assert len(line) < 1000
    if found.usable:
        data = load(datasets.read(found.table, DataFiles()), 0)
        assert len(data.train) >= 1
        assert len(data.train) + len(data.validation) + len(data.test) == found.examples
        width = int(np.prod(found.shape))
        for part in (data.train, data.validation, data.test):
            assert part.inputs.shape == (len(part), width)
            assert np.isfinite(part.inputs).all()
            if found.target == "classes":
                assert all(0 <= label < len(found.classes) for label in part.labels.tolist())
    return found


@given(st.binary(max_size=400), st.sampled_from([".csv", ".npz", ".idx", ".npy", "-images-idx3-ubyte", ""]))
def test_random_bytes(tmp_path, content, ending):
    (tmp_path / f"x{ending}").write_bytes(content)
    (tmp_path / "x-labels-idx1-ubyte").write_bytes(idx(np.arange(3), 8))
    sound(tmp_path / f"x{ending}")


cells = st.one_of(
    st.text(max_size=6),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(
        ["", "NA", "?", "1e999", "-inf", "1_0", "1,5", '"', "\n", "\0", "\x1b[31m", "[@click=app.quit]x"]
    ),
)


@given(
    st.lists(st.lists(cells, min_size=1, max_size=4), max_size=8),
    st.sampled_from(",;\t|"),
    st.sampled_from(["refuse", "drop", "mean"]),
    st.sampled_from(["auto", "yes", "no"]),
    st.sampled_from([None, 1, "2", "a"]),
    st.sampled_from(["auto", "regression", "classes"]),
)
def test_random_cells(tmp_path, rows, sign, missing, header, label, predict):
    lines = "\n".join(sign.join(row) for row in rows).encode("utf-8", "surrogatepass")
    options = {"missing": missing, "header": header, "label": label, "predict": predict}
    sound(text(tmp_path / "t.csv", lines), **options)


@given(st.integers(0, 10**9))
def test_flipped_bytes_of_sound_files(tmp_path, seed):
    rng = random.Random(seed)
    values = np.arange(24, dtype=np.float32).reshape(6, 4)
    labels = np.array([0, 1] * 3, np.int16)
    np.savez_compressed(tmp_path / "a.npz", x=values, y=labels)
    (tmp_path / "b-images-idx2.gz").write_bytes(gzip.compress(idx(values, 0x0D)))
    (tmp_path / "b-labels-idx1.gz").write_bytes(gzip.compress(idx(labels, 0x08)))
    flowers(tmp_path / "c.csv", 12)
    for name in ("a.npz", "b-images-idx2.gz", "b-labels-idx1.gz", "c.csv"):
        content = bytearray((tmp_path / name).read_bytes())
        for _ in range(rng.randint(1, 3)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        (tmp_path / name).write_bytes(content)
        sound(tmp_path / ("b-images-idx2.gz" if name.startswith("b") else name))


def test_a_million_columns(tmp_path):
    path = text(tmp_path / "t.csv", b"1," * 1_000_000 + b"2\n" + b"3," * 1_000_000 + b"4\n")
    assert sound(path).problems == ("t.csv has 1,000,001 columns; at most 50,000 are read",)


def test_many_columns_that_are_read(tmp_path):
    row = b",".join(b"%d" % i for i in range(20_000))
    found = sound(text(tmp_path / "t.csv", b"\n".join([row + b",a", row + b",b", row + b",a"])))
    assert found.shape == (20_000,)


@pytest.mark.parametrize("content", [b"1", b'"', b"\n", b",", b"\0", b'1,"'])
def test_a_gigabyte_of_one_thing(tmp_path, content):
    path = tmp_path / "t.csv"
    with path.open("wb") as file:
        if content == b"\0":
            file.truncate(1_000_000_000)  # a hole: it takes no room
        else:
            file.write(content * (60_000_000 // len(content)))
            file.truncate(1_000_000_000)
    (problem,) = sound(path).problems
    assert "NUL" in problem or "characters" in problem or "columns" in problem or "blank" in problem


def test_an_array_of_zeros_that_unpacks_to_more_than_it_may(tmp_path):
    x = npy("(200000, 400)", "'|u1'", bytes(80_000_000))
    y = npy("(200000,)", "'|u1'", bytes([0, 1]) * 100_000)
    path = archive(tmp_path / "a.npz", [("x.npy", x), ("y.npy", y)])
    assert path.stat().st_size < 1_000_000
    found = file_report.inspect(path)  # its header alone: the 80 MB are announced, and bounded
    assert found.usable
    assert found.examples == 200_000
    more = archive(tmp_path / "b.npz", [("x.npy", x.replace(b"400)", b"600)")), ("y.npy", y)])
    assert "at most 100,000,000 values" in sound(more).problems[0]


@pytest.mark.parametrize(
    ("kind", "count", "words"),
    [
        ("<U20000000", 50, "'y' of 4,000,000,000 bytes: at most 800,000,000 are read"),
        ("|S99999999999", 50, "damaged"),
        ("<f16", 60_000_000, "'y' of 960,000,000 bytes: at most 800,000,000 are read"),
        ("<U1000000", 50, "'y' have 4,000,000 bytes each; at most 4,000 are read"),
        ("<U1000", 41_000, "'y' have 164,000,000 bytes; at most 160,000,000 are read"),
        ("|b1", 21_000_000, "'y' are more than 20,000,000"),
        ("|V100", 50, "values of type '|V100'"),
        ("<f8,<i4", 50, "values of type '<f8,<i4'"),
        ("<f8,(1000000,1000)f8", 50, "values of type"),
    ],
)
def test_labels_that_would_take_all_memory_are_refused_by_their_header(tmp_path, kind, count, words):
    path, size = tmp_path / "a.npz", 0
    with contextlib.suppress(TypeError, ValueError):
        size = count * np.dtype(kind).itemsize
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x.npy", npy(f"({count}, 1)", "'|u1'", bytes(count)))
        with file.open("y.npy", "w") as entry:
            entry.write(npy(f"({count},)", repr(kind)))
            for _ in range(size // 1_000_000 if size < 800_000_000 else 0):
                entry.write(bytes(1_000_000))
    (problem,) = sound(path).problems
    assert words in problem
    assert problem.startswith("a.npz")


def test_idx_labels_and_pictures_that_would_take_all_memory_are_refused_by_their_header(tmp_path):
    head = struct.pack(">4B2I", 0, 0, 8, 2, 3, 4)
    (tmp_path / "x-images-idx2-ubyte.gz").write_bytes(gzip.compress(head + bytes(12)))
    labels = struct.pack(">4B2I", 0, 0, 8, 2, 3, 300_000_000) + bytes(100_000_000)
    (tmp_path / "x-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels, 1))
    (problem,) = sound(tmp_path / "x-images-idx2-ubyte.gz").problems
    assert problem == "x-labels-idx1-ubyte.gz announces 900,000,000 values; at most 20,000,000 are read"
    pytest.importorskip("PIL.Image", reason="Pillow is the extra 'images'; the extra 'test' has it")
    chunk = b"IHDR" + struct.pack(">2I5B", 100_000, 100_000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n\0\0\0\r" + chunk + struct.pack(">I", zlib.crc32(chunk)) + b"\0\0\0\0IDAT"
    for name in ("a", "b"):
        (tmp_path / "p" / name).mkdir(parents=True)
        (tmp_path / "p" / name / "1.png").write_bytes(png)
    (problem,) = sound(tmp_path / "p").problems
    assert problem == "a/1.png has 100,000×100,000 pixels; at most 50,000,000 are read"


def test_what_is_no_file_is_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    os.mkfifo(tmp_path / "x-images-idx3-ubyte")
    (tmp_path / "x-labels-idx1-ubyte").write_bytes(idx(np.arange(3), 8))
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    (tmp_path / "closed").mkdir()
    for path in (
        *(tmp_path / name for name in ("pipe.csv", "x-images-idx3-ubyte", "loop.csv", "closed", "none.csv")),
        *("/dev/zero", "/dev/null", "/dev/tty", "/proc/self/mem", "/proc/self/environ", "/", "~/none.csv"),
        *("", " ", "\0", "a\nb.csv", "\x1b[2J.csv", "x" * 300, "y/" * 3000, "~nobody-at-all/x.csv"),
    ):
        assert len(sound(path).problems) == 1, path


def test_a_deep_and_a_wide_folder(tmp_path):
    pytest.importorskip("PIL.Image", reason="Pillow is the extra 'images'; the extra 'test' has it")
    deep = tmp_path
    for _ in range(200):
        deep /= "d"
        deep.mkdir()
    assert "has no folders with images" in sound(tmp_path).problems[0]
    wide = tmp_path / "wide"
    for index in range(1100):
        (wide / f"class {index}").mkdir(parents=True)
    assert "1,100 folders; at most 1,000 classes" in sound(wide).problems[0]


def test_names_are_shown_literally(tmp_path):
    path = text(
        tmp_path / "\x1b]0;hi\x07.csv", "a\x1b[31m,[@click=app.quit]b,y\u202e\n1,2,\x9bx\n3,4,z\n5,6,z\n"
    )
    found = sound(path)
    assert found.usable
    assert [column.name for column in found.columns] == ["a�[31m", "[@click=app.quit]b", "y�"]
    assert found.classes == ("z", "�x")
