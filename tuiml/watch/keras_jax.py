"""Keras on JAX, whose step is compiled: in a step that is measured, gradients and outputs of the same batch
are computed beside it, with the weights and random numbers that the step itself begins with."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import keras

from tuiml.watch.arrays import Entry
from tuiml.watch.facts import ModuleFacts
from tuiml.watch.keras_calls import see_layers, unit_axis, unsee_layers
from tuiml.watch.reductions import Parcel

SHAPES = 3
"""Shapes of a batch that are measured: each has to be compiled."""


class Beside:
    """Runs a model forward and backward beside a step of its own.

    Args:
        layers: of the model, with their ``entries``.
        sample: numbers of each array whose histogram is shown.
        measuring: makes the context that all work is done in.
    """

    def __init__(
        self,
        model: Any,
        layers: Sequence[Any],
        entries: Sequence[Entry],
        sample: int,
        measuring: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._model, self._layers, self._entries = model, layers, entries
        self._sample, self._measuring = sample, measuring
        self._made: dict[str, Any] = {}
        self._step: Any = None
        self._called: set[int] = set()
        self.found: list[ModuleFacts] | None = None
        """What was seen since :meth:`arm`, one entry a layer."""
        self.outputs = self.gradients = True
        """Whether they can be seen."""

    @staticmethod
    def suits(model: Any) -> bool:
        """Whether the step is the one of Keras, compiled."""
        names = ("train_step", "compute_loss_and_updates", "compute_loss")
        own = [getattr(type(model), name, None) for name in names]
        nnx = getattr(keras.config, "is_nnx_enabled", lambda: False)()
        usual = own == [getattr(keras.Model, name, None) for name in names] and None not in own
        return usual and not model.run_eagerly and bool(model.jit_compile) and not nnx

    def arm(self) -> None:
        """See the next step."""
        self.disarm()
        self.found = None
        if self.gradients and self._model.train_function is not None:
            self._step = self._model.train_function
            vars(self._model)["train_function"] = self._both

    def disarm(self) -> None:
        """Let the step be as it was."""
        if self._step is not None and vars(self._model).get("train_function") == self._both:
            vars(self._model)["train_function"] = self._step
        self._step = None

    def _both(self, state: Any, iterator: Any) -> Any:
        step = self._step
        self.disarm()
        batch = next(iterator)
        key = str(jax.tree.map(lambda one: (jnp.shape(one), str(jnp.result_type(one))), batch))
        if self._compiled(key, state, batch):
            with self._measuring():
                run, parcel, facts = self._made[key]
                found = jax.device_get(run(state, batch))
                for one in facts:
                    one.gradients.clear()
                parcel.tell(found)
                self.found = facts
        return step(state, itertools.chain([batch], iterator))

    def _compiled(self, key: str, state: Any, batch: Any) -> bool:
        """Whether batches of this shape can be seen. What compiling takes is not counted: it is done once."""
        while self.gradients and key not in self._made and len(self._made) < SHAPES:
            facts = [ModuleFacts() for _ in self._entries]
            parcel = Parcel(jnp, self._sample, jax.device_get)
            try:
                run = jax.jit(partial(self._compute, parcel, facts))
                jax.block_until_ready(run(state, batch))
                self._made[key] = run, parcel, facts
            except Exception:  # of a layer's own code, or of one that is called inside a loop of JAX
                self._made.clear()
                self.gradients, self.outputs = self.outputs, False
        return self.gradients and key in self._made

    def _compute(self, parcel: Parcel, facts: list[ModuleFacts], state: Any, batch: Any) -> list[Any]:
        """What is left of outputs and gradients; traced once."""
        trained, others, optimizer, metrics = state
        x, y, weights = keras.utils.unpack_x_y_sample_weight(batch)
        model = self._model
        options = {"training": True, "optimizer_variables": optimizer}

        def loss_of(trained: Any) -> tuple[Any, list[Any]]:
            self._called = set()
            seen = see_layers(self._layers, self._entries, partial(self._record, parcel, facts))
            try:
                loss, _ = model.compute_loss_and_updates(trained, others, metrics, x, y, weights, **options)
            finally:
                unsee_layers(seen)
            return loss, parcel.parts[:]

        slopes, outputs = jax.grad(loss_of, has_aux=True)(trained)
        with keras.StatelessScope(list(zip(model.optimizer.variables, optimizer, strict=True))):
            scale = model.optimizer.scale_loss(1.0)
        places = {weight.key: at for at, entry in enumerate(self._entries) for weight in entry.weights}
        for variable, slope in zip(model.trainable_variables, slopes, strict=True):
            if id(variable) in places:
                parcel.array(slope, facts[places[id(variable)]].gradients.append, scale)
        return [*outputs, *parcel.parts[len(outputs) :]]

    def _record(self, parcel: Parcel, facts: list[ModuleFacts], index: int, output: Any) -> None:
        value = output[0] if isinstance(output, tuple | list) and output else output
        if not self.outputs or index in self._called or not getattr(value, "ndim", 0):
            return
        if jnp.issubdtype(value.dtype, jnp.floating):
            self._called.add(index)
            entry = self._entries[index]
            entry.shape = tuple(value.shape[1:])
            value = jax.lax.stop_gradient(value)
            parcel.output(value, facts[index], entry.activation, unit_axis(self._layers[index]))
