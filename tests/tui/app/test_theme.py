"""Themes: chosen from a list that shows each, remembered, named in the settings file, readable in all."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from rich.color import Color, ColorSystem
from textual.scrollbar import ScrollBar
from textual.widgets import Input

from tests.tui.bench import Bench
from tests.tui.documents import raw
from tuiml.tui.app import theme
from tuiml.tui.app.app import TuimlApp
from tuiml.tui.charts.palette import COLOURS, ground
from tuiml.tui.model import settings
from tuiml.tui.model.document import Document
from tuiml.tui.model.preferences import Preferences

TEXT = 4.5
"""Contrast that WCAG 2.2 asks of text (1.4.3)."""
LEAST = 3.0
"""And of graphics and of large text (1.4.11)."""


def luminance(colour: str) -> float:
    parts = [part / 255 for part in Color.parse(colour).get_truecolor()]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_scroll_bars_are_ascii_where_only_ascii_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    app = TuimlApp()
    for encoding, plain in (("ascii", True), ("utf-8", False)):
        monkeypatch.setattr(sys, "__stdout__", SimpleNamespace(encoding=encoding))
        theme.show(app, theme.DARK)
        bars = [
            ScrollBar.renderer.render_bar(10, 95, 10, position=at, vertical=upright)
            for at in range(85)
            for upright in (True, False)
        ]
        text = "".join(segment.text for bar in bars for segment in bar.segments)
        assert text.isascii() is plain


def test_the_colours_of_charts_can_be_seen_on_every_theme() -> None:
    app = TuimlApp()
    for name in theme.names(app):
        look = theme.look(app.available_themes[name])
        background = look.background or ground(look.dark)
        for colour in COLOURS:
            shown = look.style(colour).color
            if shown is not None:
                assert contrast(shown.name, background) >= LEAST, (name, colour)


def test_text_in_every_colour_can_be_read_on_our_own_themes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")
    app = TuimlApp()
    theme.register(app)
    for name in (theme.DARK, theme.LIGHT, theme.CONTRAST):
        own = app.available_themes[name]
        for behind in (own.background, own.surface, own.panel):
            for colour in COLOURS:
                shown = theme.look(own).style(colour).color
                if shown is not None:
                    assert contrast(shown.name, str(behind)) >= TEXT, (name, colour, behind)


def test_nothing_is_dim_in_high_contrast() -> None:
    look = theme.look(theme.theme(theme.CONTRAST))
    for colour in ("", *COLOURS):
        for faint in (True, False):
            style = look.style(colour, faint=faint)
            assert not style.dim
            assert style.color is None or contrast(style.color.name, "#000000") >= 4.5


async def test_the_list_shows_each_theme_and_esc_brings_the_first_one_back() -> None:
    async with Bench.opened(Document(raw())) as on:
        await on.press("ctrl+p", *"theme", "enter")
        await on.press(*"solarized li")
        assert on.app.theme == "solarized-light"
        assert not on.app.look.dark
        await on.press("escape")
        assert on.app.theme == "tuiml-dark"
        assert on.app.look.dark


async def test_a_chosen_theme_is_there_at_the_next_start(own_folders: object) -> None:
    async with Bench.opened(Document(raw())) as on:
        await on.press("ctrl+p", *"theme", "enter", *"nord", "enter")
        assert on.app.theme == "nord"
        await on.press("ctrl+q")
    remembered = settings.load()
    assert TuimlApp(None, remembered).theme == "nord"
    assert TuimlApp(None, remembered, preferences=Preferences(theme="tuiml-light")).theme == "tuiml-light"


@pytest.mark.parametrize(("written", "said"), [("nrod", "did you mean 'nord'?"), ("qqqqq", "lists them")])
async def test_a_theme_that_is_none_is_named(written: str, said: str) -> None:
    async with Bench.opened(Document(raw()), preferences=Preferences(theme=written)) as on:
        assert on.app.theme == "tuiml-dark"
        messages = [note.message for note in on.app._notifications]
        assert any(said in text for text in messages), messages


async def test_reduced_motion_moves_nothing() -> None:
    async with Bench.opened(Document(raw()), preferences=Preferences(reduced_motion=True)) as on:
        assert on.app.animation_level == "none"
        await on.press("3", "slash")
        field = on.app.focused
        assert isinstance(field, Input)
        assert not field.cursor_blink


_HEX = (
    "000000 cd0000 00cd00 cdcd00 0000ee cd00cd 00cdcd e5e5e5 "
    "7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff ffffff"
)
XTERM = [f"#{part}" for part in _HEX.split()]
"""The 16 colours as xterm shows them."""


@pytest.mark.parametrize("name", [theme.DARK, theme.LIGHT])
def test_text_is_readable_where_the_terminal_has_16_colours(name: str) -> None:
    def shown(colour: str | None) -> str:
        number = Color.parse(colour or "").downgrade(ColorSystem.STANDARD).number
        return XTERM[number if number is not None else -1]

    ground = theme.theme(name, few=True)
    look = theme.look(ground, few=True)
    for background, words in ((ground.background, COLOURS), (ground.panel, ["quiet"])):
        assert contrast(shown(ground.foreground), shown(background)) >= 4.5
        for word in words:
            style = look.style(word)
            assert style.color is not None
            assert contrast(shown(style.color.name), shown(background)) >= 4.4, (background, word)
