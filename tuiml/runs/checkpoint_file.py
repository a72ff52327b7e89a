"""Checkpoint files: float32 arrays and a JSON text in one safetensors file with a hash.

The metadata has the text as ``tuiml`` and, as ``sha256``, the hash of the whole file with 64 zeros in place
of the hash: safetensors itself loads a flipped bit silently. Arrays are written without a copy. A file is
read only if its header declares exactly the expected arrays and its size fits, so that no file can make us
allocate more memory than that.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypeGuard

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from tuiml.files import open_regular
from tuiml.runs.errors import CheckpointError, UnreadableError
from tuiml.text import plain_text

Array = np.ndarray[Any, Any]
Shapes = Mapping[str, tuple[int, ...]]
BLANK = "0" * 64
MOST_HEADER = 8 * 1024 * 1024
"""The most bytes of a header, plus :data:`AN_ARRAY` for each array."""
AN_ARRAY = 512
AT_ONCE = 1024 * 1024
"""Bytes that are hashed at a time if the file is not kept in memory."""


def pieces(tensors: Mapping[str, Array], text: str) -> list[bytes | memoryview]:
    """The bytes of a file in order, without a copy of the arrays (float32, C-contiguous)."""
    header: dict[str, Any] = {"__metadata__": {"sha256": BLANK, "tuiml": text}}
    end, arrays = 0, []
    for name, given in sorted(tensors.items()):
        values = np.ascontiguousarray(given, np.float32).reshape(given.shape)
        start, end = end, end + values.nbytes
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [start, end]}
        if values.nbytes:
            arrays.append(values.data.cast("B"))
    data = json.dumps(header, separators=(",", ":")).encode()
    data += b" " * (-len(data) % 8)
    data = len(data).to_bytes(8, "little") + data
    digest = hashlib.sha256(data)
    for array in arrays:
        digest.update(array)
    return [data.replace(_mark(BLANK), _mark(digest.hexdigest()), 1), *arrays]


def _mark(digest: str) -> bytes:
    # No preset's note can hold this: inside a JSON string its quotes are escaped.
    return f'"sha256":"{digest}"'.encode()


def read(path: Path, declared: Callable[[str], Shapes], arrays: int) -> tuple[dict[str, Array], str]:
    """The arrays and the text of a file that has exactly the expected arrays, all finite.

    Args:
        declared: returns the expected arrays for a text; may raise CheckpointError.
        arrays: the most arrays.

    Raises:
        UnreadableError: the system refuses to read it; it may be sound.
        CheckpointError: it is damaged, or another file.
    """
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        header, table = _header(path, file, size, MOST_HEADER + AN_ARRAY * arrays)
        metadata = _metadata(path, table)
        expected = declared(metadata["tuiml"])
        payload = sum(4 * math.prod(shape) for shape in expected.values())
        _check_table(path, table, expected)
        if size != len(header) + payload:
            raise damaged(path, "its arrays are cut off" if size < len(header) + payload else "it goes on")
        file.seek(0)
        data = file.read(size)
    if data[: len(header)] != header or len(data) != size:
        raise damaged(path, "it changes while it is read")
    digest = hashlib.sha256(_blanked(path, header, metadata))
    digest.update(memoryview(data)[len(header) :])
    if digest.hexdigest() != metadata["sha256"]:
        raise damaged(path, "its SHA-256 does not fit its content")
    try:
        tensors: dict[str, Array] = safetensors.numpy.load(data)
    except (SafetensorError, ValueError, KeyError, TypeError):
        raise damaged(path, "its arrays cannot be read") from None
    for name in expected:
        if not np.isfinite(tensors[name]).all():
            raise damaged(path, f"{name} has values that are not finite")
    return tensors, metadata["tuiml"]


def read_text(path: Path, most: int) -> str:
    """The text of a sound file with any arrays, of ``most`` bytes at most; arrays are only hashed.

    Raises:
        UnreadableError: the system refuses to read it; it may be sound.
        CheckpointError: it is damaged, or another file.
    """
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise damaged(path, "it is larger than this machine's memory")
        header, table = _header(path, file, size, 2 * MOST_HEADER)
        metadata = _metadata(path, table)
        digest = hashlib.sha256(_blanked(path, header, metadata))
        while block := file.read(AT_ONCE):
            digest.update(block)
    if digest.hexdigest() != metadata["sha256"]:
        raise damaged(path, "its SHA-256 does not fit its content")
    return metadata["tuiml"]


def glance(path: Path) -> str:
    """The text of a file, unchecked: its arrays are not read.

    Raises:
        UnreadableError, CheckpointError: as :func:`read_text`.
    """
    with _opened(path) as file:
        _, table = _header(path, file, os.fstat(file.fileno()).st_size, 2 * MOST_HEADER)
        return _metadata(path, table)["tuiml"]


def damaged(path: Path, why: str) -> CheckpointError:
    return CheckpointError(f"{plain_text(str(path))} is no checkpoint of this run: {why}")


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            yield file
    except OSError as error:
        raise UnreadableError(f"{plain_text(str(path))}: {error.strerror or error}") from None


def _header(path: Path, file: IO[bytes], size: int, most: int) -> tuple[bytes, dict[str, Any]]:
    """The bytes of a file before its arrays, and the JSON object in them."""
    first = file.read(8)
    length = int.from_bytes(first, "little")
    if len(first) < 8 or length > size - 8:
        raise damaged(path, "it is cut off")
    if length > most:
        raise damaged(path, "its header is too long")
    data = file.read(length)
    try:
        table = json.loads(data, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        table = None
    if len(data) != length or not isinstance(table, dict):
        raise damaged(path, "its header cannot be read")
    return first + data, table


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of a header; a name that comes twice could mean different files to two readers."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _metadata(path: Path, table: dict[str, Any]) -> dict[str, str]:
    """Remove the metadata from a header, and return it."""
    found = table.pop("__metadata__", None)
    texts = isinstance(found, dict) and all(isinstance(found.get(key), str) for key in ("sha256", "tuiml"))
    if not isinstance(found, dict) or not texts:
        raise damaged(path, "its header cannot be read")
    return found


def _check_table(path: Path, table: dict[str, Any], expected: Shapes) -> None:
    if set(table) != set(expected):
        raise damaged(path, "its arrays are those of another network or optimizer")
    places = []
    for name, shape in expected.items():
        entry = table[name] if isinstance(table[name], dict) else {}
        dtype, declared, place = (entry.get(key) for key in ("dtype", "shape", "data_offsets"))
        if dtype != "F32" or not _integers(declared) or tuple(declared) != shape:
            said = plain_text(f"{str(dtype)[:20]} {str(declared)[:60]}")
            raise damaged(path, f"{name} is {said}, not F32 {list(shape)}")
        if not _integers(place) or len(place) != 2 or place[1] - place[0] != 4 * math.prod(shape):
            raise damaged(path, f"{name} does not lie where it can")
        places.append(tuple(place))
    end = 0
    for start, after in sorted(places):
        if start != end:
            raise damaged(path, "its arrays do not lie one after the other")
        end = after


def _integers(values: Any) -> TypeGuard[list[int]]:
    """True for a list of counts."""
    return isinstance(values, list) and all(type(v) is int and v >= 0 for v in values)


def _blanked(path: Path, header: bytes, metadata: Mapping[str, str]) -> bytes:
    """The header with zeros for the hash, as it was hashed."""
    digest = metadata["sha256"]
    if len(digest) != 64 or not digest.isascii() or header.count(_mark(digest)) != 1:
        raise damaged(path, "its SHA-256 cannot be read")
    return header.replace(_mark(digest), _mark(BLANK))
