"""Charts and the whole screen as SVG, in files that load nothing from elsewhere."""

from __future__ import annotations

import io
from collections.abc import Iterable
from html import escape
from pathlib import Path

from rich.color import Color
from rich.console import Console
from rich.segment import Segment
from rich.terminal_theme import TerminalTheme
from textual.app import App

from tuiml.files import home, write_whole
from tuiml.runs.folder_names import fitting
from tuiml.tui.chart_views.chart import ChartView
from tuiml.tui.charts.palette import ground
from tuiml.tui.study.screen import StudyScreen
from tuiml.tui.train.screen import Train
from tuiml.tui.widgets.chart_view import View, look_of, on_screen

FORMAT = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {terminal_width} {terminal_height}">
<title>%s</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>{lines}</defs>
<rect width="{terminal_width}" height="{terminal_height}" fill="%s"/>
<g clip-path="url(#{unique_id}-clip-terminal)">{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""
"""Rich's own loads fonts from a server and draws a window."""


def svg(lines: Iterable[Iterable[Segment]], width: int, title: str, background: str, text: str) -> str:
    """Lines of ``width`` cells as SVG; ``background`` and ``text`` are the colours where none is given."""
    console = Console(
        width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor", record=True,
        legacy_windows=False,
    )  # fmt: skip
    for line in lines:
        for segment in line:
            if not segment.control:
                console.print(segment.text, style=segment.style, end="", markup=False, highlight=False)
        console.print(end="\n")
    ground, ink = Color.parse(background).get_truecolor(), Color.parse(text).get_truecolor()
    theme = TerminalTheme(ground, ink, [(0, 0, 0)] * 8, None)
    head = escape(title).replace("{", "{{").replace("}", "}}")
    return console.export_svg(theme=theme, code_format=FORMAT % (head, background), unique_id="tuiml")


def chart_on(app: App[int]) -> tuple[View, str] | None:
    """The selected chart, and what is drawn in it: the focused one, the enlarged one or the first."""
    within = app.focused.ancestors_with_self if app.focused else ()
    focused = next((widget for widget in within if isinstance(widget, ChartView)), None)
    if focused and on_screen(focused):
        return focused, focused.title
    train, study = app.query_one(Train), app.query_one(StudyScreen)
    if train.is_current:
        view = train.charts.slots[0].view
        return view, view.title
    return (study.view, study.chart) if study.is_current and on_screen(study.view) else None


def save_chart(app: App[int], view: View, title: str, of: str) -> Path:
    """Write a chart as SVG, with what it is of; its path.

    Raises:
        OSError: it could not be written.
    """
    look = look_of(view)
    head = [Segment(of[: view.size.width], look.style(bold=True))]
    drawing: list[Iterable[Segment]] = [head, *view.lines]
    lines = [[Segment(" "), *line] for line in drawing]
    return _save(app, lines, view.size.width + 2, f"{of}: {title}", f"{of}-{title}")


def save_screen(app: App[int], of: str) -> Path:
    """Write what is on the screen as SVG; its path.

    Raises:
        OSError: it could not be written.
    """
    lines = app.screen._compositor.render_strips()
    return _save(app, lines, app.size.width, f"tuiml: {of}", f"{of}-screen")


def _save(app: App[int], lines: Iterable[Iterable[Segment]], width: int, title: str, name: str) -> Path:
    look = look_of(app.screen)
    colours = app.theme_variables
    background = look.background or ground(look.dark)
    text = colours.get("foreground", "")
    text = text if text.startswith("#") else "#e0e0e0" if look.dark else "#1a1a1a"
    path = _unused(home() / "pictures", fitting(name))
    write_whole(path, svg(lines, width, title, background, text))
    return path


def _unused(folder: Path, name: str) -> Path:
    path, number = folder / f"{name}.svg", 1
    while path.exists():
        number += 1
        path = folder / f"{name}-{number}.svg"
    return path
