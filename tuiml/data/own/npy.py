"""Arrays inside a zip file, read by their headers: never unpickled, never larger than what they announce."""

from __future__ import annotations

import ast
import math
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from tuiml.data.own.facts import MOST_VALUES, Wrong
from tuiml.text import plain_text

MOST_DIRECTORY = 1 << 20
"""Bytes of a zip file's table of contents."""
MOST_HEADER = 10_000
MOST_ARRAY = 8 * MOST_VALUES
"""Bytes of one array: as many float64 as values are read."""
_RATIO = 1032
"""No deflate stream expands further, so an entry that announces more is false."""
_CHUNK = 1 << 20
KINDS = {
    "b": "truth values",
    "u": "whole numbers",
    "i": "whole numbers",
    "f": "numbers",
    "U": "text",
    "S": "text",
}


@dataclass(frozen=True)
class Header:
    """What an array says of itself."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    by_columns: bool
    """Its values lie column by column (Fortran's order)."""
    start: int
    """Bytes before its values."""

    @property
    def count(self) -> int:
        return math.prod(self.shape)

    @property
    def size(self) -> int:
        """Bytes of its values."""
        return self.count * self.dtype.itemsize


class Archive:
    """An NPZ file, opened; every complaint is a :class:`Wrong` of one line."""

    def __init__(self, file: IO[bytes], title: str) -> None:
        self.title = title
        self._bounded(file)
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, struct.error, OSError, NotImplementedError, UnicodeError):
            raise self._damaged() from None
        entries = self._zip.infolist()
        self.headers: dict[str, Header | Wrong] = {}
        for info in entries:
            name = info.filename.removesuffix(".npy")
            if name in self.headers:
                raise self.wrong(f"holds two arrays called '{plain_text(name)[:60]}'")
            if len(entries) <= 1000:
                self.headers[name] = self._header(info, name)
        if not self.headers:
            raise self.wrong("holds no arrays" if not entries else "holds more than 1,000 arrays")

    def wrong(self, text: str) -> Wrong:
        return Wrong("path", f"{self.title} {text}")

    def _damaged(self) -> Wrong:
        return self.wrong("is damaged, or no NPZ file: save it again with numpy.savez")

    def _bounded(self, file: IO[bytes]) -> None:
        """Look at the end of the file: a table of contents made to exhaust whoever reads it is refused."""
        size = file.seek(0, 2)
        file.seek(max(0, size - 66_000))
        tail = file.read()
        at = tail.rfind(b"PK\5\6")
        if at < 0 or len(tail) < at + 22:
            raise self._damaged()
        length = int.from_bytes(tail[at + 12 : at + 16], "little")
        if length > MOST_DIRECTORY or tail[max(0, at - 20) : at].startswith(b"PK\6\7"):
            raise self.wrong("has too long a table of contents for an NPZ file")
        file.seek(0)

    def _header(self, info: zipfile.ZipInfo, name: str) -> Header | Wrong:
        """The header of an entry, or why it has none; nothing is unpacked but that."""
        shown = plain_text(name)[:60]
        if info.flag_bits & 1:
            return self.wrong(f"is encrypted: '{shown}' cannot be read")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            return self.wrong(f"packs '{shown}' in a way that NumPy does not: save it with numpy.savez")
        if info.file_size > _RATIO * info.compress_size + 64:
            return self.wrong(
                f"announces more for '{shown}' than it can hold: it is damaged, or made to harm"
            )
        try:
            with self._zip.open(info) as entry:
                return self._parsed(entry, info, name, shown)
        except Wrong as wrong:
            return wrong
        except (*_TROUBLE, MemoryError):  # Python's parser has no other word for "nested too deep"
            return self._damaged()

    def _parsed(self, entry: IO[bytes], info: zipfile.ZipInfo, name: str, shown: str) -> Header:
        first = entry.read(8)
        if first[:6] != b"\x93NUMPY" or first[6:7] not in (b"\1", b"\2", b"\3"):
            raise self.wrong(f"holds '{shown}', which is no NumPy array")
        wide = first[6] > 1
        length = int.from_bytes(entry.read(4 if wide else 2), "little")
        if length > MOST_HEADER:
            raise self.wrong(f"holds '{shown}' with too long a header")
        found = ast.literal_eval(entry.read(length).decode("utf-8" if first[6] == 3 else "latin-1"))
        if not isinstance(found, dict) or set(found) != {"descr", "fortran_order", "shape"}:
            raise self._damaged()
        descr, shape = found["descr"], found["shape"]
        if not isinstance(descr, str) or "," in descr or descr.strip("<>|=")[:1] not in KINDS:
            what = (
                "Python objects" if isinstance(descr, str) and "O" in descr else f"values of type {descr!r}"
            )
            raise self.wrong(
                f"holds '{shown}' with {plain_text(what)[:60]}; numbers are read, and text labels"
            )
        sizes = isinstance(shape, tuple) and all(type(n) is int and 0 <= n < 1 << 40 for n in shape)
        if not sizes or len(shape) > 8 or math.prod(shape) > MOST_VALUES:
            raise self.wrong(
                f"holds '{shown}' of shape {plain_text(str(shape))[:60]}: at most {MOST_VALUES:,} values"
            )
        header = Header(
            name,
            np.dtype(descr),
            shape,
            bool(found["fortran_order"]),
            len(first) + (4 if wide else 2) + length,
        )
        if header.size > MOST_ARRAY:
            raise self.wrong(f"holds '{shown}' of {header.size:,} bytes: at most {MOST_ARRAY:,} are read")
        if header.start + header.size != info.file_size:
            raise self.wrong(
                f"holds '{shown}' of {info.file_size:,} bytes, not as many as its header announces"
            )
        return header

    def read(self, header: Header, progress: Callable[[int], None] | None = None) -> NDArray[Any]:
        """The values of an array."""
        values = np.empty(header.count, header.dtype)
        view: Any = values.view(np.uint8).reshape(-1) if header.count else np.empty(0, np.uint8)
        done = 0
        for chunk in self._chunks(header):
            view[done : done + len(chunk)] = np.frombuffer(chunk, np.uint8)
            done += len(chunk)
            if progress is not None:
                progress(done)
        if header.by_columns and len(header.shape) > 1:
            return np.ascontiguousarray(values.reshape(header.shape[::-1]).T)
        return values.reshape(header.shape)

    def largest(self, header: Header, enough: int) -> int:
        """The largest byte of an array of uint8; one of ``enough`` or more ends the search."""
        found = 0
        for chunk in self._chunks(header):
            found = max(found, max(chunk))
            if found >= enough:
                break
        return found

    def _chunks(self, header: Header) -> Iterator[bytes]:
        """The bytes of an array's values.

        Raises:
            Wrong: they are damaged, fewer or more than announced.
        """
        name = f"{header.name}.npy"
        try:
            with self._zip.open(name if name in self._zip.namelist() else header.name) as entry:
                entry.read(header.start)
                left = header.size
                while left:
                    got = entry.read(min(_CHUNK, left))
                    if not got:
                        raise EOFError
                    left -= len(got)
                    yield got
                if entry.read(1):  # also checks the entry's checksum
                    raise EOFError
        except _TROUBLE:
            raise self._damaged() from None


_TROUBLE = (
    zipfile.BadZipFile, zlib.error, EOFError, ValueError, SyntaxError, TypeError, RecursionError,
    NotImplementedError, RuntimeError, struct.error, OSError,
)  # fmt: skip
"""What reading a damaged entry may end in."""
