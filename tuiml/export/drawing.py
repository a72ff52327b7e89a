"""SVG drawings: curves, bars, scattered points and a matrix. A drawing loads nothing and runs nothing.

Colours are names of a style sheet, so that one drawing suits a light and a dark page; a file of its own has
:data:`STYLE` in it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from tuiml.formatting import compact
from tuiml.text import plain_text

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, BOTTOM, LINE = 56, 14, 34, 16
"""Room beside the axes for numbers, and the height of a line of text."""
LETTER = 6.4
"""Width of a letter of 11 pixels, about."""
MOST_POINTS = 600
MOST_NAMES, NAMED = 16, 6
"""Curves that are all named, and how many are of more."""
COLOURS = ("#2563b8", "#c2571a", "#2c8a57", "#9445a8", "#8a6d00", "#b83258", "#15808c", "#6b7280")
DARK = ("#7db3ff", "#ffa267", "#6fd39b", "#d59be8", "#e0c24c", "#ff8fae", "#66d3de", "#a6b0bf")
_INK = {"ground": ("#ffffff", "#15181d"), "ink": ("#1c2128", "#dde3ea"), "quiet": ("#68717d", "#8f99a6")}
_INK |= {"grid": ("#e3e7ec", "#2b313a"), "hot": ("#2563b8", "#7db3ff")}


def _variables(dark: bool) -> str:
    ink = "".join(f"--{name}:{pair[dark]};" for name, pair in _INK.items())
    return ink + "".join(f"--c{i}:{colour};" for i, colour in enumerate(DARK if dark else COLOURS))


STYLE = (
    f":root{{{_variables(False)}}}"
    f"@media (prefers-color-scheme:dark){{:root{{{_variables(True)}}}}}"
    f"@media print{{:root{{{_variables(False)}}}}}"
    "svg text{font:11px system-ui,sans-serif;fill:var(--quiet)}svg .title{font-size:13px;font-weight:600;"
    "fill:var(--ink)}svg .name{fill:var(--ink)}svg .grid{stroke:var(--grid)}svg .axis{stroke:var(--quiet)}"
    "svg .curve{fill:none;stroke-width:1.8;stroke-linejoin:round}svg .faint{stroke-width:1;opacity:.45}"
    "svg .cell{fill:var(--hot)}svg .on{fill:var(--ground)}svg .off{fill:var(--ink)}"
)
"""The style sheet of drawings."""


@dataclass(frozen=True)
class Curve:
    """A named line through points (x, y)."""

    name: str
    points: Sequence[tuple[float, float]]
    faint: bool = False


def text_of(text: str) -> str:
    """Text that may come from a file, for SVG and HTML."""
    return escape(plain_text(text))


def colour(at: int, count: int) -> str:
    """The colour of one of ``count`` things; of many, hues from the first to the last."""
    if count <= len(COLOURS):
        return f"var(--c{at})"
    return f"hsl({220 - 200 * at / (count - 1):.0f} 65% 52%)"


def figure(title: str, width: float, height: float, parts: Sequence[str]) -> str:
    """A drawing from its parts."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img">'
        f"<title>{text_of(title)}</title>{''.join(parts)}</svg>"
    )


def alone(drawing: str) -> str:
    """A drawing as a file of its own."""
    style = f'<style>{STYLE}</style><rect width="100%" height="100%" fill="var(--ground)"/>'
    head, end, rest = drawing.partition("</title>")
    return f"{head}{end}{style}{rest}\n"


