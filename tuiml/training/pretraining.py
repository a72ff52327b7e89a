"""Greedy layer-wise pretraining: each layer learns to model the outputs of the layers below.

Hinton, Osindero & Teh 2006, "A fast learning algorithm for deep belief nets", section 4. Everything is a
function of the seed, the layer and the step: pretraining that begins anew gives the same bits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

import numpy as np

from tuiml.backends.pretraining import Machine
from tuiml.data.arrays import Data
from tuiml.nn.network import Network, Node
from tuiml.spec import pretraining
from tuiml.spec.preset import Preset, batches_of
from tuiml.training.events import Event, Pretraining, PretrainingProgress
from tuiml.training.run_control import RunControl

Array = np.ndarray[Any, Any]
REPORT_EVERY = 0.1
"""Seconds between two progress events."""


class Pretrainer:
    """Pretrains a network's hidden layers from the first to the last.

    Args:
        done: the parameters of layers that are pretrained already, by their names on disk.
        layers_done: how many those are.
    """

    def __init__(
        self,
        preset: Preset,
        network: Network,
        data: Data,
        control: RunControl,
        *,
        done: Mapping[str, Array] | None = None,
        layers_done: int = 0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        assert preset.pretraining is not None
        self.method = preset.pretraining
        self.nodes = pretraining.nodes(network)
        self.layers_done = layers_done
        self.message = ""
        """Why pretraining failed, where it did."""
        self._seed, self._linear = preset.training.seed, pretraining.linear(preset)
        self._network, self._data, self._control, self._clock = network, data, control, clock
        self._tensors = {k: v for k, v in (done or {}).items() if k in self._names(layers_done)}
        self._began = clock()

    @property
    def complete(self) -> bool:
        """True if every layer is pretrained."""
        return self.layers_done == len(self.nodes)

    def tensors(self) -> dict[str, Array]:
        """The parameters of the layers that are done, by their names on disk."""
        return dict(self._tensors)

    def events(self, attend: Callable[[], Iterator[Event]]) -> Iterator[Event]:
        """Pretrain to the end, until it is stopped, or until it fails and sets :attr:`message`.

        Args:
            attend: carries out the control's orders; blocks while paused.
        """
        self._began = self._clock()
        below: Array | None = None
        for number, node in enumerate(self.nodes):
            machine = Machine(
                self.method, self._network, node, self._data, below, self._linear and not number, self._seed
            )
            if number < self.layers_done:
                machine.load(self._tensors)
            else:
                yield from self._layer(machine, number, attend)
                if self.message or self._control.stopped:
                    return
            below = machine.outputs() if number + 1 < len(self.nodes) else None

    def _layer(self, machine: Machine, number: int, attend: Callable[[], Iterator[Event]]) -> Iterator[Event]:
        for epoch in range(1, self.method.epochs + 1):
            if not (yield from self._epoch(machine, number, epoch, attend)):
                return
        self._tensors |= machine.tensors()
        self.layers_done = number + 1

    def order(self, layer: int, epoch: int) -> Array:
        """The training examples in the order of a layer's epoch."""
        rng = np.random.Generator(np.random.PCG64([self._seed, 0x5242, layer, epoch]))
        return rng.permutation(len(self._data.train))

    def _epoch(
        self, machine: Machine, number: int, epoch: int, attend: Callable[[], Iterator[Event]]
    ) -> Generator[Event, None, bool]:
        """Train one epoch; returns whether it was trained to its end."""
        order, size = self.order(machine.node.index, epoch), self.method.batch_size
        batches, total, seen, reported = batches_of(len(order), size), 0.0, 0, self._clock()
        for batch in range(batches):
            asked = self._control.attention
            if asked:
                yield from attend()
                if self._control.stopped:
                    return False
                self._control.take_step()
            rows = order[batch * size : (batch + 1) * size]
            total += machine.step(rows, (epoch - 1) * batches + batch)
            seen += len(rows)
            if not math.isfinite(total):
                self.message = self._failure(machine.node, epoch)
                return False
            if (asked or self._clock() - reported >= REPORT_EVERY) and batch + 1 < batches:
                reported = self._clock()
                yield PretrainingProgress(
                    **self._fields(machine, number, epoch, total, seen), done=(batch + 1) / batches
                )
        if not np.isfinite(machine.weights).all():
            self.message = self._failure(machine.node, epoch)
            return False
        yield Pretraining(**self._fields(machine, number, epoch, total, seen))
        return True

    def _fields(self, machine: Machine, number: int, epoch: int, total: float, seen: int) -> dict[str, Any]:
        return {
            "layer": machine.node.index,
            "number": number + 1,
            "layers": len(self.nodes),
            "epoch": epoch,
            "epochs": self.method.epochs,
            "reconstruction_error": total / (seen * machine.inputs),
            "seconds": self._clock() - self._began,
        }

    def _failure(self, node: Node, epoch: int) -> str:
        return (
            f"pretraining of layer {node.index} was not finite in its epoch {epoch}; a smaller learning rate "
            "of [pretraining] helps; kept the values from before it"
        )

    def _names(self, count: int) -> set[str]:
        return {f"layers.{n.index}.{p.name}" for n in self.nodes[:count] for p in n.parameters}
