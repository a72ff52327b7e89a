"""IDX files: read, refused, found, fetched."""

import gzip
import hashlib
import os
import struct
import tracemalloc
import urllib.error
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuiml.data import DataError, catalog, download, idx, store
from tuiml.data.datasets import Mnist, datasets
from tuiml.data.prepare import load
from tuiml.data.sources import FASHION, MNIST, Origin, Source


def idx_bytes(values: np.ndarray) -> bytes:
    return struct.pack(f">4B{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.tobytes()


PAYLOADS = {
    "a-images": idx_bytes(np.arange(40 * 6, dtype=np.uint8).reshape(40, 2, 3)),
    "a-labels": idx_bytes(np.arange(40, dtype=np.uint8) % 10),
    "b-images": idx_bytes(np.arange(8 * 6, dtype=np.uint8).reshape(8, 2, 3)),
    "b-labels": idx_bytes(np.arange(8, dtype=np.uint8)),
}


def origin(name: str, payloads: dict[str, bytes]) -> Origin:
    shapes = ((40, 2, 3), (40,), (8, 2, 3), (8,))
    sources = (
        Source(file, shape, hashlib.sha256(payload).hexdigest())
        for (file, payload), shape in zip(payloads.items(), shapes, strict=True)
    )
    return Origin(name, (name, f"{name}/raw"), ("https://one.test/", "https://two.test/"), *sources)


TINY = origin("mnist", PAYLOADS)
OTHER = {name: payload[:-1] + b"\5" for name, payload in PAYLOADS.items()}
"""Files of the same names and shapes with other contents, as Fashion-MNIST's are to MNIST's."""


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """A tiny MNIST, an empty home, no TUIML_DATA and no network."""
    monkeypatch.setenv("TUIML_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TUIML_DATA", raising=False)
    monkeypatch.setattr(Mnist, "origin", TINY)
    monkeypatch.setattr(download, "open_https", offline)


def offline(url, headers, timeout):
    raise urllib.error.URLError("no network")


def serve(monkeypatch, payloads, asked):
    """Make every download succeed with what ``payloads`` holds."""

    def fake(urls, path, *, at_most, check, progress):
        asked.extend(urls)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(payloads[path.name.removesuffix(".gz")]))
        assert path.stat().st_size <= at_most
        check(path)

    monkeypatch.setattr(download, "download", fake)


def put(folder, payloads=PAYLOADS, packed=True):
    folder.mkdir(parents=True, exist_ok=True)
    for name, payload in payloads.items():
        path = folder / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(payload) if packed else payload)
    return folder


# Reading one file


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_is_read_gzipped_or_plain(tmp_path, packed):
    put(tmp_path, packed=packed)
    path = tmp_path / ("a-images.gz" if packed else "a-images")
    values = idx.read(path, (40, 2, 3), TINY.images.sha256)
    assert values.dtype == np.uint8
    assert values.reshape(-1).tolist() == list(range(240))


def test_the_first_bytes_report_whether_a_file_is_gzipped(tmp_path):
    (tmp_path / "plain.gz").write_bytes(PAYLOADS["b-labels"])
    assert idx.read(tmp_path / "plain.gz").tolist() == list(range(8))


GOOD = PAYLOADS["a-images"]
PACKED = gzip.compress(GOOD)
HUGE = struct.pack(">4B3I", 0, 0, 8, 3, 60_000, 100_000, 100_000)
DAMAGED = {
    "empty": (b"", "not an IDX file"),
    "text": (b"label,pixel1\n", "not an IDX file"),
    "no dimensions": (b"\0\0\x08\0", "not an IDX file"),
    "header cut": (GOOD[:9], "unfinished download"),
    "payload cut": (GOOD[:-1], "shorter"),
    "payload long": (GOOD + b"\0", "goes on"),
    "floats": (b"\0\0\x0d" + GOOD[3:], "0x0d"),
    "no examples": (struct.pack(">4B3I", 0, 0, 8, 3, 0, 2, 3), "0×2×3"),
    "dimensions that overflow": (struct.pack(">4B2I", 0, 0, 8, 2, 2**31, 2**31), "can be read"),
    "huge header": (HUGE, "can be read"),
    "gzip cut": (PACKED[:-9], "unfinished download"),
    "gzip cut in its header": (PACKED[:5], "unfinished download"),
    "gzip checksum": (PACKED[:-8] + bytes(4) + PACKED[-4:], "damaged"),
    "gzip bytes changed": (PACKED[:40] + b"\xff\xff" + PACKED[42:], "damaged|unfinished"),
    "gzip of a cut payload": (gzip.compress(GOOD[:-1]), "unfinished download"),
    "gzip of a long payload": (gzip.compress(GOOD + b"\0"), "goes on"),
    "gzip with a tail": (PACKED + b"tail", "damaged"),
    "gzip that cannot hold what it says": (
        gzip.compress(struct.pack(">4B1I", 0, 0, 8, 1, 10**9) + bytes(1000)),
        "shorter",
    ),
}


