"""Reads the preset that PRESET and ``--set`` mean."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuiml.spec import Preset, Problem


def read_preset(word: str, settings: list[str], *, quiet: bool = False) -> Preset:
    """The preset, validated; a terminal shows how far its data is read, unless ``quiet``.

    Raises:
        SpecError: with every problem.
    """
    from tuiml.spec import SpecError, check

    document, problems = read_document(word, settings)
    from tuiml.cli.progress import Bar, loading_on
    from tuiml.data.own.reading import DataFiles, find

    progress = loading_on(Bar()) if sys.stderr.isatty() and not quiet else None
    preset, found = check(document, DataFiles(partial(find, progress=progress)))
    if preset is None or problems:
        raise SpecError([*problems, *found])
    return preset


def read_document(word: str, settings: list[str]) -> tuple[dict[str, Any], list[Problem]]:
    """The document, not validated, and the problems of settings that could not be applied.

    Raises:
        SpecError: there is no such preset.
    """
    from tuiml.spec import SpecError, library
    from tuiml.spec.edit import assign

    document = library.document_of(library.find(word))
    problems: list[Problem] = []
    for setting in settings:
        try:
            document = assign(document, setting)
        except SpecError as error:
            problems += error.problems
    return document, problems
