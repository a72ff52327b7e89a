"""The two themes, in the colours of the charts."""

from __future__ import annotations

import os
import sys

from textual.theme import Theme

from tuiml.tui.charts.palette import COLOURS, UNICODE, Look, glyphs

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
.ascii Form, .ascii #library-preview { border-left: ascii $foreground 25%; }
.ascii PickList, .ascii .dialog, .ascii ModalScreen > Vertical { border: ascii $primary; }
"""
"""Of the whole app; where only ASCII arrives, its borders too."""

_GROUND = {
    True: ("#121212", "#1c1c1c", "#2c2c2c", "#e4e4e4"),
    False: ("#fafafa", "#f0f0f0", "#dedede", "#1a1a1a"),
}
"""Background, surface, panel, text: for dark and light."""


def theme(dark: bool) -> Theme:
    """The theme of dark or light backgrounds."""
    shade = 0 if dark else 1
    background, surface, panel, text = _GROUND[dark]
    colour = {name: shades[shade] for name, shades in COLOURS.items()}
    return Theme(
        name=name_of(dark),
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
    """What Textual calls it."""
    return "tuiml-dark" if dark else "tuiml-light"


def look(dark: bool) -> Look:
    """The properties of this terminal that drawings get."""
    encoding = getattr(sys.__stdout__, "encoding", None)
    return Look(colour=not os.environ.get("NO_COLOR"), unicode=glyphs(encoding) is UNICODE, dark=dark)
