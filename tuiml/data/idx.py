"""The IDX format of MNIST: a magic number, big-endian dimensions, then the values, plain or gzipped.

Layout: two zero bytes, the type of a value (0x08: unsigned byte; see :data:`TYPES`), the number of
dimensions, each dimension as an unsigned 32-bit number, the values row by row, big-endian.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuiml.data.errors import DataError
from tuiml.files import open_regular

MOST = 1 << 30
"""The most bytes of values read: sixteen times MNIST and more."""

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""What the third byte says that a value is."""

_CHUNK = 1 << 20
_DEFLATE_RATIO = 1032
"""No deflate stream expands further (zlib.net/zlib_tech.html), so a header that asks for more is false."""


class OtherData(DataError):
    """A sound file, but not the one expected: its dimensions or its hash are others."""


def read(path: Path, shape: tuple[int, ...] | None = None, sha256: str | None = None) -> NDArray[np.uint8]:
    """The values of an IDX file of bytes; memory for them is taken once its header is known to be right.

    Args:
        path: the file, gzipped or not (detected by its first bytes, not by its name).
        shape: the dimensions it must have; ``None``: one to four, at most 1 GiB.
        sha256: the hash the whole decompressed file must have; ``None``: any.

    Raises:
        DataError: it cannot be read, is damaged, too long, or of another type.
        OtherData: its shape or its hash is another.
    """
    values: NDArray[np.uint8] = _read(path, shape, sha256, (0x08,))
    return values


def read_any(path: Path) -> NDArray[Any]:
    """As :func:`read`, of values of any type that the format has, in this machine's byte order."""
    values: NDArray[Any] = _read(path, None, None, tuple(TYPES))
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def header(path: Path) -> tuple[str, tuple[int, ...]]:
    """The type and the dimensions that a file announces: quick.

    Raises:
        DataError: it cannot be read, or is no IDX file.
    """
    kind, dimensions = _read(path, None, None, tuple(TYPES), header_only=True)
    return kind, dimensions


def _read(
    path: Path,
    shape: tuple[int, ...] | None,
    sha256: str | None,
    types: tuple[int, ...],
    *,
    header_only: bool = False,
) -> Any:
    try:
        with os.fdopen(open_regular(path), "rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            room = os.fstat(raw.fileno()).st_size * (_DEFLATE_RATIO if packed else 1)
            with gzip.open(raw) if packed else raw as file:
                if header_only:
                    return _header(file, path, types)[1:]
                return _values(file, path, room, shape, sha256, types, exact=not packed)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise DataError(
            f"{path} is damaged or an unfinished download: delete it and fetch it again"
        ) from None
    except OSError as problem:
        raise DataError(f"{path} cannot be read: {problem.strerror or problem}") from None


def _values(
    file: io.BufferedIOBase,
    path: Path,
    room: int,
    shape: tuple[int, ...] | None,
    sha256: str | None,
    types: tuple[int, ...],
    *,
    exact: bool,
) -> NDArray[Any]:
    """The values after the header; the decompressed file has ``room`` bytes (at most, if not ``exact``)."""
    header, kind, found = _header(file, path, types)
    dtype = np.dtype(kind)
    text = "×".join(map(str, found))
    if shape is not None and found != shape:
        raise OtherData(f"{path} holds {text} values, not {'×'.join(map(str, shape))}: it is another file")
    count = math.prod(found) * dtype.itemsize
    if not 0 < count <= MOST:
        raise DataError(f"{path} says it holds {text} values: from 1 to {MOST // dtype.itemsize} can be read")
    if len(header) + count > room:
        raise DataError(f"{path} is shorter than the {text} values it announces: fetch it again")
    if exact and len(header) + count < room:
        raise DataError(f"{path} goes on after the {text} values it announces: it is damaged")
    values = np.empty(count, np.uint8)
    digest = hashlib.sha256(header)
    view = values.data
    done = 0
    while done < count:
        got = file.readinto(view[done : done + _CHUNK])
        if not got:
            raise EOFError
        digest.update(view[done : done + got])
        done += got
    if file.read(1):  # also makes gzip check its checksum
        raise DataError(f"{path} goes on after the {text} values it announces: it is damaged")
    if sha256 is not None and digest.hexdigest() != sha256:
        raise OtherData(f"{path} is not the file expected (its SHA-256 is another): replace or remove it")
    return values.view(dtype).reshape(found)


def _header(
    file: io.BufferedIOBase, path: Path, types: tuple[int, ...]
) -> tuple[bytes, str, tuple[int, ...]]:
    """The header's bytes, and the type and dimensions it announces."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or not 1 <= magic[3] <= 4:
        raise DataError(f"{path} is not an IDX file: its first bytes are not a magic number")
    if magic[2] not in types:
        known = "only unsigned bytes (0x08) are read" if types == (0x08,) else "there is no such type"
        raise DataError(f"{path} holds values of type 0x{magic[2]:02x}: {known}")
    rest = file.read(4 * magic[3])
    if len(rest) < 4 * magic[3]:
        raise EOFError
    dimensions = tuple(int.from_bytes(rest[i : i + 4], "big") for i in range(0, len(rest), 4))
    return magic + rest, TYPES[magic[2]], dimensions
