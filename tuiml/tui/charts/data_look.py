"""A look at a data set: images with their labels, points, the distribution of columns, class balance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from tuiml.formatting import compact, limits_text
from tuiml.tui.charts.bars import mini
from tuiml.tui.charts.palette import QUIET, TRAIN, VALIDATION, Look
from tuiml.tui.charts.pixels import class_colour, class_mark, grey, resized
from tuiml.tui.charts.scatter import Cloud, scatter
from tuiml.tui.charts.text import Line, blank, clean, fit, strip
from tuiml.tui.charts.tiles import layout, tiles

GAP = 2
MANY = (5, 3, 1)
"""Images that are wanted, as long as they are legible."""
LEGIBLE = 10
"""Pixels of the height of an image that is legible, or fewer if it has no more."""
NAMES = 14
"""Cells of a name, at most."""


def image_tiles(
    images: Sequence[bytes],
    captions: Sequence[str],
    size: tuple[int, int],
    width: int,
    height: int,
    look: Look,
) -> list[Line]:
    """Images of 0 to 255 with captions, as many as fit: large enough to be recognized first, then many."""
    texts = [clean(caption, look) for caption in captions]
    least = min(10, max(map(cell_len, texts), default=1))
    for wanted in MANY if max(size) > 16 else (10, *MANY):
        plan = layout(size, width, height, least=least, wanted=wanted, largest=2.0)
        if plan.height >= min(size[0], LEGIBLE):
            break
    if not plan.count:
        return []
    shown = []
    for pixels, text in zip(images[: plan.count], texts, strict=False):
        image = np.frombuffer(pixels, np.uint8).reshape(size) / 255.0
        rows = grey(resized(image, plan.height, plan.width), look)
        shown.append((rows, [(text, look.style())]))
    return tiles(shown, plan, width, height, look.glyphs.more)


def class_points(
    x: Sequence[float], y: Sequence[float], labels: Sequence[int], names: Sequence[str],
    axes: tuple[str, str], width: int, height: int, look: Look,
) -> list[Line]:  # fmt: skip
    """Points of a plane with the mark and colour of their class, and below them a legend."""
    rows = height - 1
    if width < 4 or rows < 2 or not len(x):
        return []
    limits = [(float(np.min(values)), float(np.max(values))) for values in (x, y)]
    across, up = (
        np.clip((np.asarray(values) - low) / ((high - low) or 1.0), 0, 1)
        for values, (low, high) in zip((x, y), limits, strict=True)
    )
    grid: list[list[int | None]] = [[None] * width for _ in range(rows)]
    places = zip(
        np.rint((1 - up) * (rows - 1)).astype(int).tolist(),
        np.rint(across * (width - 1)).astype(int).tolist(),
        labels,
        strict=False,
    )
    for row, column, label in places:
        grid[row][column] = label
    marks: dict[int | None, Segment] = {label: _mark(label, look) for label in set(labels)}
    marks[None] = Segment(" ", Style())
    lines = [Line(list(Segment.simplify(marks[cell] for cell in row)), width) for row in grid]
    parts = [
        (f"{class_mark(label, look)} {clean(names[label], look)}  ", look.style(class_colour(label)))
        for label in sorted(set(labels))
        if label < len(names)
    ]
    dots = look.glyphs.more if look.unicode else ".."
    for name, (low, high) in zip(axes, limits, strict=True):
        first, last = limits_text(low, high)
        parts.append((f"{clean(name, look)} {first}{dots}{last}  ", look.style(QUIET)))
    return [*lines, strip(parts, width)]


def _mark(label: int, look: Look) -> Segment:
    return Segment(class_mark(label, look), look.style(class_colour(label)))


def against_target(
    x: Sequence[float], y: Sequence[float], names: tuple[str, str], width: int, height: int, look: Look
) -> list[Line]:
    """The target over one column, as points."""
    if height < 4:
        return []
    cloud = Cloud(np.asarray(x), np.asarray(y), TRAIN, sign="*")
    body = scatter([cloud], width, height - 1, look, x_label=clean(names[0], look))
    return [strip([(clean(names[1], look), look.style(QUIET))], width), *body]


def most_correlated(columns: Sequence[Sequence[float]], target: Sequence[float]) -> int:
    """The column whose values correlate most with the target's (Pearson); constant ones do not."""
    other = np.asarray(target) - np.mean(target)
    best, found = 0.0, 0
    for index, column in enumerate(columns):
        values = np.asarray(column) - np.mean(column)
        scale = float(np.sqrt((values**2).sum() * (other**2).sum()))
        strength = abs(float(values @ other)) / scale if scale > 0 and np.isfinite(scale) else 0.0
        if strength > best:
            best, found = strength, index
    return found


