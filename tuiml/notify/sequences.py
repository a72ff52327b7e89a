"""What is written to a terminal so that it rings, has another title, or shows a notification.

Sources: xterm's ctlseqs (OSC 2; CSI 22 and 23 t keep the title and restore it), iTerm2 (OSC 9), rxvt-unicode
(OSC 777), the pages of tmux and screen about passing a sequence on to the terminal around them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from tuiml.text import plain_text

BELL = "\a"
KEEP_TITLE, RESTORE_TITLE = "\x1b[22;0t", "\x1b[23;0t"
MOST = 200
"""The most characters of a title or a message."""
SPEAK_777 = ("foot", "rxvt", "urxvt")
"""Beginnings of TERM of terminals that know OSC 777 and not OSC 9."""


def title(text: str) -> str:
    """Set the title of the window and of its tab."""
    return f"\x1b]2;{_safe(text)}{BELL}"


def notification(text: str, way: str = "desktop", env: Mapping[str, str] | None = None) -> str:
    """Show a notification of the desktop.

    Args:
        way: ``osc9``, ``osc777``, or ``desktop``: the one that this terminal is known to understand.
        env: the environment; default: the process's.
    """
    env = os.environ if env is None else env
    safe = _safe(text)
    if way == "osc777" or (way == "desktop" and _speaks_777(env)):
        # A semicolon would end the title, and rxvt's own begins the text.
        return _passed_on(f"\x1b]777;notify;tuiml;{safe.replace(';', ',')}{BELL}", env)
    # The name first: a message that begins with a digit and a semicolon is another command in some terminals.
    return _passed_on(f"\x1b]9;tuiml: {safe}{BELL}", env)


def _speaks_777(env: Mapping[str, str]) -> bool:
    return env.get("TERM", "").startswith(SPEAK_777) or "VTE_VERSION" in env


def _passed_on(sequence: str, env: Mapping[str, str]) -> str:
    """Wrap a sequence that tmux and screen would keep, so that the terminal around them gets it."""
    if env.get("TMUX"):
        return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    if env.get("STY"):
        return f"\x1bP{sequence}\x1b\\"
    return sequence


def _safe(text: str) -> str:
    """Without control characters, which would end the sequence and begin another one."""
    return plain_text(text)[:MOST]


def understands(env: Mapping[str, str] | None = None) -> bool:
    """False for a terminal that would print a title or a notification in the middle of its text."""
    return (os.environ if env is None else env).get("TERM", "") not in ("", "dumb", "linux")
