"""Keras 3 on any of its backends: weights, updates, gradients and outputs of a step that is measured;
TensorFlow keeps the last two inside the compiled step."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

import keras
import numpy as np

from tuiml.watch.adapter import GRADIENTS, NAN, OUTPUTS, activation_named, is_bias, kind_of, number_or_text
from tuiml.watch.arrays import ArrayAdapter, Entry, Weight
from tuiml.watch.facts import ModuleFacts
from tuiml.watch.keras_calls import see_layers, unit_axis, unsee_layers
from tuiml.watch.reductions import Library


class Keras(ArrayAdapter):
    """Sees a :class:`keras.Model`."""

    framework = "keras"
    distribution = "keras"

    def __init__(self, model: Any, optimizer: Any = None) -> None:
        self._model = model
        self._backend = keras.backend.backend()
        own = getattr(model, "optimizer", None)
        self._optimizer: Any = own if optimizer is None else optimizer
        self._layers: list[Any] = []
        self._wrapped: list[Any] = []
        self._seen: set[int] = set()
        self._beside: Any = None
        self._handed = False
        """Whether the loop has handed over the gradients of this step."""
        super().__init__(self._walk(model, ""))
        if self._backend == "torch":
            if getattr(model, "jit_compile", False):
                self.limit("Keras compiles the step: outputs and dead units are not seen", OUTPUTS)
        elif not self._sees_beside():
            self._limit_compiled()

    def _sees_beside(self) -> bool:
        """Whether gradients and outputs can be computed beside the step, as of JAX."""
        if self._backend == "jax":
            from tuiml.watch.keras_jax import Beside

            if Beside.suits(self._model):
                sample = self._parcel.sample
                self._beside = Beside(self._model, self._layers, self._entries, sample, self.measuring)
        return self._beside is not None

    def _limit_compiled(self) -> None:
        self.limit(
            f"the step is compiled by {self._backend}: gradients, outputs and dead units are not seen; "
            "weights and updates are",
            OUTPUTS,
            GRADIENTS,
        )

    def _walk(self, layer: Any, prefix: str) -> list[Entry]:
        """The layers inside one, each before its own."""
        found: list[Entry] = []
        for child in layer._flatten_layers(include_self=False, recursive=False):
            if type(child).__name__ != "InputLayer" and not any(child is known for known in self._layers):
                found += self._entries_of(child, prefix + child.name.replace(".", "_"))
        return found

    def _entries_of(self, layer: Any, name: str) -> list[Entry]:
        own = [*layer._trainable_variables, *layer._non_trainable_variables]
        inside = any(True for _ in layer._flatten_layers(include_self=False, recursive=False))
        type_name = type(layer).__name__
        activation = activation_named(getattr(getattr(layer, "activation", None), "__name__", ""))
        activation = activation or activation_named(type_name)
        entry = Entry(name, type_name, kind_of(type_name, bool(own), inside), activation)
        for variable in own:
            weight = Weight(
                id(variable),
                variable.path,
                partial(self._value, variable),
                math.prod(variable.shape),
                str(variable.dtype),
                bool(layer.trainable and variable.trainable),
                "float" in str(variable.dtype),
            )
            if not any(variable is one for one in layer._trainable_variables):
                entry.buffers.append(weight)
            else:
                (entry.biases if is_bias(variable.name) else entry.weights).append(weight)
        shape = getattr(getattr(layer, "output", None), "shape", None) if _is_built(layer) else None
        entry.shape = tuple(n or 0 for n in shape[1:]) if shape else None
        self._layers.append(layer)
        return [entry, *self._walk(layer, name + ".")]

    # -- what is always known ------------------------------------------------------------------------------

    @property
    def model_type(self) -> str:
        return type(self._model).__name__

    @property
    def device(self) -> str:
        weights = self._model.weights
        found = getattr(weights[0].value, "device", "cpu") if weights else "cpu"
        return str(found).lower()

    @property
    def optimizer(self) -> str:
        return type(self._optimizer).__name__ if self._optimizer is not None else ""

    @property
    def optimizer_settings(self) -> dict[str, float | str]:
        given = self._optimizer.get_config() if hasattr(self._optimizer, "get_config") else {}
        found = {key: number_or_text(v) for key, v in given.items() if v is not None and key != "name"}
        return {key: value for key, value in found.items() if value is not None}

    @property
    def learning_rate(self) -> float:
        self._bring_back()
        rate = getattr(self._optimizer, "learning_rate", None)
        return float(rate) if rate is not None else NAN

    # -- a step that is measured -----------------------------------------------------------------------------

    def _library(self) -> tuple[Library, Callable[[list[Any]], list[Any]]]:
        if self._backend == "torch":
            import torch

            from tuiml.watch.torch_arrays import fetch

            return torch, fetch
        if self._backend == "jax":
            from tuiml.watch.jax_arrays import library

            return library()
        return np, lambda arrays: [np.asarray(one) for one in arrays]

    def _value(self, variable: Any) -> Any:
        """The array of a variable, as the library of this backend takes it."""
        if self._backend == "torch":
            return variable.value.detach()
        if self._backend == "jax":
            from tuiml.watch.jax_arrays import array

            return array(variable.value)
        return keras.ops.convert_to_numpy(variable.value)

    def _copies(self, samples: list[Any]) -> list[Any]:
        if self._backend == "torch":
            return [one.clone() for one in samples]
        if self._backend == "jax":
            from tuiml.watch.jax_arrays import copies

            return copies(samples)
        return [np.array(one) for one in samples]

    def arm(self) -> None:
        self._bring_back()
        super().arm()

    def measure(self, grads: Any = None) -> list[ModuleFacts] | None:
        self._bring_back()
        return super().measure(grads)

    def _bring_back(self) -> None:
        """Within an epoch, JAX's weights are not in the model until they are asked for."""
        with self.measuring():
            if hasattr(self._model, "jax_state_sync"):
                self._model.jax_state_sync()

    def _gradients(self, grads: Any) -> Callable[[Weight], Any]:
        self._handed = grads is not None
        if self._handed:
            variables = self._model.trainable_variables
            pairs = zip(variables, grads, strict=True)
            given: dict[Hashable, Any] = {id(variable): grad for variable, grad in pairs}
            return lambda weight: self._plain(given.get(weight.key))
        if self._backend != "torch":
            return lambda weight: None
        values: dict[Hashable, Any] = {
            id(variable): variable.value for variable in self._model.trainable_variables
        }
        scale = float(self._optimizer.scale_loss(1.0)) if hasattr(self._optimizer, "scale_loss") else 1.0

        def find(weight: Weight) -> Any:
            grad = getattr(values.get(weight.key), "grad", None)
            return None if grad is None else grad.detach() / scale

        return find

    def _plain(self, grad: Any) -> Any:
        if grad is None or self._backend == "torch":
            return grad if grad is None else grad.detach()
        return np.asarray(grad)

    def _see_outputs(self) -> None:
        unsee_layers(self._wrapped)
        self._seen = set()
        if self._backend == "torch":
            self._wrapped = see_layers(self._layers, self._entries, self._record)
        elif self._beside is not None:
            self._beside.arm()

    def _record(self, index: int, output: Any) -> None:
        import torch

        from tuiml.watch.torch_arrays import floats

        if torch.compiler.is_compiling() or not torch.is_grad_enabled() or index in self._seen:
            return
        with self.measuring(), torch.no_grad():
            value = floats(output)
            if value is None or value.dim() == 0:
                return
            self._seen.add(index)
            entry = self._entries[index]
            entry.shape = tuple(value.shape[1:])
            axis = unit_axis(self._layers[index])
            self._parcel.output(value, self._facts[index], entry.activation, axis)

    def _outputs(self) -> None:
        unsee_layers(self._wrapped)
        if self._beside is None:
            return
        self._beside.disarm()
        for mine, seen in zip(self._facts, self._beside.found or (), strict=False):
            mine.output, mine.silent, mine.examples = seen.output, seen.silent, seen.examples
            mine.gradients = [] if self._handed else list(seen.gradients)
        if not self._beside.gradients:
            self._limit_compiled()
        elif not self._beside.outputs:
            self.limit("a layer is called inside a loop of JAX: outputs and dead units are not seen", OUTPUTS)

    def close(self) -> None:
        super().close()
        unsee_layers(self._wrapped)
        if self._beside is not None:
            self._beside.disarm()

    def hold(self, value: Any) -> Any:
        return float(value.detach() if hasattr(value, "detach") else value)


def _is_built(layer: Any) -> bool:
    return bool(getattr(layer, "_inbound_nodes", None))
