"""The commands of ``tuiml``, one in each module: its constant ``COMMAND`` is all that registers it."""

from __future__ import annotations

import importlib
import pkgutil

from tuiml.cli.parser import Command


def names() -> list[str]:
    """The names of all commands; underscores of module names are hyphens."""
    return [module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)]


def load(name: str) -> Command:
    """The command of that name."""
    command: Command = importlib.import_module(f"{__name__}.{name.replace('-', '_')}").COMMAND
    return command
