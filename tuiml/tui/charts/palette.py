"""Colours, glyphs and styles for this terminal.

The colours are those of Okabe and Ito (2008), which people with a colour vision deficiency can distinguish,
in a shade for dark and one for light backgrounds. Nothing is shown by colour alone; NO_COLOR leaves shapes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from rich.color import Color
from rich.style import Style

COLOURS: dict[str, tuple[str, str]] = {
    "blue": ("#56b4e9", "#006ba8"),
    "orange": ("#e69f00", "#985600"),
    "green": ("#1fc191", "#007454"),
    "purple": ("#cc79a7", "#9a4577"),
    "yellow": ("#f0e442", "#706800"),
    "indigo": ("#8f9bff", "#3f4bb5"),
    "red": ("#ff6e3a", "#b04300"),
    "quiet": ("#989898", "#606060"),
}
"""Colours by name, on a dark and on a light background. Indigo replaces Okabe and Ito's black."""

FEW_ON_LIGHT = {
    "blue": "#0000aa", "orange": "#aa00aa", "green": "#0000aa", "purple": "#aa00aa", "yellow": "#000000",
    "indigo": "#5555ff", "red": "#aa0000", "quiet": "#000000",
}  # fmt: skip
"""The same on a light background where the terminal has 16: of those the ones that can be read there."""

TRAIN, VALIDATION, RUNNING, TROUBLE, QUIET = "blue", "orange", "green", "red", "quiet"
VARIED = "purple"
"""Of what a study varies."""

LAYER_COLOURS = ("green", "purple", "blue", "yellow", "orange", "indigo")
"""Colours of layers: without the colour of trouble."""

HEAT = ("#00204d", "#243767", "#4a526c", "#6b6d73", "#8e8a76", "#b3a871", "#dac95c", "#ffea46")
"""Shades of a heat map, low to high on dark, reversed on light: cividis (Nuñez et al., 2018)."""


def layer_colour(index: int) -> str:
    """The colour name of layer ``index``, the same in the table and in all charts."""
    return LAYER_COLOURS[index % len(LAYER_COLOURS)]


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Characters one cell wide. ``bars`` and ``shades`` go from nothing to full."""

    bars: str
    shades: str
    vertical: str
    horizontal: str
    corner: str
    tick: str
    """On a vertical axis, beside its label."""
    notch: str
    """On a horizontal axis, above its label."""
    up: str
    down: str
    left: str
    right: str
    dot: str
    missing: str
    upper: str
    """The upper half of a cell; empty if it cannot be drawn."""
    lower: str
    done: str
    """A filled cell of a progress bar, and an empty one."""
    ahead: str
    solid: str
    """Samples of curves, two cells each."""
    dashed: str
    dotted: str
    more: str
    varied: str
    """Beside a setting that a study varies, and a configuration that is marked."""


UNICODE = Glyphs(
    bars=" ▁▂▃▄▅▆▇█", shades=" ░▒▓█", vertical="│", horizontal="─", corner="└", tick="┤", notch="┬",
    up="▲", down="▼", left="◀", right="▶", dot="●", missing="·", upper="▀", lower="▄", done="▰", ahead="▱",
    solid="──", dashed="┄┄", dotted="··", more="…", varied="◆",
)  # fmt: skip
ASCII = Glyphs(
    bars=" .:-=+*#", shades=" .:*#", vertical="|", horizontal="-", corner="+", tick="+", notch="+",
    up="^", down="v", left="<", right=">", dot="*", missing="-", upper="", lower="", done="#", ahead="-",
    solid="**", dashed="oo", dotted="++", more="~", varied="%",
)  # fmt: skip


def glyphs(encoding: str | None) -> Glyphs:
    """The glyphs for output in ``encoding``; ASCII if it is unknown."""
    try:
        for text in (*(getattr(UNICODE, name) for name in Glyphs.__slots__), "⣿"):
            text.encode(encoding or "ascii")
    except (UnicodeError, LookupError):
        return ASCII
    return UNICODE


@dataclass(frozen=True, slots=True)
class Look:
    """What the terminal can show; every drawing gets it.

    Args:
        colour: False under NO_COLOR; then only faint, bold and shapes are used.
        unicode: False if the terminal shows only ASCII.
        dark: whether the background is dark.
        contrast: True if nothing may be dim.
        background: its colour, ``#rrggbb``; empty if it is that of :func:`ground`.
        few: True if the terminal has 16 colours.
    """

    colour: bool = True
    unicode: bool = True
    dark: bool = True
    contrast: bool = False
    background: str = ""
    few: bool = False

    @property
    def glyphs(self) -> Glyphs:
        return UNICODE if self.unicode else ASCII

    def pointer(self, focused: bool = True) -> str:
        """The mark of the current row, hollow where keys go elsewhere."""
        return ("▸" if focused else "▹") if self.unicode else (">" if focused else "-")

    def style(self, name: str = "", *, faint: bool = False, bold: bool = False) -> Style:
        """A cached style; for an unknown or empty ``name`` the terminal's own colour.

        ``faint`` mixes the colour into the background: the dim attribute is missing on some terminals.
        """
        if self.contrast and name == QUIET:
            name = ""
        return _style(self, name, faint, bold)


@lru_cache(256)
def _style(look: Look, name: str, faint: bool, bold: bool) -> Style:
    shades = COLOURS.get(name)
    if look.contrast and not name:
        return Style(bold=bold or None)
    if not look.colour or shades is None:
        return Style(dim=True if faint or name == QUIET else None, bold=bold or None)
    shade = FEW_ON_LIGHT[name] if look.few and not look.dark else shades[0 if look.dark else 1]
    if faint:
        shade = mixed(look.background or ground(look.dark), shade, 0.8 if look.contrast else 0.45)
    return Style(color=shade, bold=bold or None)


def ground(dark: bool) -> str:
    """The colour of level 0."""
    return "#121212" if dark else "#fafafa"


@lru_cache(4096)
def mixed(ground: str, shade: str, part: float) -> str:
    """The mix of ``ground`` (``part`` 0) and ``shade`` (``part`` 1)."""
    a, b = Color.parse(ground).get_truecolor(), Color.parse(shade).get_truecolor()
    red, green, blue = (round(x + (y - x) * part) for x, y in zip(a, b, strict=True))
    return f"#{red:02x}{green:02x}{blue:02x}"


@lru_cache(512)
def heat_style(upper: int, lower: int, dark: bool) -> Style:
    """The style of a cell whose halves have levels 0 (nothing) to ``len(HEAT)``.

    The foreground is the upper half, or the lower one, without background, if the upper has level 0.
    """
    ramp = HEAT if dark else HEAT[::-1]
    if upper and lower:
        return Style(color=ramp[upper - 1], bgcolor=ramp[lower - 1])
    return Style(color=ramp[max(upper, lower) - 1]) if upper or lower else Style()
