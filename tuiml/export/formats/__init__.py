"""The formats, one in each module: its constant ``FORMAT`` is all that registers it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from tuiml.export.format import Format
from tuiml.registry import closest, short
from tuiml.runs.errors import RunError


def all_formats() -> Mapping[str, Format]:
    """The formats by their names."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    found = [importlib.import_module(f"{__name__}.{name}").FORMAT for name in names]
    return {one.name: one for one in found}


def find(word: str) -> Format:
    """The format of a name.

    Raises:
        RunError: there is none; the nearest name is suggested.
    """
    known = all_formats()
    by_word = {**{alias: one for one in known.values() for alias in one.aliases}, **known}
    if word in by_word:
        return by_word[word]
    near = closest(word, by_word)
    hint = f"did you mean '{near}'?" if near else f"there are {', '.join(known)}"
    raise RunError(f"there is no format {short(word)}; {hint}")
