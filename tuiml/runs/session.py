"""The sessions of a run: training a preset into a new run folder, and resuming a run."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from tuiml.backends.choice import BackendError, choose
from tuiml.data.own.reading import DataFiles
from tuiml.registry import short
from tuiml.runs import checkpoint_recovery, library, threads
from tuiml.runs.errors import RunError
from tuiml.runs.folder import Line, RunFolder, refuse_taken
from tuiml.runs.last_session import last_session
from tuiml.runs.preparation import Loader, prepare_run
from tuiml.runs.resumption import resume_point
from tuiml.runs.run import Run, new_run
from tuiml.runs.watched import refuse_watched
from tuiml.spec import check
from tuiml.spec.edit import assign, split
from tuiml.spec.preset import Preset
from tuiml.spec.problems import SpecError
from tuiml.training.events import Event
from tuiml.training.interventions import RESUMABLE
from tuiml.training.run_control import RunControl


def run(
    preset: Preset,
    *,
    name: str | None = None,
    backend: str = "auto",
    control: RunControl | None = None,
    live: bool = False,
    shards: int | None = None,
    save_every: float | None = None,
    parent: Path | None = None,
    until_epoch: int | None = None,
    load: Loader | None = None,
) -> Generator[Event]:
    """Train a preset into a new run folder; the last event is :class:`End`.

    Nothing is written before the first step can be taken. However the generator ends, the state is saved.

    Args:
        name: of the run; default: made from the preset's name and the time.
        control: to pause and stop it, from another thread.
        live: True if a screen shows the run: more progress events and snapshots.
        shards: threads that a batch is split for; default: as settled by :mod:`tuiml.runs.threads`.
        save_every: seconds between two checkpoints; ``None``: :mod:`tuiml.runs.checkpoint_policy` decides.
        parent: where the run's folder is made; default: the runs folder.
        until_epoch: the epoch after which to stop; :func:`resume` then goes on to the same bits.
        load: how its data is loaded.

    Raises:
        SpecError: this machine, or its GPU, lacks the memory for it.
        DataError: the data is missing or damaged.
        RunError: the name is taken, the backend is not available, or nothing can be written.
        Cancelled: it was stopped before it began.
    """
    if name is not None:
        refuse_taken(name, parent)
    control = control or RunControl(rewindable=False)
    prepared = yield from prepare_run(preset, backend=backend, control=control, shards=shards, load=load)
    more: dict[str, Any] = {"save_every": save_every, "until_epoch": until_epoch}
    new = new_run(prepared, control, name, parent=parent, live=live, **more)
    yield from new.events()


def resume(
    word: str | Path,
    settings: Sequence[str] = (),
    *,
    backend: str | None = None,
    shards: int | None = None,
    control: RunControl | None = None,
    live: bool = False,
    save_every: float | None = None,
    until_epoch: int | None = None,
    load: Loader | None = None,
) -> Generator[Event]:
    """Resume a run from its newest sound checkpoint, to the same bits as if it had never stopped.

    Args:
        word: the run's name or its folder.
        settings: ``PATH=VALUE`` of the number of epochs, the learning rate or early stopping.
        backend, shards: default: those of its last session; a backend that is not here is replaced, and the
            ``start`` event's note says so.
        live, save_every, until_epoch, load: as in :func:`run`.

    Raises:
        SpecError: a setting is wrong, or this machine lacks the memory for the network.
        DataError: the data is missing or damaged.
        RunError: there is no such run, it is watched, another process writes to it, or all epochs are done.
        Cancelled: it was stopped before it resumed.
    """
    folder = RunFolder.reopen(_with_preset(word))
    try:
        document, restored_from = checkpoint_recovery.preset_document(folder.path)
        preset, old = _changed(document, settings), _changed(document)
        control, last = control or RunControl(rewindable=False), last_session(folder.path)
        backend, shards = backend or own_backend(last.start), shards or shards_of(last.start)
        prepared = yield from prepare_run(preset, backend=backend, control=control, shards=shards, load=load)
        asked = {str(split(s.partition("=")[0].strip())[1]) for s in settings}
        prepared, point = resume_point(prepared, folder, control, old, asked, last, restored_from)
        run = Run(prepared, folder, control, point, live=live, save_every=save_every, until_epoch=until_epoch)
        yield from run.events()
    finally:
        folder.close()


def _with_preset(word: str | Path) -> Path:
    """The folder of a run that may be resumed: one that is watched is refused before anything is written."""
    path = library.find(str(word))
    refuse_watched(path)
    return path


def preset_of(path: Path) -> Preset:
    """The preset of the run in a folder.

    Raises:
        SpecError: it cannot be used.
        RunError: it is a loop of the user's own, which has none.
    """
    return _changed(checkpoint_recovery.preset_document(path)[0])


def _changed(document: dict[str, Any], settings: Sequence[str] = ()) -> Preset:
    """The preset of a run's document, with some settings changed.

    Raises:
        SpecError: it cannot be used, or a setting is wrong.
        RunError: a setting cannot change when a run is resumed.
    """
    for setting in settings:
        if split(setting.partition("=")[0].strip())[:2] not in [["training", name] for name in RESUMABLE]:
            *some, last = [f"training.{name}" for name in RESUMABLE]
            allowed = f"{', '.join(some)} and {last}"
            text = f"--set {short(setting)}: a resumed run can change only {allowed}; train anew"
            raise RunError(text)
        document = assign(document, setting)
    preset, problems = check(document, DataFiles())
    if preset is None:
        raise SpecError(problems)
    return preset


def own_backend(start: Line) -> str:
    """The backend of a run's last session; ``auto`` if it cannot be used here."""
    try:
        return choose(str(start.get("backend"))).name
    except BackendError:
        return "auto"


def shards_of(start: Line) -> int:
    """The threads of a run's last session; it is resumed with as many, to get the same bits."""
    found = start.get("threads")
    return found if isinstance(found, int) and 1 <= found <= threads.LIMIT else threads.count()