def _label(x: float, y: float, text: str, anchor: str = "start", kind: str = "") -> str:
    kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}>{text_of(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


# -- axes -------------------------------------------------------------------------------------------------


class Axis:
    """Where values lie between two places of a drawing, and which of them get a number."""

    def __init__(self, values: Sequence[float], start: float, end: float, *, log: bool = False) -> None:
        self.log = log
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        if log:
            low, high = 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high))
            high = high if high > low else 10 * low
            decades = round(math.log10(high / low))
            self.ticks = [low * 10.0**i for i in range(0, decades + 1, max(1, math.ceil(decades / 6)))]
        else:
            if high <= low:
                low, high = (0.0, 1.0) if low == 0 else (low - abs(low) / 2, high + abs(low) / 2)
            size = (high - low) / 5
            power = 10.0 ** math.floor(math.log10(size))
            step = next(m * power for m in (1, 2, 5, 10) if m * power >= size * 0.999)
            first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
            self.ticks = [i * step for i in range(first, last + 1)]
            low, high = first * step, last * step
        self.low, self.high, self.start, self.end = low, high, start, end

    def place(self, value: float) -> float:
        """Where a value lies."""
        if self.log:
            fraction = math.log10(max(value, self.low) / self.low) / math.log10(self.high / self.low)
        else:
            fraction = (value - self.low) / (self.high - self.low)
        return self.start + min(1.0, max(0.0, fraction)) * (self.end - self.start)


def _legend(names: Sequence[str], y: float) -> tuple[list[str], float]:
    """The names of curves in their colours, in rows (of many, some are named); where it ends."""
    parts, x, count = [], float(LEFT), len(names)
    shown = range(count) if count <= MOST_NAMES else [i * (count - 1) // (NAMED - 1) for i in range(NAMED)]
    for at in shown:
        width = 24 + LETTER * len(names[at])
        if x + width > WIDTH - RIGHT and x > LEFT:
            x, y = float(LEFT), y + LINE
        parts.append(
            f'<line x1="{x:.0f}" y1="{y - 4:.0f}" x2="{x + 14:.0f}" y2="{y - 4:.0f}" class="curve" '
            f'style="stroke:{colour(at, count)}"/>' + _label(x + 18, y, names[at], kind="name")
        )
        x += width
    return parts, y + 8


def lines(
    title: str,
    curves: Sequence[Curve],
    *,
    x: str = "step",
    log: bool = False,
    dots: Sequence[tuple[float, float]] = (),
) -> str:
    """Curves over a common axis.

    Args:
        x: what the horizontal axis counts.
        log: a logarithmic axis; values that are not above 0 are left out.
        dots: points beside the curves.
    """
    shown = [Curve(c.name, [p for p in _thinned(c.points) if _drawable(p, log)], c.faint) for c in curves]
    named = [curve for curve in shown if not curve.faint]
    legend, top = _legend([curve.name for curve in named], 16 + LINE + 4)
    xs = [px for curve in shown for px, _ in curve.points] + [px for px, _ in dots]
    ys = [py for curve in shown for _, py in curve.points] + [py for _, py in dots]
    across = Axis(xs, LEFT, WIDTH - RIGHT)
    across.low, across.high = (min(xs), max(xs)) if xs and max(xs) > min(xs) else (across.low, across.high)
    up = Axis(ys, HEIGHT - BOTTOM, top, log=log)
    parts = [_label(LEFT, 16, title, kind="title"), *legend]
    for tick in up.ticks:
        parts.append(_line(LEFT, up.place(tick), WIDTH - RIGHT, up.place(tick), "grid"))
        parts.append(_label(LEFT - 6, up.place(tick) + 4, _tick(tick), "end"))
    parts += [
        _label(across.place(tick), HEIGHT - BOTTOM + 14, _tick(tick), "middle")
        for tick in across.ticks
        if across.low <= tick <= across.high
    ]
    parts.append(_line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, "axis"))
    parts.append(_label(WIDTH - RIGHT, HEIGHT - 4, x, "end"))
    parts += [_dot(across.place(px), up.place(py)) for px, py in dots]
    for curve in shown:
        at = next((i for i, one in enumerate(named) if one.name == curve.name), 0)
        parts.append(_path(curve, across, up, colour(at, len(named))))
    return figure(title, WIDTH, HEIGHT, parts)


