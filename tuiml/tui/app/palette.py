"""The palette: every action by its words, and every preset to open."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from textual.app import App
from textual.dom import DOMNode

from tuiml.spec import SpecError
from tuiml.spec.library import PresetFile, bundled, own, own_folder, why_unlisted
from tuiml.text import plain_text
from tuiml.tui.app.bars import label_of
from tuiml.tui.keys import Action, actions, key_word
from tuiml.tui.shell.protocol import Shell
from tuiml.tui.study.charts import available
from tuiml.tui.study.screen import StudyScreen
from tuiml.tui.train.screen import Train
from tuiml.tui.widgets.chooser import Chooser
from tuiml.tui.widgets.picker import Pick

WIDTH = 96
KEYS = 12
"""Cells for the keys of an action, before its help."""
SCREENS = ("any", "build", "train", "library", "study")
FOCUSED = ("field", "row", "pad", "table")
"""Where an action works only while a widget that has it has the focus."""
MOST_OPENABLE = 200


def commands(app: App[Any], shell: Shell) -> Iterator[tuple[Pick, Callable[[], object]]]:
    """What can be done now, the actions of the screen that is shown first; then what can be opened."""
    order = {shell.screen_name: 0, "any": 1}
    rows = [a for a in actions() if a.where in SCREENS or (a.where in FOCUSED and a.shown)]
    for action in sorted(rows, key=lambda a: order.get(a.where, a.where in FOCUSED or 2)):
        node = _node(app, action)
        if node and action.id != "command_palette" and node.check_action(action.id, ()) is True:
            yield _pick(action, node, shell), partial(_run, app, shell, action)
    train = app.query_one(Train)
    for entry in train.charts.choices() if shell.screen_name == "train" else ():
        yield Pick(f"Show the chart: {entry.title}", entry.help), partial(train.charts.show_chart, entry.id)
    trouble = why_unlisted()
    if trouble:
        text = f"your presets: {own_folder()} {trouble}"
        yield Pick("Open: your presets cannot be listed", advice=text), partial(shell.complain, text)
    study = app.query_one(StudyScreen)
    for chart in available(study.model) if shell.screen_name == "study" else ():
        yield Pick(f"Show the chart: {chart.title}", chart.help), partial(study.show_chart, chart.id)
    for listed in shell.lesson.lessons():
        title = plain_text(listed.title(shell.lesson.language))
        yield Pick(f"Lesson: {title}", also=(listed.name,)), partial(shell.lesson.open, listed.name)
    for name, open_it in openable(shell):
        yield Pick(f"Open {plain_text(name)}"), open_it


def _pick(action: Action, node: DOMNode, shell: Shell) -> Pick:
    here = action.where in ("any", shell.screen_name, *FOCUSED)
    where = "" if here else f"{action.where.capitalize()}: "
    return row(action, where, label_of(node, action.id) or action.label, shell.keymap)


def row(action: Action, where: str, label: str, keymap: Mapping[str, str]) -> Pick:
    """The row of an action. What destroys something is found by its own words, never by its help."""
    keys = " ".join(map(key_word, action.keys_in(keymap)[:1]))
    also = (action.label, action.id.replace("_", " "), *action.also)
    searched = ("", "") if action.destructive else (action.title, action.help)
    name = where + label[:1].upper() + label[1:]
    return Pick(name, f"{keys:<{KEYS}}{action.help}", action.help, also, *searched)


def openable(shell: Shell) -> Iterator[tuple[str, Callable[[], None]]]:
    """Names of what can be opened, and how: new presets that were not saved, own ones, bundled ones."""
    for document in shell.drafts:
        if not document.path and not document.origin:
            yield f"{document.name} (new, not saved)", partial(shell.edit, document)
    files: list[PresetFile] = []
    for listed in (own, bundled):
        with contextlib.suppress(OSError):
            files += listed()
    for file in files[:MOST_OPENABLE]:
        yield file.name, partial(_open, shell, file)


def _open(shell: Shell, file: PresetFile) -> None:
    try:
        raw = file.document()
    except SpecError as error:
        shell.complain(f"{file.name}: {error.problems[0]}")
        return
    shell.open_document(
        raw, path=None if file.bundled else file.path, origin=file.name if file.bundled else ""
    )


def _node(app: App[Any], action: Action) -> DOMNode | None:
    """The object that does an action; none if it has not the focus."""
    if action.where in FOCUSED:
        focused = app.screen_stack[0].focused
        nodes = focused.ancestors_with_self if focused else ()
        return next(
            (n for n in nodes if getattr(type(n), f"action_{action.id}", None) is action.method), None
        )
    if action.where != "any":
        return app.query_one(f"#{action.where}")
    main = app.screen_stack[0]
    return main if getattr(type(main), f"action_{action.id}", None) is action.method else app


def _run(app: App[Any], shell: Shell, action: Action) -> None:
    if action.where not in ("any", shell.screen_name, *FOCUSED):
        shell.show_screen(action.where)
    app.call_later(app.run_action, action.id, _node(app, action))


def palette(app: App[Any], shell: Shell) -> tuple[Chooser, Callable[[str | None], None]]:
    """The screen to push, and what to do with its answer."""
    found: dict[str, tuple[Pick, Callable[[], object]]] = {}
    for pick, run in commands(app, shell):
        if pick.name in found:  # two actions of one title
            pick = replace(pick, name=pick.advice.rstrip("."))
        found[pick.name] = (pick, run)

    def answered(name: str | None) -> None:
        if name is not None:
            found[name][1]()

    return Chooser("Actions", [pick for pick, _ in found.values()], width=WIDTH), answered
