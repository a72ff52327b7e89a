"""The learning-rate range test: trains batches at rising rates, then restores the engine.

Smith 2017, "Cyclical Learning Rates for Training Neural Networks" (arXiv:1506.01186), section 3.3, with the
exponential ramp, the smoothing and the end of the ramp of fastai's ``lr_find`` (Howard & Gugger 2020).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tuiml.backends.engine import Engine
from tuiml.data.arrays import Data
from tuiml.spec.preset import Preset, batches_of
from tuiml.training.events import RateFound, RateTried
from tuiml.training.run_control import RunControl
from tuiml.training.schedule_state import order_of

Array = np.ndarray[Any, Any]
NAN = math.nan

SMOOTHING = 0.9
"""Weight of the smoothed loss so far in the next value."""
EXAMPLES = 64
"""The fewest examples for each rate, in as many batches as needed: the loss of a few is mostly noise."""
GIVE_UP = 4.0
"""The ramp ends where the smoothed loss is so many times its minimum."""
PLATEAU = 0.25
"""Fraction of the ramp whose rates are too small to learn: there the loss shows only noise."""
LEAST_FALL = 0.02
"""Fraction of the initial loss by which it must fall for a suggestion."""
SPREAD = 5.0
"""Standard deviations of the smoothed loss's noise by which it must fall."""
FALL_BEGINS = 0.1
"""Fraction of the whole fall after which slopes count: before it, a slope may be noise."""
WINDOW = 15
"""A slope is fitted over one part in so many of the ramp."""


@dataclass(frozen=True)
class Ramp:
    """Rates from ``low`` to ``high``, each the same multiple of the one before.

    Raises:
        ValueError: the limits or the number of steps are not possible.
    """

    low: float = 1e-7
    high: float = 10.0
    steps: int = 150

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high <= 1000:
            raise ValueError(
                f"rates from {self.low:g} to {self.high:g}: they rise, above 0 and at most to 1000"
            )
        if not 20 <= self.steps <= 10_000:
            raise ValueError(f"{self.steps} rates: give 20 to 10,000")

    def rate(self, index: int) -> float:
        """The rate at ``index``, from 0."""
        return float(self.low * (self.high / self.low) ** (index / (self.steps - 1)))


class Suggestion(NamedTuple):
    """A learning rate (NaN: none), and the reason."""

    rate: float
    why: str


class RateFinder:
    """Runs the ramp on an engine and leaves the engine as it was: weights, buffers, optimizer, step number.

    Penalties and clipping of the preset act as in training; its learning rate and its schedule do not. The
    batches are those of the first epochs, full ones only: everything is a function of the seed.

    Args:
        control: to stop it, from another thread.
    """

    def __init__(
        self,
        preset: Preset,
        data: Data,
        engine: Engine,
        control: RunControl | None = None,
        ramp: Ramp | None = None,
    ) -> None:
        self._seed = preset.training.seed
        self._data = data
        self._engine = engine
        self._control = control or RunControl()
        self._size = min(preset.training.batch_size, len(data.train))
        self.ramp = ramp or Ramp()

    def events(self) -> Iterator[RateTried | RateFound]:
        """Try one rate after the other; the last event is a :class:`RateFound`.

        The engine is as before when the generator ends or is closed, but for :meth:`~Engine.totals`, which
        must have been read.
        """
        before = self._engine.snapshot()
        self._engine.totals()
        try:
            yield from self._try_all()
        finally:
            self._engine.restore(before)
            self._engine.totals()

    def _try_all(self) -> Iterator[RateTried | RateFound]:
        tried: list[RateTried] = []
        smoother, best, ended = Smoother(), math.inf, ""
        batches, some = self._batches(), batches_of(EXAMPLES, self._size)
        for index in range(self.ramp.steps):
            if self._control.stopped:
                ended = "it was stopped"
                break
            rate = self.ramp.rate(index)
            loss = self._loss([(next(batches), rate) for _ in range(some)])
            if not math.isfinite(loss):
                ended = f"the loss was not finite at {rate:.2g}"
                break
            tried.append(RateTried(index + 1, self.ramp.steps, rate, loss, smoother.add(loss)))
            yield tried[-1]
            best = min(best, tried[-1].smoothed)
            if tried[-1].smoothed > GIVE_UP * best:
                ended = f"the loss was {GIVE_UP:g} times its least at {rate:.2g}"
                break
        yield self._conclude(tried, ended)

    def _loss(self, batches: Sequence[tuple[Array, float]]) -> float:
        """Train some batches; their mean loss, NaN where one was not finite."""
        self._engine.steps(batches)
        totals = self._engine.totals()  # of an engine that queues them, steps cannot tell
        return totals.mean_loss if totals.examples == self._size * len(batches) else NAN

    def _batches(self) -> Iterator[Array]:
        """Endless full batches, epoch after epoch; a smaller one only if there is no full one."""
        examples, size, epoch = len(self._data.train), self._size, 0
        while True:
            epoch += 1
            order = order_of(self._seed, epoch, examples)
            for start in range(0, examples - size + 1, size):
                yield order[start : start + size]

    def _conclude(self, tried: Sequence[RateTried], ended: str) -> RateFound:
        found = suggest(
            [t.learning_rate for t in tried], [t.loss for t in tried], [t.smoothed for t in tried], self.ramp
        )
        if self._control.stopped:
            found = Suggestion(NAN, "")
        why = "; ".join(filter(None, (found.why, ended)))
        return RateFound(found.rate, len(tried), self.ramp.steps, why)