def _dot(x: float, y: float, fill: str = "") -> str:
    kind = f'style="fill:{fill};stroke:var(--ground)"' if fill else 'class="cell" opacity=".55"'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{3 if fill else 2.2}" {kind}/>'


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most some hundreds of the points, the last one among them."""
    stride = max(1, -(-len(points) // MOST_POINTS))
    return [*points[:-1:stride], *points[-1:]]


def _drawable(point: tuple[float, float], log: bool) -> bool:
    return all(map(math.isfinite, point)) and abs(point[1]) < 1e30 and (not log or point[1] > 1e-30)


def _tick(value: float) -> str:
    """A number beside an axis: as many digits as tell it from the next."""
    return compact(round(value)) if abs(value) >= 1e4 else f"{value:.6g}"


def _path(curve: Curve, across: Axis, up: Axis, stroke: str) -> str:
    places = [f"{across.place(x):.1f},{up.place(y):.1f}" for x, y in curve.points]
    kind = "curve faint" if curve.faint else "curve"
    if len(places) == 1:
        cx, cy = places[0].split(",")
        return f'<circle cx="{cx}" cy="{cy}" r="3" style="fill:{stroke}"/>'
    return f'<polyline points="{" ".join(places)}" class="{kind}" style="stroke:{stroke}"/>'


# -- other drawings ---------------------------------------------------------------------------------------


def bars(counts: Sequence[int], width: float, height: float, x: float = 0, y: float = 0) -> str:
    """The bars of a histogram, without axes."""
    most, each = max(max(counts, default=0), 1), width / max(1, len(counts))
    parts = [
        f'<rect x="{x + at * each:.1f}" y="{y + height * (1 - count / most):.1f}" width="{each:.2f}" '
        f'height="{height * count / most:.1f}" class="cell"/>'
        for at, count in enumerate(counts)
        if count
    ]
    return "".join(parts) + _line(x, y + height, x + width, y + height, "axis")


def histograms(title: str, cells: Sequence[tuple[str, Sequence[int], str, str]]) -> str:
    """Small histograms beside each other: name, counts, and the ends of the axis in words."""
    columns = min(4, max(1, len(cells)))
    each, high = (WIDTH - 20) / columns, 110
    parts = [_label(10, 16, title, kind="title")]
    for at, (name, counts, low, top) in enumerate(cells):
        x, y = 10 + at % columns * each, 30 + at // columns * high
        parts.append(_label(x, y + 10, name, kind="name"))
        parts.append(bars(counts, each - 16, 60, x, y + 18))
        parts.append(_label(x, y + 92, low) + _label(x + each - 16, y + 92, top, "end"))
    return figure(title, WIDTH, 36 + -(-len(cells) // columns) * high, parts)


def points(title: str, found: Sequence[tuple[float, float]], x: str, y: str) -> str:
    """Scattered points, with the diagonal on which both values are the same."""
    values = [value for point in found for value in point]
    across, up = Axis(values, LEFT, 440), Axis(values, HEIGHT + 60 - BOTTOM, 30)
    bottom = HEIGHT + 60 - BOTTOM
    parts = [_label(LEFT, 16, title, kind="title")]
    for tick in up.ticks:
        parts.append(_line(LEFT, up.place(tick), 440, up.place(tick), "grid"))
        parts.append(_label(LEFT - 6, up.place(tick) + 4, _tick(tick), "end"))
        parts.append(_label(across.place(tick), bottom + 14, _tick(tick), "middle"))
    parts.append(_line(LEFT, bottom, 440, 30, "axis"))
    parts += [_dot(across.place(a), up.place(b)) for a, b in found]
    parts += [_label(440, bottom + 30, x, "end"), _label(LEFT + 4, 42, y)]
    return figure(title, 480, HEIGHT + 70, parts)


def plane(
    title: str,
    rows: Sequence[Sequence[tuple[int, float]]],
    found: Sequence[tuple[float, float, int]],
    names: Sequence[str],
    limits: tuple[float, float, float, float],
) -> str:
    """A rectangle whose cells belong to classes, and points of the classes on it.

    Args:
        rows: the class of each cell and how sure that is (0 to 1), the top row first.
        found: points, each with its place from the left and from the bottom (0 to 1), and its class.
        limits: of the rectangle: left, right, bottom, top.
    """
    side, count = 384.0, len(names)
    legend, top = _legend(names, 16 + LINE + 4)
    parts = [_label(LEFT, 16, title, kind="title"), *legend]
    high = side / len(rows)
    for at, row in enumerate(rows):
        wide, start = side / len(row), 0
        for end in range(1, len(row) + 1):
            if end == len(row) or row[end] != row[start]:
                label, sure = row[start]
                parts.append(
                    f'<rect x="{LEFT + start * wide:.1f}" y="{top + at * high:.1f}" '
                    f'width="{(end - start) * wide:.1f}" height="{high:.1f}" shape-rendering="crispEdges" '
                    f'style="fill:{colour(label, count)}" opacity="{0.1 + 0.45 * sure:.2f}"/>'
                )
                start = end
    parts += [_dot(LEFT + fx * side, top + (1 - fy) * side, colour(label, count)) for fx, fy, label in found]
    left, right, bottom, upper = (f"{limit:.3g}" for limit in limits)
    parts += [_label(LEFT - 6, top + 10, upper, "end"), _label(LEFT - 6, top + side, bottom, "end")]
    parts += [_label(LEFT, top + side + 16, left), _label(LEFT + side, top + side + 16, right, "end")]
    return figure(title, LEFT + side + 20, top + side + 24, parts)


SHADED = 30
"""Classes of a matrix whose empty cells are drawn too."""


def _frame(x: float, y: float, side: float) -> str:
    size = f'width="{side:.1f}" height="{side:.1f}"'
    return f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="none" class="axis" opacity=".4"/>'


def matrix(title: str, names: Sequence[str], counts: Sequence[Sequence[int]], rows: str, columns: str) -> str:
    """Counts as a matrix, the darker the larger its fraction of the row."""
    n = len(names)
    side = max(8.0, min(34.0, 520 / max(1, n)))
    words = [name if len(name) <= 14 else name[:13] + "…" for name in names]
    left = 30 + LETTER * max(map(len, words), default=1)
    upright = max(map(len, words), default=1) * LETTER <= side
    top = 44 + (14 if upright else 0)
    parts = [_label(8, 16, title, kind="title"), _label(left, 34, f"{columns} →")]
    for at, word in enumerate(words if side >= 11 else ()):
        middle = side * at + side / 2
        parts.append(_label(left - 6, top + middle + 4, word, "end"))
        if upright:
            parts.append(_label(left + middle, top - 4, word, "middle"))
    for i, row in enumerate(counts):
        total = max(1, sum(row))
        for j, count in enumerate(row):
            if not count and n > SHADED:
                continue
            x, y, part = left + j * side, top + i * side, count / total
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{side - 1:.1f}" height="{side - 1:.1f}" class="cell" '
                f'opacity="{0.04 + 0.96 * part:.2f}"><title>{text_of(f"{names[i]} → {names[j]}: {count:,}")}'
                "</title></rect>"
            )
            if count and side >= 20 and len(str(count)) * LETTER < side:
                kind = "on" if part > 0.5 else "off"
                parts.append(_label(x + side / 2 - 0.5, y + side / 2 + 3.5, f"{count}", "middle", kind))
    parts.append(_frame(left, top, n * side))
    width = max(left + n * side + 8, 8 + LETTER * 1.2 * len(title))
    parts.append(_label(8, top + n * side + 16, f"rows: {rows}"))
    return figure(title, width, top + n * side + 24, parts)
