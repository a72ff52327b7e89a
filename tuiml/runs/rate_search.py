"""A learning rate for a preset: what ``tuiml find-rate`` and the app's worker both drive. Writes nothing."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from tuiml.backends.choice import build
from tuiml.backends.engine import Engine
from tuiml.data.arrays import Data
from tuiml.nn.network import Network
from tuiml.runs import memory_estimate, session, threads
from tuiml.runs.errors import RunError
from tuiml.runs.loading import load
from tuiml.spec import network_of
from tuiml.spec.preset import Preset
from tuiml.training.events import Event
from tuiml.training.pretraining import Pretrainer
from tuiml.training.rate_finder import Ramp, RateFinder
from tuiml.training.run_control import RunControl


def find_rate(
    preset: Preset, *, backend: str = "auto", control: RunControl | None = None, ramp: Ramp | None = None
) -> Generator[Event]:
    """Try rising learning rates on a preset; the last event is a :class:`~tuiml.training.events.RateFound`.

    Layers that the preset has pretrained are pretrained first. Ends early, without that event, where the
    control says stop meanwhile.

    Raises:
        SpecError: this machine, or its GPU, lacks the memory for it.
        DataError: the data is missing or damaged.
        RunError: the backend is not here, or pretraining failed.
        Cancelled: it was stopped while the data was loading.
    """
    chosen = session.choose(backend)
    network = network_of(preset)
    memory_estimate.refuse_if_short(preset, network, chosen=chosen)
    control = control or RunControl()
    data = yield from load(preset, control)
    training = preset.training
    rest = (training.optimizer, data, training.seed, training.penalties, threads.count())
    try:
        engine = build(chosen, network, *rest)
    except MemoryError:
        raise RunError("there is not enough free memory for the network", code=1) from None
    try:
        if preset.pretraining is not None:
            yield from _pretrain(preset, network, data, engine, control)
        if not control.stopped:
            yield from RateFinder(preset, data, engine, control, ramp).events()
    finally:
        engine.close()


def _pretrain(
    preset: Preset, network: Network, data: Data, engine: Engine, control: RunControl
) -> Iterator[Event]:
    pretrainer = Pretrainer(preset, network, data, control)
    yield from pretrainer.events(lambda: iter(()))
    if pretrainer.message:
        raise RunError(pretrainer.message, code=1)
    engine.load({**engine.state(), **pretrainer.tensors()}, 0)