def column_lines(columns: Sequence[tuple[str, Any, bool]], width: int, height: int, look: Look) -> list[Line]:
    """A line for each column: name, lowest value, histogram, highest value.

    Args:
        columns: name, sample (``low``, ``high``, ``counts``), and whether it is the target.
    """
    if not columns or width < 20:
        return []
    names = [clean(name, look) for name, _, _ in columns]
    lead = min(NAMES, max(map(cell_len, names)))
    ends = [limits_text(column.low, column.high) for _, column, _ in columns]
    low, high = (max(cell_len(pair[i]) for pair in ends) for i in (0, 1))
    room = max(4, min(48, width - lead - low - high - 4))
    cut = len(columns) > height
    lines = []
    for name, pair, (_, column, target) in zip(names, ends, columns[: height - cut], strict=False):
        lines.append(
            strip(
                [
                    (fit(name, lead, look.glyphs.more) + " ", look.style(bold=target)),
                    (f"{pair[0]:>{low}} ", look.style(QUIET)),
                    (mini(column.counts, room, look=look), look.style(VALIDATION if target else TRAIN)),
                    (f" {pair[1]}", look.style(QUIET)),
                ],
                width,
            )
        )
    if cut:
        lines.append(strip([(f"and {len(columns) - len(lines)} more", look.style(QUIET))], width))
    return lines


def class_bars(
    names: Sequence[str], counts: Sequence[int], width: int, height: int, look: Look
) -> list[Line]:
    """The number of examples of each class as bars, in as many columns as are needed."""
    if not counts or height < 1 or width < 16:
        return []
    texts = [clean(name, look) for name in names[: len(counts)]]
    lead = min(NAMES, max(map(cell_len, texts), default=1))
    figures = max(len(f"{count:,}") for count in counts)
    across = min(-(-len(counts) // height), max(1, (width + GAP) // (lead + figures + 6 + GAP)))
    each = (width + GAP) // across - GAP
    room = max(1, min(40, each - lead - figures - 2))
    rows, top = min(height, -(-len(counts) // across)), max(counts) or 1
    lines = []
    for row in range(rows):
        parts: list[tuple[str, Style]] = []
        for index in range(row, min(len(counts), rows * across), rows):
            bar = look.glyphs.bars[-1] * max(1 if counts[index] else 0, round(room * counts[index] / top))
            text = f" {counts[index]:,}"
            parts += [
                (fit(texts[index], lead, look.glyphs.more) + " ", look.style()),
                (bar, look.style(class_colour(index))),
                (fit(text, each - lead - 1 - cell_len(bar)), look.style(QUIET)),
                (" " * GAP, Style()),
            ]
        lines.append(strip(parts, width))
    return lines


def balance_words(counts: Sequence[int]) -> str:
    """How many classes, and how evenly filled: ``10 of 121 to 146 examples``."""
    if not counts:
        return ""
    low, high = min(counts), max(counts)
    each = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    uneven = f", {compact(high / low, 2)} : 1" if low and high > 2 * low else ""
    return f"{len(counts)} of {each} examples{uneven}"


def beside(left: Sequence[Line], right: Sequence[Line], widths: tuple[int, int], height: int) -> list[Line]:
    """Two drawings side by side, with a gap."""
    lines = []
    for y in range(height):
        a = left[y] if y < len(left) else blank(widths[0])
        b = right[y] if y < len(right) else blank(widths[1])
        parts = [*a.resized(widths[0]).segments, Segment(" " * GAP), *b.resized(widths[1]).segments]
        lines.append(Line(parts, sum(widths) + GAP))
    return lines
