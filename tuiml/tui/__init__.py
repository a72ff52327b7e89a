"""The app: screens, widgets and the drawings they show. Nothing of it is imported before it is opened."""

from __future__ import annotations

import gc
import os
import sys

from tuiml import environ

WEB_DRIVER = "tuiml.tui.app.web_driver:TabDriver"
"""Textual's driver of an app in a browser, as ``tuiml serve`` names it in the environment."""


def run_app(word: str | None, *, lesson: str = "") -> int:
    """Open the app on a preset (a bundled or own name, or a path), or where it was left; its exit code.

    Args:
        lesson: the name of one to begin.
    """
    problem = _refusal()
    if problem:
        print(f"tuiml: {problem}", file=sys.stderr)  # noqa: T201 - there is no screen to say it on
        return 2
    environ.set_usual("TEXTUAL_FPS", "240")  # with 60 repaints a second a key may wait for the next
    environ.set_usual("ESCDELAY", "30")  # ms that the rest of a key after an escape byte may take
    gc.disable()  # until the first frame: nothing imported is garbage, and looking for it takes 0.1 s
    from tuiml.tui.app.ending import Ending

    try:
        with Ending() as ending:
            ending.open_screen()
            from tuiml.tui.app.main import start

            return start(word, ending, lesson=lesson)
    finally:
        gc.enable()


def _refusal() -> str:
    """Why there can be no screen here, or nothing."""
    if os.environ.get("TEXTUAL_DRIVER") == WEB_DRIVER:
        return ""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return "the app needs a terminal; 'tuiml train PRESET' works without one"
    if os.environ.get("TERM", "dumb") in ("dumb", ""):
        return "this terminal (TERM=dumb) cannot move its cursor; 'tuiml train PRESET' works without"
    return ""
