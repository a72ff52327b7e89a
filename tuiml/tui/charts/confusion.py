"""The confusion matrix: a table if there is room, else a list of the most confused pairs of classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len, set_cell_size
from rich.style import Style

from tuiml.formatting import percent
from tuiml.tui.charts.palette import COLOURS, QUIET, TROUBLE, VALIDATION, Look, ground, mixed
from tuiml.tui.charts.text import Line, blank, clean, fit, strip

Table = Sequence[Sequence[int]]
Part = tuple[str, Style]
MARKED = 3
"""How many of the most frequent mistakes are marked."""
WIDEST, TALLEST = 14, 5
"""Cells of an entry of the matrix at most."""
RECALL = 8
"""Width of the column with the recall of each class, which is left out where there is no room for it."""
BAR = 8
"""Cells of the colour bar."""
SHORT = 5
"""Cells below which a name is not cut in the middle: too little of it would be left."""
BOTH = 92
"""Minimum width of the list of pairs with the classes of the lowest recall beside it."""


def confusion(
    counts: Table,
    names: Sequence[str],
    width: int,
    height: int,
    look: Look,
    *,
    fractions: bool = False,
    first: int = 0,
) -> list[Line]:
    """Rows are true classes, columns predicted ones; with ``fractions``, entries are fractions of their row.

    Args:
        first: the first pair of the list, if there is no room for the matrix.
    """
    matrix = Matrix(np.array(counts), names, fractions, look)
    entries = matrix.fitted(width, height)
    if entries:
        return matrix.draw(entries, width)[:height]
    return _list(matrix, width, height, first)


def listed(counts: Table, names: Sequence[str], width: int, height: int, look: Look) -> int:
    """The number of confused pairs if these are listed; 0 if there is room for the matrix."""
    matrix = Matrix(np.array(counts), names, False, look)
    return 0 if matrix.fitted(width, height) else len(matrix.pairs)


class Entries(NamedTuple):
    """The size of the entries of a matrix in cells, with a space before each, and of what stands beside."""

    wide: int
    tall: int
    first: int
    """Width of the names of the rows."""
    recall: int
    """Width of the last column; 0: left out."""


@dataclass(frozen=True)
class Matrix:
    """Counts, (true class, predicted class), and the names of the classes, which are not trusted."""

    counts: NDArray[np.int64]
    names: Sequence[str]
    fractions: bool
    look: Look

    @cached_property
    def labels(self) -> list[str]:
        known = len(self.names)
        return [clean(self.names[i], self.look) if i < known else str(i) for i in range(len(self.counts))]

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """Each count as a fraction of its true class."""
        of_row = self.counts.sum(axis=1, keepdims=True)
        return self.counts / np.where(of_row > 0, of_row, 1)

    @cached_property
    def pairs(self) -> list[tuple[int, int]]:
        """The confused pairs, the most frequent first; of equal ones that of the larger part of its class."""
        wrong = self.counts * (1 - np.eye(len(self.counts), dtype=np.int64))
        order = np.lexsort((-self.shares.ravel(), -wrong.ravel()))[: np.count_nonzero(wrong)].tolist()
        return [divmod(place, len(self.counts)) for place in order]

    @cached_property
    def texts(self) -> list[list[str]]:
        """The entries, the most frequent mistakes with a sign."""
        marked = set(self.pairs[:MARKED])
        texts = []
        for i, row in enumerate(self.counts.tolist()):
            shown = [percent(self.shares[i, j], 0) if self.fractions else f"{n:,}" for j, n in enumerate(row)]
            signs = [self.look.glyphs.up if (i, j) in marked else "" for j in range(len(row))]
            pairs = zip(row, signs, shown, strict=True)
            texts.append([sign + text if n else self.look.glyphs.missing for n, sign, text in pairs])
        return texts

    @cached_property
    def precision(self) -> list[str]:
        of_column = self.counts.sum(axis=0).tolist()
        right = self.counts.diagonal().tolist()
        missing = self.look.glyphs.missing
        return [percent(a / n if n else None, 0, missing) for a, n in zip(right, of_column, strict=True)]

    def fitted(self, width: int, height: int) -> Entries | None:
        """The sizes that fill ``width`` × ``height`` cells; None if there is no room for the matrix."""
        n = len(self.counts)
        if not n:
            return None
        name = max(map(cell_len, self.labels))
        texts = [*(text for row in self.texts for text in row), *(p.rstrip(" %") for p in self.precision)]
        least = 1 + max(min(3, name), *map(len, texts))
        first = 1 + max(9, min(name, width // 3, max(width // 4, width - least * n - RECALL - 1)))
        recall = RECALL if first + least * n + RECALL <= width else 0
        wide, tall = (width - first - recall) // n, (height - 3) // n
        if wide < least or tall < 1:
            return None
        wide = min(wide, max(least, 8, 2 + name, WIDEST if n <= 4 else 0))
        return Entries(wide, max(1, min(tall, TALLEST, wide // 3)), first, recall)

    def draw(self, size: Entries, width: int) -> list[Line]:
        """The matrix with its axes, recall and precision."""
        quiet, plain = self.look.style(QUIET), self.look.style()
        heads = distinct(self.labels, size.wide - 1, self.look.glyphs.more)
        names: list[Part] = [(" " * size.first, quiet), *((_right(head, size.wide), plain) for head in heads)]
        lines = [self._axes(size.first, width), [*names, (_right("recall", size.recall), quiet)]]
        for i, label in enumerate(self._row_names(heads, size.first - 1)):
            lines += self._row(i, label, size)
        narrow = max(map(len, self.precision)) >= size.wide
        short = [text.rstrip(" %") if narrow else text for text in self.precision]
        title = "prec. %" if narrow else "precision"
        last: list[Part] = [(f"{title:<{size.first}}", quiet)]
        last += [(_right(text, size.wide), quiet) for text in short]
        return [strip(line, width) for line in [*lines, last]]

    def _row_names(self, heads: Sequence[str], width: int) -> list[str]:
        """The names of the rows in ``width`` cells, with their numbers where the columns have only these."""
        more, numbers = self.look.glyphs.more, [str(i) for i in range(len(heads))]
        if heads != numbers or heads == self.labels:
            return distinct(self.labels, width, more)
        names = distinct(self.labels, width - len(numbers[-1]) - 1, more)
        return [
            name if name == number else f"{number} {name}"
            for number, name in zip(numbers, names, strict=True)
        ]

    def _axes(self, first: int, width: int) -> list[Part]:
        """What the rows and the columns are, and the scale of the colours."""
        look, quiet = self.look, self.look.style(QUIET)
        down, right = ("↓", "→") if look.unicode else ("v", ">")
        parts = [(f"{'true ' + down:<{first}} predicted {right}", look.style(bold=True))]
        if look.colour and look.unicode and width - first >= 72:
            for word, correct in (("   right", True), ("   wrong", False)):
                shades = [_shade(k / (BAR - 1), correct, look) for k in range(BAR)]
                parts += [
                    (f"{word} 0 ", quiet),
                    *(("█", Style(color=shade)) for shade in shades),
                    (" 100 %", quiet),
                ]
            parts.append((" of the true class", quiet))
        return parts

    def _row(self, i: int, name: str, size: Entries) -> list[list[Part]]:
        look, n = self.look, int(self.counts[i].sum())
        recall = percent(self.shares[i, i] if n else None, 1, look.glyphs.missing) if size.recall else ""
        lines = []
        for line in range(size.tall):
            middle = line == (size.tall - 1) // 2
            label = fit(name, size.first)
            parts: list[Part] = [(label if middle else " " * size.first, look.style())]
            for j, text in enumerate(self.texts[i]):
                shown = text + " " * (size.tall > 1) if middle else ""
                parts.append((_right(shown, size.wide), self._style(i, j)))
            lines.append([*parts, (_right(recall if middle else "", size.recall), look.style(QUIET))])
        return lines

    def _style(self, i: int, j: int) -> Style:
        look, wrong = self.look, i != j
        if not self.counts[i, j]:
            return look.style(QUIET)
        if not look.colour:
            return look.style(bold=wrong)
        shade = _shade(float(self.shares[i, j]), not wrong, look)
        return Style(color="#ffffff" if look.dark else "#000000", bgcolor=shade, bold=wrong or None)


def _shade(share: float, right: bool, look: Look) -> str:
    """The colour behind an entry; stronger for a larger fraction of the true class."""
    name = "blue" if right else VALIDATION
    strength = 0.08 + 0.52 * (share if right else min(1.0, share) ** 0.5)
    return mixed(ground(look.dark), COLOURS[name][0 if look.dark else 1], round(strength, 2))


def distinct(labels: Sequence[str], width: int, more: str) -> list[str]:
    """Labels cut to ``width`` cells so that they still differ: at the end, without what all begin with, or in
    the middle; else numbers."""
    first, last = min(labels), max(labels)  # what these two begin with, all do
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), 0)
    inner = [label[same:] for label in labels]
    ends = [fit(label, width, more).strip() for label in labels]
    for cut in (
        ends,
        [fit(label, width, more).strip() for label in inner],
        [
            end if ends.count(end) == 1 else _without_middle(label, width // 2, width, more)
            for label, end in zip(labels, ends, strict=True)
        ],
        *([_without_middle(name, width // 2, width, more) for name in names] for names in (labels, inner)),
    ):
        if len(set(cut)) == len(cut) and all(cut):
            return cut
    return [str(i) for i in range(len(labels))]


def _without_middle(label: str, before: int, width: int, more: str) -> str:
    """A label in ``width`` cells: so many of its start, and as much of its end as there is room for."""
    if cell_len(label) <= width or width < SHORT:
        return fit(label, width, more).strip()
    start = set_cell_size(label, before).rstrip() + more
    end = next((label[i:] for i in range(len(label)) if cell_len(start + label[i:]) <= width), "")
    return start + end


def _right(text: str, width: int) -> str:
    return " " * (width - cell_len(text)) + text if width else ""


def _list(matrix: Matrix, width: int, height: int, first: int) -> list[Line]:
    """The most confused pairs, one per line, and what is not shown."""
    look = matrix.look
    quiet = look.style(QUIET)
    if not matrix.pairs:
        return [strip([("no mistakes", quiet)], width)]
    recall = _recalls(matrix, height, look) if width >= BOTH else []
    left = width - max(map(len, (text for text, _ in recall)), default=0) - 3 if recall else width
    rows = _pairs(matrix, left, max(1, height - 2) if height > 3 else height, first)
    if height > 3:
        arrow = "→" if look.unicode else ">"
        rows.insert(
            0,
            [
                (
                    f"  true {arrow} predicted, the most confused of {len(matrix.counts)} classes",
                    look.style(bold=True),
                )
            ],
        )
        rows.append([(fit(_left_out(matrix, first, len(rows) - 1), left, look.glyphs.more), quiet)])
    lines = []
    for k in range(max(len(rows), len(recall))):
        line = strip(rows[k] if k < len(rows) else [], left)
        beside = [("   ", quiet), recall[k]] if k < len(recall) else []
        lines.append(strip([*((s.text, s.style or quiet) for s in line), *beside], width))
    return lines[:height] or [blank(width)]


def _pairs(matrix: Matrix, width: int, count: int, first: int) -> list[list[Part]]:
    """Target, prediction, count, and fraction of the class."""
    look = matrix.look
    arrow = "→" if look.unicode else ">"
    longest = min(max(map(cell_len, matrix.labels)), max(3, (width - (38 if width >= 44 else 25)) // 2))
    rows: list[list[Part]] = []
    names = distinct(matrix.labels, longest, look.glyphs.more)
    for rank, (i, j) in enumerate(matrix.pairs[first : first + count], first):
        one, two = (fit(names[k], longest) for k in (i, j))
        marked = rank < MARKED
        style = look.style(TROUBLE if marked else "", bold=marked)
        share = percent(matrix.shares[i, j], 1)
        head = f"{look.glyphs.up if marked else ' '} {one} {arrow} {two} {matrix.counts[i, j]:>7,}"
        rows.append(
            [(head, style), (f"  {share:>7}{' of its class' if width >= 44 else ''}", look.style(QUIET))]
        )
    return rows


def _left_out(matrix: Matrix, first: int, shown: int) -> str:
    """What the list does not show."""
    total = int(matrix.counts.sum() - np.trace(matrix.counts))
    others = [pair for k, pair in enumerate(matrix.pairs) if not first <= k < first + shown]
    if not others:
        return f"  these are all {total:,} mistakes"
    missing = sum(int(matrix.counts[pair]) for pair in others)
    return f"  not shown: {len(others):,} more pairs, {missing:,} of {total:,} mistakes"


def _recalls(matrix: Matrix, height: int, look: Look) -> list[Part]:
    """The classes with the lowest recall, one per line."""
    of_class = matrix.counts.sum(axis=1)
    known = [i for i in np.argsort(matrix.shares.diagonal(), kind="stable").tolist() if of_class[i]]
    longest = min(24, max(map(cell_len, matrix.labels)))
    names = distinct(matrix.labels, longest, look.glyphs.more)
    rows: list[Part] = [("lowest recall", look.style(bold=True))]
    for i in known[: max(0, height - 2)]:
        name = fit(names[i], longest)
        share = percent(float(matrix.shares[i, i]), 1)
        rows.append((f"{name} {share:>7} of {of_class[i]:,}", look.style()))
    if len(known) > len(rows) - 1:
        rows.append((f"{len(known) - len(rows) + 1} more classes", look.style(QUIET)))
    return rows
