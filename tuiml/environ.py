"""Variables of the environment that tuiml sets for itself, and the environment as the user had it."""

from __future__ import annotations

import os

_own: dict[str, tuple[str | None, str]] = {}
"""What the user had in place of a variable that tuiml has set, and what that is."""


def set_own(name: str, value: str) -> None:
    """Set a variable for tuiml and its processes."""
    before = of_user().get(name)
    _own[name] = before, value
    os.environ[name] = value


def set_usual(name: str, value: str) -> None:
    """The same, unless the user has set it."""
    if name not in os.environ:
        set_own(name, value)


def of_user() -> dict[str, str]:
    """The environment for a command of the user's: without what tuiml has set."""
    found = dict(os.environ)
    for name, (before, own) in _own.items():
        if found.get(name) == own:
            del found[name]
            if before is not None:
                found[name] = before
    return found
