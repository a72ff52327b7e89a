"""MLX: outputs by the calls of modules in a step that is measured; gradients by that of the optimizer, or as
the loop hands them over.

Arrays are evaluated in the thread of the loop alone.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import mlx.core as mx
import numpy as np
from mlx.nn.layers.base import Module
from mlx.utils import tree_flatten

from tuiml.watch.adapter import GRADIENTS, NAN, OUTPUTS, activation_named, is_bias, kind_of, number_or_text
from tuiml.watch.arrays import ArrayAdapter, Entry, Weight
from tuiml.watch.facts import ModuleFacts
from tuiml.watch.module_calls import see_calls, unsee_calls
from tuiml.watch.reductions import Library, Parcel


class MLX(ArrayAdapter):
    """Sees a :class:`mlx.nn.Module`."""

    framework = "mlx"
    distribution = "mlx"

    def __init__(self, model: Any, optimizer: Any = None) -> None:
        self._model, self._optimizer = model, optimizer
        self._modules: list[Any] = []
        self._seeing = False
        self._calls = self._steps = 0
        self._applied: dict[Hashable, Any] = {}
        """The gradients that the optimizer has got, by the key of the weight."""
        self._compiled = False
        super().__init__(list(self._entries_of(model, "")))
        if optimizer is None:
            self.limit(
                "gradients are seen with tuiml.watch(model, optimizer=…), or run.step(grads=…)", GRADIENTS
            )

    def _entries_of(self, module: Any, name: str) -> Iterator[Entry]:
        own = {key: value for key, value in module.items() if isinstance(value, mx.array)}
        children = list(_children(module))
        type_name = type(module).__name__
        if name or own or not children:
            self._modules.append(module)
            kind = kind_of(type_name, bool(own), bool(children))
            entry = Entry(name or type_name, type_name, kind, activation_named(type_name))
            for key, value in own.items():
                frozen, real = key in module._no_grad, mx.issubdtype(value.dtype, mx.floating)
                path = f"{name}.{key}" if name else key
                dtype = str(value.dtype).rpartition(".")[2]
                read = partial(module.__getitem__, key)
                weight = Weight(id(value), path, read, value.size, dtype, not frozen and real, real)
                if key.startswith("running_"):
                    entry.buffers.append(weight)
                else:
                    (entry.biases if is_bias(key) else entry.weights).append(weight)
            yield entry
        for key, child in children:
            if not any(child is known for known in self._modules):
                yield from self._entries_of(child, f"{name}.{key}" if name else key)

    # -- what is always known ------------------------------------------------------------------------------

    @property
    def model_type(self) -> str:
        return type(self._model).__name__

    @property
    def device(self) -> str:
        return "gpu" if mx.default_device().type == mx.DeviceType.gpu else "cpu"

    @property
    def optimizer(self) -> str:
        return type(self._optimizer).__name__ if self._optimizer is not None else ""

    @property
    def optimizer_settings(self) -> dict[str, float | str]:
        names = ("betas", "eps", "momentum", "nesterov", "weight_decay", "dampening", "alpha")
        found = {name: number_or_text(getattr(self._optimizer, name, None)) for name in names}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def learning_rate(self) -> float:
        rate = getattr(self._optimizer, "learning_rate", None)
        return float(rate) if rate is not None else NAN

    # -- a step that is measured -----------------------------------------------------------------------------

    def _library(self) -> tuple[Library, Callable[[list[Any]], list[Any]]]:
        return mx, _fetch

    def _copies(self, samples: list[Any]) -> list[Any]:
        found = [one + 0 for one in samples]
        mx.eval(found)
        return found

    def _gradients(self, grads: Any) -> Callable[[Weight], Any]:
        self._unsee()
        applied, self._applied = self._applied, {}
        if isinstance(grads, Mapping | Sequence):
            found = dict(tree_flatten(grads))
            return lambda weight: found.get(weight.path)
        self._steps += not applied and self._optimizer is not None
        if self._steps == 2:
            self.limit(
                "the optimizer was not called in the measured steps, as in a compiled one: gradients are "
                "seen where that returns them, with run.step(grads=grads)",
                GRADIENTS,
            )
        return lambda weight: applied.get(weight.key)

    def _updated(self, _: Any, gradients: Any, parameters: Any) -> None:
        """The optimizer was called: with the parameters of this model, of a part of it, or of others."""
        with self.measuring():
            given = dict(tree_flatten(gradients))
            try:
                mx.eval([one.reshape(-1)[:1] for one in list(given.values())[:1]])
            except (RuntimeError, ValueError):
                return  # the step is being compiled
            own = {id(w.read()): w.key for entry in self._entries for w in entry.weights}
            there = {path: own.get(id(one)) for path, one in dict(tree_flatten(parameters)).items()}
            self._applied |= {
                key: grad for path, grad in given.items() if (key := there.get(path)) is not None
            }

    def _see_outputs(self) -> None:
        self._unsee()
        self._applied, self._seeing = {}, True
        if self._optimizer is not None:
            see_calls(self._optimizer, self._updated, "apply_gradients")
        self._seen: set[int] = set()
        if self._compiled:
            return
        for index, (module, entry) in enumerate(zip(self._modules, self._entries, strict=True)):
            if entry.kind != "container":
                see_calls(module, partial(self._called, index))

    def _called(self, index: int, output: Any, *_: Any, **__: Any) -> None:
        if not self._model.training or index in self._seen or self._compiled:
            return
        with self.measuring(), np.errstate(all="ignore"):
            value = output[0] if isinstance(output, tuple | list) and output else output
            if (
                not isinstance(value, mx.array)
                or not value.ndim
                or not mx.issubdtype(value.dtype, mx.floating)
            ):
                return
            self._seen.add(index)
            entry, facts = self._entries[index], ModuleFacts()
            parcel = Parcel(mx, self._parcel.sample, _fetch)
            try:
                parcel.output(mx.stop_gradient(value), facts, entry.activation, -1)
                parcel.open()  # now: the output itself need not stay in memory
            except (RuntimeError, ValueError):
                self._compiled = True
                self.limit("the step is compiled: outputs and dead units are not seen", OUTPUTS)
                return
            entry.shape = tuple(value.shape[1:])
            mine = self._facts[index]
            mine.output, mine.silent, mine.examples = facts.output, facts.silent, facts.examples

    def _outputs(self) -> None:
        if not self._seen and not self._compiled:
            self._calls += 1
            if self._calls == 2:
                self._compiled = True
                self.limit(
                    "no module was called in training mode: outputs and dead units are not seen (the step is "
                    "compiled, or the model is in eval())",
                    OUTPUTS,
                )

    def _unsee(self) -> None:
        if self._seeing:
            self._seeing = False
            for one in (*self._modules, self._optimizer):
                unsee_calls(one)

    def close(self) -> None:
        super().close()
        self._unsee()

    # -- numbers of the loop ---------------------------------------------------------------------------------

    def hold(self, value: Any) -> Any:
        if not isinstance(value, mx.array):
            return float(value)
        # Of its own, for the loop may change its array; begun, for it would keep what it is computed from.
        found = mx.stop_gradient(value) if value.size == 1 else mx.mean(value)
        mx.async_eval(found)
        return found

    def numbers(self, values: Sequence[Any]) -> list[float]:
        return [float(value.item()) if isinstance(value, mx.array) else value for value in values]


def _children(module: Any) -> Iterator[tuple[str, Any]]:
    """The modules inside one, in the order in which they were set."""

    def inside(key: str, value: Any) -> Iterator[tuple[str, Any]]:
        if isinstance(value, Module):
            yield key, value
        elif isinstance(value, list | tuple):
            for place, one in enumerate(value):
                yield from inside(f"{key}.{place}", one)
        elif isinstance(value, dict):
            for name, one in value.items():
                yield from inside(f"{key}.{name}", one)

    for key, value in module.items():
        yield from inside(str(key), value)


def _fetch(arrays: list[Any]) -> list[Any]:
    mx.eval(arrays)
    return [np.array(one.astype(mx.float32)) for one in arrays]
