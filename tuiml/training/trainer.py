"""The trainer: one generator of events, driven by whoever wants to see them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tuiml.backends.engine import Engine, Totals
from tuiml.data.arrays import Data
from tuiml.nn.network import Network
from tuiml.spec.preset import Preset
from tuiml.training.budget import Budget
from tuiml.training.control import Control
from tuiml.training.events import End, Epoch, Event, Picture, Progress, Reason, State
from tuiml.training.statistics import layer_statistics

NONE = Totals(0.0, 0, 0)
PICTURES = 0.02
"""Share of the time that pictures may take, and no more than ten a second."""
SNAPSHOTS = 0.005
"""Share of the time for copies to fall back on when training diverges."""


@dataclass(frozen=True)
class Position:
    """Where a run stands: enough, with the engine's state, to go on as if it had never stopped."""

    epoch: int = 1
    """The epoch in hand, from 1."""
    batch: int = 0
    """Batches of it that are done."""
    rate: float = 0.0
    totals: Totals = NONE
    """Of those batches."""
    seconds: float = 0.0
    examples: int = 0
    best_epoch: int = 0
    best_loss: float = math.inf


class Trainer:
    """Trains one network and tells about it.

    :meth:`events` runs in the caller's thread; between two events the caller may read :attr:`engine` and
    :attr:`position`, to save them.

    Args:
        watched: whether somebody looks at pictures while they come; else there is one an epoch at most.
        position: where to go on from; the engine must hold the state of that moment.
    """

    def __init__(
        self,
        preset: Preset,
        network: Network,
        data: Data,
        engine: Engine,
        control: Control | None = None,
        *,
        watched: bool = False,
        position: Position | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.preset = preset
        self.network = network
        self.data = data
        self.engine = engine
        self.control = control or Control()
        self.position = position or Position(rate=preset.training.rate)
        self._watched = watched
        self._clock = clock
        self._pictures = Budget(PICTURES, 0.1, clock)
        self._snapshots = Budget(SNAPSHOTS, 0.05, clock)
        self._snapshot = engine.snapshot()
        self._seconds = self.position.seconds
        self._examples = self.position.examples
        self._since = NONE
        self._message = ""

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.preset.training.epochs * self._batches

    @property
    def _batches(self) -> int:
        return -(-len(self.data.train) // self.preset.training.batch_size)

    def start_from(self, tensors: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Before the first step: begin with these parameters (by their names on disk), not the engine's."""
        self.engine.load({**self.engine.state(), **tensors}, 0)
        self._snapshot = self.engine.snapshot()

    def refuse(self, message: str) -> None:
        """End as diverged before the first step, and say why."""
        self._message = message

    def events(self) -> Iterator[Event]:
        """Train to the end, telling what happens; the last event is :class:`End`."""
        yield self._picture()
        self._pictures.due_at = 0.0  # taken before training, so not from its time
        while self.position.epoch <= self.preset.training.epochs and not self._message:
            yield from self._epoch()
            if self.control.stopped:
                break
        yield self._end()

    # -- one epoch ------------------------------------------------------------------------------------

    def order(self, epoch: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """The training examples in the order of an epoch: a function of the seed alone."""
        rng = np.random.Generator(np.random.PCG64([self.preset.training.seed, 0x0E, epoch]))
        return rng.permutation(len(self.data.train))

    def _epoch(self) -> Iterator[Event]:
        order, size = self.order(self.position.epoch), self.preset.training.batch_size
        mark = self._clock()
        for batch in range(self.position.batch, self._batches):
            if self.control.attention:
                self._spend(mark)
                yield from self.attend()
                mark = self._clock()
                if self.control.stopped:
                    return
                self.control.take_step()
            rows = order[batch * size : (batch + 1) * size]
            if not self.engine.step(rows, self.position.rate):
                self._spend(mark)
                self._fall_back()
                return
            self._examples += len(rows)
            self.position = replace(self.position, batch=batch + 1)
            now = self._clock()
            if (
                (self._watched and self._pictures.due(now))
                or self._snapshots.due(now)
                or self.control.attention
            ):
                self._spend(mark)
                yield from self._look(now)
                mark = self._clock()
        self._spend(mark)
        yield from self._close_epoch()

    def _spend(self, since: float) -> None:
        """Count the time from ``since`` to now as training."""
        self._seconds += self._clock() - since

    def attend(self) -> Iterator[Event]:
        """Do what was asked for; blocks while paused."""
        was_paused = False
        while True:
            rate = self.control.take_rate()
            if rate is not None:
                self.position = replace(self.position, rate=rate)
            paused = self.control.paused
            tell = rate is not None or (paused and not was_paused)
            was_paused |= paused  # before the event: who sees it may let us go on at once
            if tell:
                self._collect()
                yield State("paused" if paused else "running", self.engine.step_number, self.position.rate)
            if not self.control.paused:
                break
            self.control.wait()
        if was_paused and not self.control.stopped:
            yield State("running", self.engine.step_number, self.position.rate)

    def _look(self, now: float) -> Iterator[Event]:
        """What is due between two batches."""
        if self._snapshots.due(now) and not self._guard():
            return
        asked = self.control.attention  # a single step is shown at once
        if asked or (self._watched and self._pictures.due(now)):
            progress = self._progress()
            if progress:
                yield progress
            yield self._picture()

    def _guard(self) -> bool:
        """Keep a copy of the weights if they are finite."""
        with self._snapshots:
            finite = self.engine.finite()
            if finite:
                self._snapshot = self.engine.snapshot()
        return finite

    def _fall_back(self) -> None:
        """The loss of the next step is not finite: go back to the last finite weights."""
        self._diverge(f"the loss was not finite at step {self.engine.step_number + 1}", self.position.epoch)

    def _diverge(self, what: str, epoch: int) -> None:
        """End the run as diverged, with finite weights."""
        if not self.engine.finite():
            self.engine.restore(self._snapshot)
        self._message = (
            f"{what} (epoch {epoch}, learning rate {self.position.rate:g}); "
            f"kept the weights of step {self.engine.step_number}"
        )

    # -- events ---------------------------------------------------------------------------------------

    def _collect(self) -> Totals:
        """Totals of the batches since the last call, added to the epoch's."""
        fresh = self.engine.totals()
        self._since = self._since + fresh
        self.position = replace(
            self.position,
            totals=self.position.totals + fresh,
            seconds=self._seconds,
            examples=self._examples,
        )
        return self._since

    def _progress(self) -> Progress | None:
        since = self._collect()
        if not since.examples:
            return None
        self._since = NONE
        left = self.steps - self.engine.step_number
        speed = self._speed()
        return Progress(
            epoch=self.position.epoch,
            step=self.engine.step_number,
            train_loss=since.mean_loss,
            train_accuracy=since.accuracy,
            learning_rate=self.position.rate,
            examples_per_second=speed,
            seconds=self._seconds,
            seconds_left=left * len(self.data.train) / self._batches / speed if speed else math.nan,
        )

    def _picture(self) -> Picture:
        with self._pictures:
            views = self.engine.views()
            activations = [getattr(n.layer, n.layer.activation_field or "", None) for n in self.network.nodes]
            layers = tuple(layer_statistics(v, a) for v, a in zip(views, activations, strict=True))
        return Picture(self.position.epoch, self.engine.step_number, layers)

    def _close_epoch(self) -> Iterator[Event]:
        progress = self._progress()
        if progress and self._watched:
            yield progress
        if not self._watched and self._pictures.due(self._clock()):
            yield self._picture()
        totals, epoch, step = self.position.totals, self.position.epoch, self.engine.step_number
        held_out = self.engine.evaluate(self.data.validation)
        judged = held_out.mean_loss if held_out.examples else totals.mean_loss
        better = judged < self.position.best_loss
        self.position = replace(
            self.position,
            epoch=epoch + 1,
            batch=0,
            totals=NONE,
            best_epoch=epoch if better else self.position.best_epoch,
            best_loss=judged if better else self.position.best_loss,
        )
        if not math.isfinite(judged):  # the weights overflow, or soon will: none that are not finite get out
            self._diverge("the validation loss was not finite", epoch)
        yield Epoch(
            epoch=epoch,
            step=step,
            train_loss=totals.mean_loss,
            train_accuracy=totals.accuracy,
            val_loss=held_out.mean_loss,
            val_accuracy=held_out.accuracy,
            learning_rate=self.position.rate,
            seconds=self._seconds,
            examples_per_second=self._speed(),
        )

    def _speed(self) -> float:
        """Training examples a second, evaluation and pictures not counted."""
        return self._examples / self._seconds if self._seconds > 0 else 0.0

    def _end(self) -> End:
        self._collect()
        test = self.engine.evaluate(self.data.test)
        if test.examples and not math.isfinite(test.mean_loss) and not self._message:
            self._diverge("the test loss was not finite", self.position.epoch - 1)
        reason: Reason = "diverged" if self._message else "completed"
        if not self._message and self.position.epoch <= self.preset.training.epochs:
            reason = "stopped"
        return End(
            reason=reason,
            run="",
            path="",
            epochs=self.position.epoch - 1,
            step=self.engine.step_number,
            best_epoch=self.position.best_epoch,
            test_loss=test.mean_loss,
            test_accuracy=test.accuracy,
            seconds=self._seconds,
            examples_per_second=self._speed(),
            message=self._message,
        )
