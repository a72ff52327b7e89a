"""``tuiml studies``."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuiml.cli.output import note, print_json, print_table
from tuiml.cli.parser import JSON, Command
from tuiml.formatting import NONE


@dataclass
class _Listed:
    """A study in the list."""

    name: str
    source: str
    """``bundled``, ``own``, or ``begun`` where only its folder is left."""
    path: Path | None
    folder: Path | None
    done: int = 0
    trials: int = 0
    state: str = ""
    problem: str = ""


def run(chosen: argparse.Namespace) -> int:
    """List the studies with what is done of them."""
    found = [_counted(one) for one in _all()]
    if chosen.json:
        print_json([_data(one) for one in found])
    elif not found:
        note("there are no studies; 'tuiml study FILE' runs one")
    else:
        rows = [
            [one.name, one.source, one.state, f"{one.done:,}/{one.trials:,}" if one.trials else NONE]
            for one in found
        ]
        print_table(("study", "from", "state", "trials"), rows, right=("trials",))
        for one in found:
            if one.problem:
                note(f"tuiml: {one.name}: {one.problem}")
    return 0


def _all() -> list[_Listed]:
    """Bundled ones, own ones, and folders of others; an own one hides a bundled one of its name."""
    from tuiml.studies import folder, library

    begun = {path.name: path for path in folder.begun()}
    files = {file.name: file for file in [*library.bundled(), *library.own()]}
    listed = [
        _Listed(name, "bundled" if file.bundled else "own", file.path, begun.pop(name, None))
        for name, file in files.items()
    ]
    return [*listed, *(_Listed(name, "begun", None, path) for name, path in begun.items())]


def _counted(one: _Listed) -> _Listed:
    """With its trials, as its folder says; a study that was not begun is only counted."""
    from tuiml.data.own.reading import DataFiles
    from tuiml.runs.writer import is_held
    from tuiml.spec import SpecError
    from tuiml.studies import folder, library, table
    from tuiml.studies.check import configurations
    from tuiml.studies.trials import repeats

    path = one.folder / folder.STUDY if one.folder else one.path
    assert path is not None
    try:
        study = library.StudyFile(one.name, path, False).study(DataFiles())
    except SpecError as error:
        one.problem = str(error.problems[0])
        one.state = "broken"
        return one
    if one.folder is None:
        one.trials, one.state = configurations(study) * repeats(study), "not begun"
        return one
    found = table.results(study, one.folder)
    one.done, one.trials = found.done, found.total
    complete = found.done >= found.total
    one.state = "running" if is_held(one.folder) else "completed" if complete else "cut off"
    return one


def _data(one: _Listed) -> dict[str, Any]:
    return {
        "study": one.name,
        "from": one.source,
        "path": str(one.path) if one.path else None,
        "folder": str(one.folder) if one.folder else None,
        "state": one.state,
        "done": one.done,
        "trials": one.trials,
        **({"problem": one.problem} if one.problem else {}),
    }


COMMAND = Command("studies", "list the bundled studies, your own, and what was begun of them", run, [JSON])
