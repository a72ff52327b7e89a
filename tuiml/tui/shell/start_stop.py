"""Starting, pausing and resuming: what the key of the run does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tuiml.spec.problems import Problem
from tuiml.tui.model.problems import where

if TYPE_CHECKING:
    from tuiml.tui.shell.protocol import Shell


def toggle(app: Shell) -> None:
    """Start a run of the document, or pause the one that is on, or resume it.

    On the study's screen, and in Build while settings are marked, it is the study.
    """
    if means_study(app):
        if app.screen_name == "study" or app.study.active:
            app.study.toggle()
        elif app.document.problems:
            refuse(app, app.document.problems)
        else:
            app.study.start(app.document)
        app.renew()
        return
    if not app.client.active:
        start(app)
        return
    if app.client.paused:
        app.client.resume()
    else:
        app.client.pause()
    app.renew()


def means_study(app: Shell) -> bool:
    """True if the key starts or pauses a study rather than a run."""
    if app.screen_name == "study":
        return True
    return app.screen_name == "build" and bool(app.document.marks) and not app.client.active


def start(app: Shell) -> None:
    """Train the document and show the run; if it has problems, show the first of them instead."""
    problems = app.document.problems
    if problems:
        refuse(app, problems)
        return
    app.current_run.stop_following()
    app.model.begin(app.document.raw)
    app.show_screen("train")
    app.client.set_pace(app.pace.of(app.document))
    app.client.start(app.document.raw)
    app.run_changed({"start", "state"})


def refuse(app: Shell, problems: Sequence[Problem], what: str = "not trained") -> None:
    """Say why there is no run, and go to the field of the first problem."""
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    app.complain(f"{what}: {where(first)}{first.message}{more}")
    app.go.to_problem(first)
