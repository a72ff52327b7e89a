"""Preparing a run: checks its preset against this machine, loads its data and builds its engine."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tuiml.backends import forks
from tuiml.backends.choice import BackendError, Choice, build, choose
from tuiml.backends.engine import Engine
from tuiml.data import prepare
from tuiml.data.arrays import Data
from tuiml.nn.network import Network
from tuiml.runs import checkpoints, memory_estimate, threads
from tuiml.runs.checkpoints import Checkpoint
from tuiml.runs.errors import Cancelled, RunError
from tuiml.spec import network_of
from tuiml.spec.preset import Preset, batches_of
from tuiml.training.events import Event, Loading
from tuiml.training.run_control import RunControl
from tuiml.training.schedule_state import Position, ScheduleState


@dataclass(frozen=True)
class PreparedRun:
    """The network of a preset with its data, on an engine that has its initial values."""

    preset: Preset
    network: Network
    data: Data
    backend: Choice
    engine: Engine
    shards: int
    """Threads that a batch is split for; the bits depend on it."""

    @property
    def batches(self) -> int:
        """Batches of an epoch at the batch size of the preset."""
        return batches_of(len(self.data.train), self.preset.training.batch_size)

    def newest_checkpoint(self, folder: Path) -> Checkpoint | None:
        """The newest sound checkpoint in the folder of a run with this preset."""
        return checkpoints.newest(folder, self.network, self.preset.training.optimizer, self.batches)

    def position(self, checkpoint: Checkpoint) -> Position:
        """The position of a checkpoint of a run with this preset."""
        return ScheduleState(self.preset.training, len(self.data.train), False).complete(checkpoint.position)

    def load(self, checkpoint: Checkpoint) -> None:
        """Load a checkpoint of a run with this preset into the engine."""
        checkpoints.put_into(self.engine, checkpoint, self.preset.training.optimizer)


Loader = Callable[[Preset, RunControl], Generator[Loading, None, Data]]
"""Loads a preset's data, as :func:`load_data` does."""


def prepare_run(
    preset: Preset,
    *,
    backend: str = "auto",
    control: RunControl,
    shards: int | None = None,
    load: Loader | None = None,
) -> Generator[Event, None, PreparedRun]:
    """Prepare a run; writes nothing. Yields how far a download is.

    Args:
        control: to stop it while the data loads.
        shards: threads that a batch is split for; default: as settled by :mod:`tuiml.runs.threads`.
        load: how its data is loaded; default: :func:`load_data`.

    Raises:
        SpecError: this machine, or its GPU, lacks the memory for it.
        DataError: the data is missing or damaged.
        RunError: the backend is not available, or memory is short.
        Cancelled: it was stopped while the data was loading.
    """
    try:
        choice = choose(backend)
    except BackendError as error:
        raise RunError(str(error)) from None
    network = network_of(preset)
    memory_estimate.refuse_if_short(preset, network, chosen=choice)
    data = yield from (load or load_data)(preset, control)
    return build_engine(preset, network, data, choice, shards or threads.count())


def build_engine(preset: Preset, network: Network, data: Data, backend: Choice, shards: int) -> PreparedRun:
    """The last step of :func:`prepare_run`, for data that is loaded already.

    Raises:
        RunError: memory is short.
    """
    training = preset.training
    if data.target == "classes":
        counts = np.bincount(data.train.labels.astype(np.intp), minlength=len(data.classes)).tolist()
        network = replace(network, class_weights=training.class_weight.of(data.classes, counts))
    if threads.settled():
        forks.allow()
    try:
        engine = build(backend, network, training.optimizer, data, training.seed, training.penalties, shards)
    except MemoryError:
        raise RunError("there is not enough free memory for the network", code=1) from None
    return PreparedRun(preset, network, data, backend, engine, shards)


def load_data(preset: Preset, control: RunControl) -> Generator[Loading, None, Data]:
    """Load a preset's data in a thread; yields how far a download is and returns the data.

    Raises:
        DataError: it is missing or damaged.
        Cancelled: the run was stopped meanwhile.
    """
    loaded: queue.SimpleQueue[Loading | Data | BaseException] = queue.SimpleQueue()

    def progress(name: str, done: int, total: int) -> None:
        if control.stopped:
            raise Cancelled("stopped while the data was loading; nothing was written")
        loaded.put(Loading(name, done, total))

    def read() -> None:
        try:
            loaded.put(prepare.load(preset.data, preset.training.seed, progress))
        except BaseException as error:  # raised again where it is waited for
            loaded.put(error)

    threading.Thread(target=read, name="loader", daemon=True).start()
    latest = -1.0
    while True:
        try:
            found = loaded.get(timeout=0.1)
        except queue.Empty:
            found = None
        if control.stopped:
            raise Cancelled("stopped while the data was loading; nothing was written")
        if isinstance(found, BaseException):
            raise found
        if isinstance(found, Loading):
            now = time.monotonic()
            if now - latest >= 0.1 or found.done == found.total:
                latest = now
                yield found
        elif found is not None:
            return found