class Smoother:
    """Exponential average, divided by the sum of its weights: unbiased from the first value on."""

    def __init__(self) -> None:
        self._mean, self._weight = 0.0, 0.0

    def add(self, value: float) -> float:
        """Add a value; returns the average."""
        self._mean = SMOOTHING * self._mean + (1 - SMOOTHING) * value
        self._weight = SMOOTHING * self._weight + (1 - SMOOTHING)
        return self._mean / self._weight


def suggest(
    rates: Sequence[float], losses: Sequence[float], smoothed: Sequence[float], ramp: Ramp
) -> Suggestion:
    """The rate at which the smoothed loss falls most steeply against log10(rate), before its minimum.

    If no slope can be fitted, it is a tenth of the rate at the minimum. There is none if the loss fell by no
    more than chance explains. The reason says so if the loss still falls at the end of the ramp.
    """
    flat = int(PLATEAU * ramp.steps)
    if len(losses) <= flat:
        return Suggestion(NAN, "no rate: the loss rose before any rate could lower it")
    start = float(np.mean(losses[:flat]))
    # of an average of independent values with weights (1 − β)βᵏ
    noise = float(np.std(losses[:flat])) * math.sqrt((1 - SMOOTHING) / (1 + SMOOTHING))
    lowest = flat + int(np.argmin(smoothed[flat:]))  # the first averages are of few values: noisier
    fall = start - smoothed[lowest]
    if fall < max(LEAST_FALL * abs(start), SPREAD * noise):
        return Suggestion(
            NAN, f"no rate: the loss never fell by much (from {start:.3g} to {smoothed[lowest]:.3g})"
        )
    width = max(3, ramp.steps // WINDOW)
    falls = len(losses) == ramp.steps and lowest >= len(losses) - 1 - width // 2
    more = f"; it still falls at {ramp.high:g}, the highest rate tried: a higher one may be better"
    more = more if falls else ""
    slopes = _slopes(np.log10(rates), np.asarray(smoothed), width)
    high = np.flatnonzero(np.asarray(smoothed[:lowest]) > start - FALL_BEGINS * fall)
    steep = _steepest(slopes, int(high[-1]) if len(high) else 0, lowest)
    if steep is None:
        return Suggestion(two_digits(rates[lowest] / 10), f"a tenth of the rate with the least loss{more}")
    return Suggestion(two_digits(rates[steep]), f"where the loss falls most steeply{more}")


def _steepest(slopes: Array, begun: int, lowest: int) -> int | None:
    """Index of the steepest descent between two indices; ``None`` if no fitted slope there falls."""
    falling = slopes[begun : lowest + 1]
    if not np.isfinite(falling).any() or not np.nanmin(falling) < 0:
        return None
    return begun + int(np.nanargmin(falling))


def _slopes(x: Array, y: Array, width: int) -> Array:
    """Slope of the line through the ``width`` points around each point; NaN near the ends."""
    found = np.full(len(x), NAN)
    half = width // 2
    for middle in range(half, len(x) - half):
        part = slice(middle - half, middle + half + 1)
        found[middle] = np.polyfit(x[part], y[part], 1)[0]
    return found


def two_digits(rate: float) -> float:
    """A rate rounded to two digits, which is all that the test can say."""
    return float(f"{rate:.1e}")
