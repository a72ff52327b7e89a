"""Finds a learning rate for a preset; writes nothing."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from tuiml.runs.errors import RunError
from tuiml.runs.preparation import PreparedRun, prepare_run
from tuiml.spec.preset import Preset
from tuiml.training.events import Event
from tuiml.training.pretraining import Pretrainer
from tuiml.training.rate_finder import Ramp, RateFinder
from tuiml.training.run_control import RunControl


def find_rate(
    preset: Preset,
    *,
    backend: str = "auto",
    control: RunControl | None = None,
    ramp: Ramp | None = None,
    shards: int | None = None,
) -> Generator[Event]:
    """Try rising learning rates on a preset; the last event is a :class:`~tuiml.training.events.RateFound`.

    Layers that the preset has pretrained are pretrained first. Ends early, without that event, if it is
    stopped meanwhile.

    Args:
        shards: threads that a batch is split for; default: as settled by :mod:`tuiml.runs.threads`.

    Raises:
        SpecError, DataError, Cancelled: as :func:`~tuiml.runs.preparation.prepare_run`.
        RunError: the backend is not available, or pretraining failed.
    """
    control = control or RunControl()
    prepared = yield from prepare_run(preset, backend=backend, control=control, shards=shards)
    try:
        if preset.pretraining is not None:
            yield from _pretrain(prepared, control)
        if not control.stopped:
            yield from RateFinder(preset, prepared.data, prepared.engine, control, ramp).events()
    finally:
        prepared.engine.close()


def _pretrain(prepared: PreparedRun, control: RunControl) -> Iterator[Event]:
    pretrainer = Pretrainer(prepared.preset, prepared.network, prepared.data, control)
    yield from pretrainer.events(lambda: iter(()))
    if pretrainer.message:
        raise RunError(pretrainer.message, code=1)
    prepared.engine.load({**prepared.engine.state(), **pretrainer.tensors()}, 0)
