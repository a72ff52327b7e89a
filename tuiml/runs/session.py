"""A run from a preset to its last checkpoint: what ``tuiml train`` and the app's worker both drive."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from tuiml.backends.choice import BackendError, Choice
from tuiml.backends.choice import choose as choose_backend
from tuiml.data.own.reading import DataFiles
from tuiml.registry import short
from tuiml.runs import checkpoint_recovery, library, memory_estimate, threads
from tuiml.runs.errors import RunError
from tuiml.runs.folder import Line, RunFolder, last_session, refuse_taken
from tuiml.runs.loading import load
from tuiml.runs.run import Run, cannot_write
from tuiml.spec import check, network_of
from tuiml.spec.edit import assign, split
from tuiml.spec.preset import Preset
from tuiml.spec.problems import SpecError
from tuiml.training.events import Event
from tuiml.training.run_control import RunControl

CHANGEABLE = (["training", "epochs"], ["training", "learning_rate"], ["training", "early_stopping"])
"""What may change when a run goes on: anything else would be another run."""


def run(
    preset: Preset,
    *,
    name: str | None = None,
    backend: str = "auto",
    control: RunControl | None = None,
    watched: bool = False,
    shares: int | None = None,
    save_every: float | None = None,
) -> Generator[Event]:
    """Train a preset into a run folder of its own, telling what happens; the last event is :class:`End`.

    Nothing is written before the data is loaded and the first step can be taken. However the generator ends,
    the state is saved.

    Args:
        name: the run's; else one made of the preset's name and the time.
        control: to pause and stop it, from another thread.
        watched: whether somebody looks on: more of the events about batches and of the pictures.
        shares: threads that a batch is split for; else as :mod:`tuiml.runs.threads` settled.
        save_every: seconds between two checkpoints; ``None``: :mod:`tuiml.runs.checkpoint_policy` decides.

    Raises:
        SpecError: this machine, or its GPU, lacks the memory for it.
        DataError: the data is missing or damaged.
        RunError: the name is taken, the backend is not here, or nothing can be written.
        Cancelled: it was stopped before it began.
    """
    chosen = choose(backend)
    network = network_of(preset)
    memory_estimate.refuse_if_short(preset, network, chosen=chosen)
    if name is not None:
        refuse_taken(name)
    control = control or RunControl()
    data = yield from load(preset, control)
    made = Run(preset, network, data, chosen, control, watched, shares or threads.count(), save_every)
    folder = RunFolder.create(preset, name)
    try:
        made.begin(folder)
    except OSError as error:
        folder.discard()
        raise cannot_write(folder, error) from None
    except BaseException:
        folder.discard()
        raise
    yield from made.events()


def resume(
    word: str | Path,
    settings: Sequence[str] = (),
    *,
    backend: str = "auto",
    control: RunControl | None = None,
    watched: bool = False,
    save_every: float | None = None,
) -> Generator[Event]:
    """Go on with a run from its newest sound checkpoint, with the same bits as if it had never stopped.

    Args:
        word: the run's name or its folder.
        settings: ``PATH=VALUE`` of the number of epochs, the learning rate or early stopping.
        save_every: as in :func:`run`.

    Raises:
        SpecError: a setting is wrong, or this machine lacks the memory for the network.
        DataError: the data is missing or damaged.
        RunError: there is no such run, another process is at it, or all its epochs are done.
        Cancelled: it was stopped before it went on.
    """
    chosen = choose(backend)
    folder = RunFolder.reopen(library.find(str(word)))
    try:
        document, lost = checkpoint_recovery.preset_document(folder.path)
        preset, kept = _changed(document, settings), _changed(document)
        network = network_of(preset)
        memory_estimate.refuse_if_short(preset, network, chosen=chosen)
        control = control or RunControl()
        data = yield from load(preset, control)
        before, ended = last_session(folder.path)
        made = Run(preset, network, data, chosen, control, watched, shares_of(before), save_every)
        asked = {str(split(s.partition("=")[0].strip())[1]) for s in settings}
        made.go_on(folder, kept, asked, before, ended=ended, lost=lost)
        yield from made.events()
    finally:
        folder.close()


def choose(backend: str) -> Choice:
    """The backend that a name means here.

    Raises:
        RunError: there is no such backend here.
    """
    try:
        return choose_backend(backend)
    except BackendError as error:
        raise RunError(str(error)) from None


def preset_of(path: Path) -> Preset:
    """The preset of the run in a folder.

    Raises:
        SpecError: it cannot be used.
    """
    return _changed(checkpoint_recovery.preset_document(path)[0])


def _changed(document: dict[str, Any], settings: Sequence[str] = ()) -> Preset:
    """The preset of a run's document, with what was asked for.

    Raises:
        SpecError: it cannot be used, or a setting is wrong.
        RunError: a setting is none that may change when a run goes on.
    """
    for setting in settings:
        if split(setting.partition("=")[0].strip())[:2] not in CHANGEABLE:
            *some, last = [".".join(part) for part in CHANGEABLE]
            allowed = f"{', '.join(some)} and {last}"
            text = f"--set {short(setting)}: a run that goes on can change only {allowed}; train anew"
            raise RunError(text)
        document = assign(document, setting)
    preset, problems = check(document, DataFiles())
    if preset is None:
        raise SpecError(problems)
    return preset


def shares_of(start: Line) -> int:
    """The threads of a run's last start, with which it goes on: the same bits."""
    found = start.get("threads")
    return found if isinstance(found, int) and 1 <= found <= threads.LIMIT else threads.count()
