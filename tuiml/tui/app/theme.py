"""The themes: three in the colours of the charts, and Textual's."""

from __future__ import annotations

import os
import sys
from typing import ClassVar

from textual.app import App
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.theme import Theme

from tuiml.registry import closest, short
from tuiml.tui.charts.palette import COLOURS, FEW_ON_LIGHT, UNICODE, Look, glyphs

CSS = """
ContentSwitcher { height: 1fr; width: 1fr; }
#work { height: 1fr; width: 1fr; layout: vertical; }
#work.-wide { layout: horizontal; }
* {
    scrollbar-color: $foreground 25%;
    scrollbar-color-hover: $foreground 40%;
    scrollbar-color-active: $primary;
    scrollbar-background: $background;
    scrollbar-background-hover: $background;
    scrollbar-background-active: $background;
}
.contrast * { scrollbar-color: $foreground; scrollbar-color-hover: $foreground; }
.ascii Build #side, .ascii Preview { border-left: ascii $foreground 25%; }
.ascii Library.-runs Preview { border-left: none; border-top: ascii $foreground 25%; }
.ascii Build.narrow #side, .ascii Library.-narrow Preview { border: none; }
.ascii PickList, .ascii ValueList, .ascii DiagnosisView, .ascii .dialog, .ascii ModalScreen > Vertical {
    border: ascii $primary;
}
.ascii .dialog > Input { border: ascii $foreground 40%; &:focus { border: ascii $primary; } }
"""
"""Of the whole app; where only ASCII arrives, its borders too."""

DARK, LIGHT, CONTRAST = "tuiml-dark", "tuiml-light", "tuiml-contrast"
_GROUND = {
    DARK: ("#121212", "#1c1c1c", "#2c2c2c", "#e4e4e4"),
    LIGHT: ("#fafafa", "#f0f0f0", "#e4e4e4", "#1a1a1a"),
    CONTRAST: ("#000000", "#000000", "#2c2c2c", "#ffffff"),
}
"""Background, surface, panel, text."""
_FEW_PANEL = {DARK: "#0000aa", LIGHT: "#aaaaaa", CONTRAST: "#0000aa"}
"""The panel where the terminal has 16 colours: text can be read on it, as it cannot on its dark grey."""


class AsciiScrollBar(ScrollBarRender):
    """A scroll bar whose ends are whole cells."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "]
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "]


def theme(name: str, few: bool = False) -> Theme:
    """One of our own themes; ``few``: for a terminal with 16 colours."""
    dark = name != LIGHT
    background, surface, panel, text = _GROUND[name]
    panel = _FEW_PANEL[name] if few else panel
    colour = {word: shades[0 if dark else 1] for word, shades in COLOURS.items()}
    if few and not dark:
        colour = FEW_ON_LIGHT
    return Theme(
        name=name,
        primary=colour["blue"],
        secondary=colour["indigo"],
        accent=colour["blue"],
        success=colour["green"],
        warning=colour["orange"],
        error=colour["red"],
        foreground=text,
        background=background,
        surface=surface,
        panel=panel,
        dark=dark,
    )


def name_of(dark: bool) -> str:
    """Our own theme for dark or light backgrounds."""
    return DARK if dark else LIGHT


def register(app: App[int]) -> None:
    """Add our own themes to Textual's."""
    for name in _GROUND:
        app.register_theme(theme(name, has_few(app)))


def has_few(app: App[int]) -> bool:
    """True if the terminal has 16 colours."""
    return app.console.color_system in ("standard", "windows")


def names(app: App[int]) -> list[str]:
    """The names of all themes, our own first."""
    return [*_GROUND, *sorted(set(app.available_themes) - set(_GROUND))]


def wanted(app: App[int], written: str, remembered: str, dark: bool) -> tuple[str, str]:
    """The theme to start with, and why it is not the one that is written in the settings file.

    Args:
        written: what the settings file says.
        remembered: the theme when the app was left, if it is known.
        dark: whether that one was dark.
    """
    known = names(app)
    usual = remembered if remembered in known else name_of(dark)
    if written == "auto":
        return usual, ""
    if written in known:
        return written, ""
    near = closest(written, known)
    hint = f"did you mean '{near}'?" if near else "ctrl+p, 'theme', lists them"
    return usual, f"settings.toml: there is no theme {short(written)}; {hint}"


def show(app: App[int], name: str) -> Look:
    """Show a theme; returns how things are drawn in it."""
    app.theme = name
    found = look(app.current_theme, has_few(app))
    app.set_class(not found.unicode, "ascii")
    ScrollBar.renderer = ScrollBarRender if found.unicode else AsciiScrollBar
    app.set_class(found.contrast, "contrast")
    return found


def look(theme: Theme, few: bool = False) -> Look:
    """The properties of this terminal that drawings get; ``few``: it has 16 colours."""
    encoding = getattr(sys.__stdout__, "encoding", None)
    background = theme.background or ""
    return Look(
        colour=not os.environ.get("NO_COLOR"),
        unicode=glyphs(encoding) is UNICODE,
        dark=theme.dark,
        contrast=theme.name == CONTRAST,
        background=background if background.startswith("#") else "",
        few=few,
    )
