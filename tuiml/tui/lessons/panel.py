"""The text of a lesson, beside or below the work; it never takes the focus."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.style import Style

from tuiml.formatting import compact, percent
from tuiml.tui.charts.palette import QUIET, RUNNING, VALIDATION, Look
from tuiml.tui.charts.text import clean, fit, wrap
from tuiml.tui.keys import with_keys
from tuiml.tui.widgets.lines import Lines
from tuiml.tui.widgets.picker import Part

if TYPE_CHECKING:  # what reads lessons is needed only once one is opened
    from tuiml.lessons.lesson import Language
    from tuiml.lessons.progress import Progress

WIDE = 160
"""Width of the app from which on the panel is at the right."""
COLUMN = 44
"""Its width there, with the margin."""
SMALL, LARGE = 5, 7
"""Its rows below the work, on a screen of up to 30 rows and on a higher one."""
WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "step": "step {0} of {1}", "now": "now {0}", "already": "it is so already: {next_step} goes on",
        "skipped": "skipped: {0}",
        "next": "{next_step} skip   {toggle_lesson} hide", "over": "This lesson is done.",
        "another": "{next_step} begins the next one: {0}",
        "last": "It was the last one. {toggle_lesson} hides this.",
    },
    "ko": {
        "step": "{1}단계 중 {0}단계", "now": "지금 {0}", "already": "이미 그렇습니다: {next_step} 다음",
        "skipped": "건너뜀: {0}",
        "next": "{next_step} 건너뛰기   {toggle_lesson} 숨기기", "over": "이 레슨을 마쳤습니다.",
        "another": "{next_step} 다음 레슨 시작: {0}",
        "last": "마지막 레슨이었습니다. {toggle_lesson} 숨기기.",
    },
}  # fmt: skip
INVITATION = "New here? {toggle_lesson} opens the first lesson; {start_pause} trains this network"


class LessonPanel(Lines):
    """Title, text and goal of the step, and what was done before it."""

    DEFAULT_CSS = """
    LessonPanel { display: none; padding: 0 1; background: $surface; }
    """

    def take_place(self, wide: bool, rows: int) -> None:
        """Take the place for a screen: a column at the right, or some rows below."""
        self.styles.width = COLUMN if wide else "1fr"
        self.styles.height = "1fr" if wide else rows


def lesson_lines(
    progress: Progress,
    language: Language,
    width: int,
    rows: int,
    look: Look,
    following: str = "",
    keymap: Mapping[str, str] | None = None,
) -> list[list[Part]]:
    """The panel of a lesson in ``rows`` lines.

    Args:
        following: title of the lesson after it.
        keymap: keys that the user chose.
    """
    keymap, steps = keymap or {}, progress.lesson.steps
    words = {name: with_keys(text, keymap) for name, text in WORDS[language].items()}
    bold, done = look.style(bold=True), look.style(RUNNING, bold=True)
    check, step, count = "✓" if look.unicode else "+", progress.step, len(steps)
    at = words["step"].format(min(progress.at + 1, count), count)
    lines = _heading(progress.lesson.title.of(language), at, width, rows, look)
    goal = steps[progress.at - 1].goal.of(language) if progress.before else ""
    before, style = f"{check} {goal}", done
    if progress.before == "skipped":
        before, style = words["skipped"].replace("{0}", goal), look.style(QUIET)
    if step is None:
        end = words["another"].replace("{0}", following) if following else words["last"]
        last = ([(line, bold)] for line in wrap(f"{words['over']} {end}", width))
        return [*lines, *([[(before, style)]] if goal else []), *last][:rows]
    foot = _foot(progress, language, width, look, check, words)
    told = with_keys(step.text.of(language), keymap)
    text: list[list[Part]] = [[(line, Style())] for line in wrap(told, width)]
    room = rows - len(lines) - len(foot)
    if len(foot[0]) > 1 and _cells(foot[0]) > width:  # beside the title there is room for the number
        lines[0].append(foot[0].pop())
    if goal:
        line: list[Part] = [(f"   {before}", style)]
        if _cells(lines[0] + line) <= width:
            lines[0] += line
        elif len(text) < room:
            text.insert(0, [(fit(before, width, look.glyphs.more), style)])
    lines += text[:room]
    if rows > LARGE:  # a column: the goal follows the text
        return [*lines, [], *foot][:rows]
    return [*lines, *[[]] * (rows - len(lines) - len(foot)), *foot]


def _cells(line: list[Part]) -> int:
    return cell_len("".join(text for text, _ in line))


def _heading(title: str, at: str, width: int, rows: int, look: Look) -> list[list[Part]]:
    """The title and the number of the step: one line, in a column lines of their own."""
    style, quiet = look.style(VALIDATION, bold=True), look.style(QUIET)
    if rows <= LARGE:
        return [[(title, style), (f"   {at}", quiet)]]
    return [*([(line, style)] for line in wrap(title, width)), [(at, quiet)], []]


def _foot(
    progress: Progress, language: Language, width: int, look: Look, check: str, words: dict[str, str]
) -> list[list[Part]]:
    """The goal of the step with the number it is about, and the keys."""
    step = progress.step
    assert step is not None
    quiet, bold = look.style(QUIET), look.style(bold=True)
    numbers = ", ".join(
        percent(value) if condition.is_fraction else compact(value, 3)
        for condition, value in zip(step.done, progress.values, strict=False)
        if not math.isnan(value)
    )
    goal = f"{check if progress.holds else '○' if look.unicode else 'o'} {step.goal.of(language)}"
    now = words["now"].format(numbers) if numbers else ""
    note = words["already"] if progress.holds else now
    parts: list[Part] = [(goal, look.style(RUNNING, bold=True) if progress.holds else bold)]
    if note:
        parts.append((f"   {note}", quiet))
    used, keys = cell_len(clean("".join(text for text, _ in parts), look)), words["next"]
    if used + cell_len(keys) + 3 <= width:
        return [[*parts, (" " * (width - used - cell_len(keys)), quiet), (keys, quiet)]]
    if width < WIDE // 2 - 4:  # a column
        lines: list[list[Part]] = [[(line, style)] for text, style in parts for line in wrap(text, width)]
        return [*lines, [], [(keys, quiet)]]
    return [parts]
