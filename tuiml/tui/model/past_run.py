"""Reading a past run, or one that another process trains, from its folder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from tuiml.data.own.entries import DataFiles
from tuiml.data.own.reading import DataFilesInBackground
from tuiml.runs.errors import RunError
from tuiml.runs.folder import METRICS, PRESET, SNAPSHOT, beginnings, steps_in
from tuiml.runs.metrics import read_lines
from tuiml.runs.sample import is_large, sampled_lines
from tuiml.runs.tail import Tail
from tuiml.runs.watched import is_watched, read_model
from tuiml.runs.writer import writer_of
from tuiml.spec import SpecError
from tuiml.spec.library import read
from tuiml.text import plain_text
from tuiml.training.events import Start
from tuiml.tui.model.document import Raw
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.model.snapshots import worth_reading

SAMPLED = "its curves are drawn from a sample of its metrics until all of them are read"
_START = beginnings(Start)
_STEP = re.compile(rb'(?:%s), "epoch": \d{1,15}, "step": (\d{1,15}),' % b"|".join(map(re.escape, SNAPSHOT)))


def run_document(path: Path) -> Raw:
    """The preset that a run was trained with.

    Raises:
        SpecError: it cannot be read.
    """
    return read(path / PRESET)


def load_run(
    path: Path,
    *,
    snapshots: bool = True,
    tail: Tail | None = None,
    files: DataFiles | None = None,
    sample: bool = False,
    last_session: bool = True,
) -> RunModel:
    """A past run, or the present state of one that another process trains.

    Args:
        snapshots: with the layers' statistics, which are nearly all of the file.
        tail: reads the file; what is written later can be read from it afterwards.
        files: finds what a file of the user's that it was trained on holds.
        sample: read a few lines of the file only; the tail stays where it is.
        last_session: with the lines of that one.

    Raises:
        SpecError, RunError, OSError: its preset, its model or its metrics cannot be read.
    """
    model = RunModel(files=files)
    watched = read_model(path) if is_watched(path) else None
    document = {} if watched else run_document(path)
    writer = writer_of(path)  # first: what it writes before it ends is then read
    count = len(watched.modules) if watched else len(document.get("layers") or ())
    if sample:
        lines = sampled_lines(path)
    else:
        wanted = worth_reading(_snapshot_steps(path), count) if snapshots else None
        lines = _lines(tail or Tail(path), wanted)
    lines = lines if last_session else _before_last_start(lines)
    model.load(lines, document, name=path.name, writer=writer or "", watched=watched)
    model.saved, model.sampled = newest_step(path), sample
    if sample:
        model.notices["lines"] = SAMPLED
    return at(model, path)


def _snapshot_steps(path: Path) -> list[int]:
    """The steps of a run's snapshots; 0 of one that does not say it first."""
    found = (_STEP.match(line) for _, line in read_lines(path / METRICS) if line.startswith(SNAPSHOT))
    return [int(step.group(1)) if step else 0 for step in found]


def _lines(tail: Tail, wanted: set[int] | None) -> Iterator[bytes]:
    """The lines of a run, of snapshots only the ``wanted`` ones and later ones; ``None``: none of them."""
    last, number = max(wanted or (), default=-1), -1
    while lines := tail.read():
        for line in lines:
            if line.startswith(SNAPSHOT):
                number += 1
                if wanted is None or (number not in wanted and number < last):
                    continue
            yield line


def _before_last_start(lines: Iterable[bytes]) -> Iterator[bytes]:
    found = list(lines)
    last = max((at for at, line in enumerate(found) if line.startswith(_START)), default=0)
    return iter(found[:last])


def resumed(model: RunModel, start: Start) -> RunModel:
    """The run that is resumed with ``start``: read anew if changes that the model has were never saved.

    They are no longer in its metrics; what a rewind among them undid is there again.
    """
    if not model.before_resume or model.interventions.last <= start.last_intervention:
        return model
    path = Path(start.path)
    try:
        found = load_run(path, files=model.files, sample=is_large(path), last_session=False)
    except (SpecError, RunError, OSError):
        return model
    found.identity = model.identity
    found.trained_by("")
    found.resume(model.before_resume.document)
    return found


def newest_step(path: Path) -> int:
    """The step of a run's newest checkpoint; 0 if it has none."""
    try:
        return max(steps_in(path), default=0)
    except OSError:
        return 0


def at(model: RunModel, path: Path) -> RunModel:
    """The run with the name and path of its folder, which may have been renamed since it was trained."""
    model.name = path.name
    if model.start:
        model.start = replace(model.start, run=path.name, path=str(path))
    if model.end:
        model.end = replace(model.end, run=path.name, path=str(path))
    return model


def read_run(
    path: Path, files: DataFilesInBackground, *, snapshots: bool, tail: Tail | None = None, soon: bool = False
) -> RunModel | str:
    """A run, or why it cannot be read; one line. It may take long: for a thread.

    Args:
        soon: of long metrics read a sample only.
    """
    try:
        sample = soon and is_large(path)
        model = load_run(path, snapshots=snapshots, tail=tail, files=files.waiting, sample=sample)
        model.files = files
        return model
    except SpecError as error:
        return plain_text("; ".join(map(str, error.problems)))
    except RunError as error:
        return str(error)
    except OSError as error:
        return plain_text(f"{path}: {error.strerror or error}")
    except ValueError as error:  # a path with a zero byte in it
        return plain_text(f"{path}: {error}")
    except Exception as error:  # one broken run must not end the app
        return plain_text(f"{path} cannot be read: {type(error).__name__}: {error}"[:200])
