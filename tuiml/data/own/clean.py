"""Large tables whose text is clean are read many cells at a time; the values are those of ``float``.

A number of up to 15 digits is ``digits / 10**places``: both are exact in float64, so the quotient is rounded
once, and correctly (W. D. Clinger, How to read floating point numbers accurately, 1990).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import IO, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tuiml.data.own.blocks import Block, Layout
from tuiml.data.own.cells import BLANKS

CHUNK = 1 << 17
DIGITS = 15
WIDTH = DIGITS + 1
_NO_POINT = 31
_POWERS = 10.0 ** np.arange(DIGITS + 1)
_OTHER, _DIGIT, _END, _POINT = range(4)
Array = NDArray[Any]


def clean_blocks(file: IO[bytes], layout: Layout) -> Iterator[Block | None]:
    """The rows below the header, as long as the text is clean, and ``None`` once all of it was.

    Clean is UTF-8 with as many cells in each row, and quotation marks around whole cells only.
    """
    rest, header = b"", b""
    kinds = {**dict.fromkeys(b"0123456789", _DIGIT), ord("."): _POINT}
    kinds |= {ord("\n"): _END, ord(layout.separator): _END, ord(layout.quote): _DIGIT}
    signs = bytes(kinds.get(sign, _OTHER) for sign in range(256))
    at_start = True
    while True:
        read = file.read(CHUNK)
        text = rest + read
        if at_start:
            text = text.removeprefix(b"\xef\xbb\xbf")
        cut = text.rfind(b"\n") + 1
        if not read and text:
            text, cut = text + b"\n" * (cut < len(text)), len(text) + (cut < len(text))
        if len(text) > 4 * CHUNK:
            return  # a long line
        text, rest = text[:cut], text[cut:]
        if at_start and layout.header and text:
            line, _, text = text.partition(b"\n")
            header = line.rstrip(b"\r")
            if not _fits(header, layout):
                return
        at_start = at_start and not cut
        if text:
            block = _block(text, layout, signs)
            if block is None or (header and header in text):
                return
            yield block
        if not read:
            yield None
            return


def _fits(header: bytes, layout: Layout) -> bool:
    """Whether the line of the header is one, for itself."""
    try:
        reader = csv.reader(
            [header.decode()], delimiter=layout.separator, quotechar=layout.quote, strict=True
        )
        return len(next(reader, [])) == len(layout.names)
    except (UnicodeDecodeError, csv.Error):
        return False


def _block(text: bytes, layout: Layout, signs: bytes) -> Block | None:
    """Whole lines as a block; ``None`` if they are not clean."""
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    quote, count = layout.quote.encode(), len(layout.names)
    if b"\r" in text or b"\0" in text or (layout.comment and layout.comment.encode() in text):
        return None
    bytes_ = np.frombuffer(text, np.uint8)
    kinds = np.frombuffer(text.translate(signs), np.uint8)
    marks = np.flatnonzero(kinds >= _END)
    index = np.flatnonzero(kinds[marks] == _END)
    ends = marks[index]
    last = bytes_[ends] == ord("\n")
    if len(ends) % count or not last[count - 1 :: count].all() or last.sum() != len(ends) // count:
        return None
    starts = np.concatenate([[0], ends[:-1] + 1])
    if quote in text:
        sign = ord(quote)
        quoted = (ends - starts > 1) & (bytes_[starts] == sign) & (bytes_[ends - 1] == sign)
        if text.count(quote) != 2 * int(quoted.sum()):
            return None
        starts, ends = starts + quoted, ends - quoted
    elif (ends - starts).max() > csv.field_size_limit():
        return None
    try:
        decoded = text.decode()
    except UnicodeDecodeError:
        return None
    before = np.where(index > 0, marks[index - 1], -1)
    point = np.where(before >= starts, before, -1)  # the last one of the cell
    several = np.where(index > 1, marks[index - 2], -1) >= starts
    return CleanBlock(
        text, decoded, count, starts, ends, *_values(bytes_, kinds, starts, ends, point, several)
    )


def _values(
    text: Array, kinds: Array, starts: Array, ends: Array, point: Array, several: Array
) -> tuple[Array, Array, Array]:
    """The numbers of cells, which of them are known, and which have a zero before other digits."""
    first = text[starts]
    negative = first == ord("-")
    signed = negative | (first == ord("+"))
    begin = starts + signed
    width = ends - begin
    pointed = point >= 0
    place = np.where(pointed, point - begin, _NO_POINT)
    digits = width - pointed
    known = (digits > 0) & (digits <= DIGITS) & ~several
    others = np.add.reduceat((kinds == _OTHER).view(np.uint8), starts, dtype=np.uint8)
    known &= others == signed
    values = np.full(len(ends), np.nan)
    windows = sliding_window_view(np.concatenate([text, np.zeros(WIDTH, np.uint8)]), WIDTH)
    alike = np.where(known, width * 32 + place, 0).astype(np.int16)
    order = np.argsort(alike, kind="stable")
    for some in np.split(order, np.flatnonzero(np.diff(alike[order])) + 1):
        wide, at = divmod(int(alike[some[0]]), 32)
        if not wide:
            continue
        places = wide - 1 - at if at < _NO_POINT else 0
        powers = np.zeros(WIDTH)
        powers[:wide][np.arange(wide) != at] = _POWERS[: wide - (at < _NO_POINT)][::-1]
        found = windows[begin[some]] @ powers - ord("0") * powers.sum()
        values[some] = found / _POWERS[places] if places else found
    np.negative(values, out=values, where=negative)
    zeros = known & (text[begin.clip(max=len(text) - 1)] == ord("0")) & (place > 1) & (digits > 1)
    return values, known, zeros


class CleanBlock(Block):
    """A block whose cells are places in a text."""

    def __init__(
        self,
        text: bytes,
        decoded: str,
        count: int,
        starts: Array,
        ends: Array,
        values: Array,
        known: Array,
        zeros: Array,
    ) -> None:
        self._text: bytes | str = decoded if len(decoded) == len(text) else text
        self._starts, self._ends = starts.reshape(-1, count), ends.reshape(-1, count)
        self._values = values.reshape(-1, count)
        self._known = np.logical_and.reduce(known.reshape(-1, count))
        self._zeros = np.logical_or.reduce(zeros.reshape(-1, count))
        self.underscores = b"_" in text

    def __len__(self) -> int:
        return len(self._starts)

    def column(self, index: int) -> Sequence[str]:
        places = zip(self._starts[:, index].tolist(), self._ends[:, index].tolist(), strict=True)
        if isinstance(self._text, str) and " " not in self._text:
            return [self._text[start:end] for start, end in places]
        return [self._cell(start, end) for start, end in places]

    def _cell(self, start: int, end: int) -> str:
        found = self._text[start:end]
        return (found if isinstance(found, str) else found.decode()).lstrip(" ")

    def first(self, count: int) -> list[list[str]]:
        return [
            [self._cell(start, end) for start, end in row]
            for row in np.stack([self._starts[:count], self._ends[:count]], axis=-1).tolist()
        ]

    def last(self, index: int) -> str:
        return self._cell(self._starts[-1, index], self._ends[-1, index]).strip(BLANKS)

    def numbers(self, index: int) -> Any:
        return self._values[:, index] if self._known[index] else super().numbers(index)

    def matrix(self, indices: Sequence[int]) -> Array | None:
        return self._values[:, indices] if self._known[indices].all() else None

    def extent(self, values: Any, whole: bool) -> tuple[float, float, float, bool]:
        if isinstance(values, list):
            return super().extent(values, whole)
        whole = whole and bool((values == np.rint(values)).all())
        return float(values.min()), float(values.max()), float(values.sum()), whole

    def zeros(self, index: int) -> bool:
        return bool(self._zeros[index]) if self._known[index] else super().zeros(index)
