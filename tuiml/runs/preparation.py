"""Preparing a run: checks its preset against this machine, loads its data and builds its engine."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from tuiml.backends.choice import BackendError, Choice, build, choose
from tuiml.backends.engine import Engine
from tuiml.data.arrays import Data
from tuiml.nn.network import Network
from tuiml.runs import checkpoints, memory_estimate, threads
from tuiml.runs.checkpoints import Checkpoint
from tuiml.runs.errors import RunError
from tuiml.runs.loading import load
from tuiml.spec import network_of
from tuiml.spec.preset import Preset, batches_of
from tuiml.training.events import Event
from tuiml.training.run_control import RunControl


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

    def load(self, checkpoint: Checkpoint) -> None:
        """Load a checkpoint of a run with this preset into the engine."""
        checkpoints.put_into(self.engine, checkpoint, self.preset.training.optimizer)


def prepare_run(
    preset: Preset, *, backend: str = "auto", control: RunControl, shards: int | None = None
) -> Generator[Event, None, PreparedRun]:
    """Prepare a run; writes nothing. Yields how far a download is.

    Args:
        control: to stop it while the data loads.
        shards: threads that a batch is split for; default: as settled by :mod:`tuiml.runs.threads`.

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
    data = yield from load(preset, control)
    return build_engine(preset, network, data, choice, shards or threads.count())


def build_engine(preset: Preset, network: Network, data: Data, backend: Choice, shards: int) -> PreparedRun:
    """The last step of :func:`prepare_run`, for data that is loaded already.

    Raises:
        RunError: memory is short.
    """
    training = preset.training
    try:
        engine = build(backend, network, training.optimizer, data, training.seed, training.penalties, shards)
    except MemoryError:
        raise RunError("there is not enough free memory for the network", code=1) from None
    return PreparedRun(preset, network, data, backend, engine, shards)