@pytest.mark.parametrize(("payload", "message"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_files_give_one_line_that_names_the_file(tmp_path, payload, message):
    path = tmp_path / "file"
    path.write_bytes(payload)
    with pytest.raises(DataError, match=message) as caught:
        idx.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bomb_is_not_expanded(tmp_path):
    packer = zlib.compressobj(9, wbits=31)
    packed = packer.compress(PAYLOADS["b-labels"])
    packed += b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    (tmp_path / "bomb.gz").write_bytes(packed)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="goes on"):
            idx.read(tmp_path / "bomb.gz")
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_a_file_of_another_shape_or_content_is_told_apart(tmp_path):
    put(tmp_path)
    with pytest.raises(idx.OtherData, match="40×2×3 values, not 41×2×3"):
        idx.read(tmp_path / "a-images.gz", (41, 2, 3))
    with pytest.raises(idx.OtherData, match="SHA-256"):
        idx.read(tmp_path / "a-images.gz", (40, 2, 3), "0" * 64)


def test_what_is_no_file_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        idx.read(tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        idx.read(tmp_path / "absent")


def test_a_control_character_in_a_name_does_not_reach_the_message(tmp_path):
    with pytest.raises(DataError) as caught:
        idx.read(tmp_path / "a\x1b[31m\nb")
    assert str(caught.value).isprintable()


@given(st.binary(max_size=64), st.integers(0, len(GOOD)), st.booleans())
def test_any_bytes_give_their_values_or_a_data_error(tmp_path_factory, noise, at, packed):
    path = tmp_path_factory.getbasetemp() / "fuzzed"
    base = PACKED if packed else GOOD
    path.write_bytes(base[:at] + noise + base[at + len(noise) :])
    try:
        values = idx.read(path)
    except DataError:
        return
    assert packed or path.stat().st_size == 4 + 4 * values.ndim + values.size


# Finding files


@pytest.mark.parametrize("below", ["mnist", "mnist/raw", "."])
@pytest.mark.parametrize("packed", [True, False])
def test_tuiml_data_is_searched_with_and_without_the_name(monkeypatch, tmp_path, below, packed):
    put(tmp_path / "data" / below, packed=packed)
    monkeypatch.setenv("TUIML_DATA", f"{tmp_path / 'nothing'}{os.pathsep}{tmp_path / 'data'}")
    data = load(Mnist(train=30), 0)
    assert (len(data.train), len(data.validation), len(data.test)) == (30, 4, 8)
    assert data.train.inputs.shape == (30, 6)
    assert data.train.inputs.dtype == np.uint8
    assert data.batch(data.test, 1).tolist() == [pytest.approx([n / 255 for n in range(6, 12)])]
    assert np.array_equal(data.train.inputs[:, 0] // 6 % 10, data.train.labels)


def test_the_cache_is_searched_after_tuiml_data(monkeypatch, tmp_path):
    cache = put(tmp_path / "home" / "cache" / "data" / "mnist")
    assert catalog.fetch("mnist") == [cache / f"{name}.gz" for name in PAYLOADS]
    mine = put(tmp_path / "data" / "mnist")
    monkeypatch.setenv("TUIML_DATA", str(tmp_path / "data"))
    assert catalog.fetch("mnist") == [mine / f"{name}.gz" for name in PAYLOADS]


def test_other_data_of_the_same_names_is_passed_over(monkeypatch, tmp_path):
    """TUIML_DATA points straight at Fashion-MNIST's files and MNIST is asked for."""
    put(tmp_path / "clothes", OTHER)
    monkeypatch.setenv("TUIML_DATA", str(tmp_path / "clothes"))
    assert not catalog.where("mnist")[0].here
    with pytest.raises(DataError, match="could not be downloaded"):
        load(Mnist(), 0)
    put(tmp_path / "home" / "cache" / "data" / "mnist")
    assert catalog.where("mnist")[0].where.startswith(str(tmp_path / "home"))
    assert len(load(Mnist(), 0).test) == 8


def test_a_wrong_or_damaged_file_of_the_users_is_an_error_not_a_download(monkeypatch, tmp_path):
    asked = []
    serve(monkeypatch, PAYLOADS, asked)
    monkeypatch.setenv("TUIML_DATA", str(tmp_path / "data"))
    put(tmp_path / "data" / "mnist", OTHER)
    with pytest.raises(DataError, match="SHA-256"):
        load(Mnist(), 0)
    path = put(tmp_path / "data" / "mnist") / "b-images.gz"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DataError, match=r"b-images.gz is damaged or an unfinished download"):
        load(Mnist(), 0)
    assert asked == []


def test_what_is_missing_or_damaged_in_the_cache_is_fetched_and_nothing_else(monkeypatch, tmp_path):
    asked = []
    serve(monkeypatch, PAYLOADS, asked)
    cache = put(tmp_path / "home" / "cache" / "data" / "mnist")
    (cache / "a-labels.gz").unlink()
    (cache / "b-images.gz").write_bytes(b"half a file")
    assert len(load(Mnist(), 0).test) == 8
    assert asked == [
        f"https://{host}.test/{file}.gz" for file in ("a-labels", "b-images") for host in ("one", "two")
    ]
    asked.clear()
    assert len(load(Mnist(), 0).test) == 8
    assert asked == []


def test_without_a_network_the_message_says_where_was_looked_and_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("TUIML_DATA", str(tmp_path / "data"))
    with pytest.raises(DataError) as caught:
        load(Mnist(), 0)
    message = str(caught.value)
    wanted = [
        "a-images.gz",
        str(tmp_path / "data"),
        str(tmp_path / "home"),
        "one.test: no network",
        "two.test: no network",
        "TUIML_DATA",
        "tuiml data fetch mnist",
    ]
    assert [text for text in wanted if text not in message] == []
    assert message.isprintable()


def test_the_tables_of_real_files():
    assert [source.payload for source in MNIST.sources] == [47_040_016, 60_008, 7_840_016, 10_008]
    assert [source.file for source in MNIST.sources] == [source.file for source in FASHION.sources]
    hashes = {source.sha256 for source in (*MNIST.sources, *FASHION.sources)}
    assert len(hashes) == 8
    assert all(len(bytes.fromhex(sha256)) == 32 for sha256 in hashes)
    assert all(url.startswith("https://") and url[-1] == "/" for o in (MNIST, FASHION) for url in o.mirrors)
    # The published sizes of the gzip files (Fashion-MNIST's are the larger) pass the limit of a download.
    assert FASHION.images.packed_at_most > 26_421_880
    assert FASHION.test_labels.packed_at_most > 5148


# The list


def test_the_list_says_where_each_data_set_lies(tmp_path):
    rows = {row.name: row for row in catalog.where()}
    assert list(rows) == datasets.names()
    assert rows["digits"].here
    assert rows["digits"].examples == 1797
    assert rows["spiral"].here
    assert rows["spiral"].where.startswith("generated")
    assert not rows["mnist"].here
    assert "tuiml data fetch mnist" in rows["mnist"].where
    folder = put(tmp_path / "home" / "cache" / "data" / "mnist")
    (row,) = catalog.where("mnist")
    assert row == catalog.Row("mnist", "files", (2, 3), 10, 48, True, str(folder))
    (folder / "a-labels.gz").unlink()
    (row,) = catalog.where("mnist")
    assert not row.here
    assert row.where.startswith("3 of 4 files")


def test_a_wrong_name_is_met_with_the_nearest():
    for ask in (catalog.where, catalog.fetch):
        with pytest.raises(DataError, match="did you mean 'fashion-mnist'"):
            ask("fashion-minst")


def test_nothing_is_fetched_for_what_comes_with_tuiml():
    assert catalog.fetch("digits") == catalog.fetch("moons") == []


def test_a_fetched_file_goes_to_the_cache(monkeypatch, tmp_path):
    serve(monkeypatch, PAYLOADS, [])
    path = store.fetch(TINY, TINY.labels)
    assert path == tmp_path / "home" / "cache" / "data" / "mnist" / "a-labels.gz"
