"""Flax NNX: weights and updates of the model's variables, gradients where the loop hands them over, and
outputs on a batch to probe with: what a compiled step computes inside is not to be seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from tuiml.watch.adapter import GRADIENTS, NAN, OUTPUTS, activation_named, is_bias, kind_of
from tuiml.watch.arrays import ArrayAdapter, Entry, Weight
from tuiml.watch.facts import ModuleFacts
from tuiml.watch.jax_arrays import array, copies, library
from tuiml.watch.module_calls import see_calls
from tuiml.watch.reductions import Library, Parcel


class Flax(ArrayAdapter):
    """Sees a :class:`flax.nnx.Module`.

    Args:
        probe: a small batch of inputs, or a tuple of the arguments of a call.
    """

    framework = "flax"
    distribution = "flax"

    def __init__(self, model: nnx.Module, optimizer: Any = None, probe: Any = None) -> None:
        self._model, self._optimizer = model, optimizer
        self._probe = probe if probe is None or isinstance(probe, tuple) else (probe,)
        modules = _modules(model)
        parents = {name.rpartition(".")[0] for name, _ in modules if name}
        inside = {name for name, _ in modules for parent in parents if (parent + ".").startswith(name + ".")}
        super().__init__([_entry(name, module, name in inside) for name, module in modules])
        self._run_probe: Any = None
        self.limit("gradients are seen where the loop gives them: run.step(grads=grads)", GRADIENTS)
        if probe is None:
            self.limit(
                "outputs and dead units are seen on a batch to probe with: tuiml.watch(model, probe=inputs)",
                OUTPUTS,
            )
        else:
            self.limit("outputs and dead units are those of the batch to probe with, in evaluation")

    # -- what is always known ------------------------------------------------------------------------------

    @property
    def model_type(self) -> str:
        return type(self._model).__name__

    @property
    def device(self) -> str:
        return str(jax.default_backend())

    @property
    def rank(self) -> int:
        return int(jax.process_index())

    @property
    def optimizer(self) -> str:
        return type(self._optimizer).__name__ if self._optimizer is not None else ""

    @property
    def learning_rate(self) -> float:
        state = getattr(self._optimizer, "opt_state", None)
        given = getattr(state, "hyperparams", None)  # of optax.inject_hyperparams
        rate = given.get("learning_rate") if isinstance(given, Mapping) else None
        return float(rate[...] if isinstance(rate, nnx.Variable) else rate) if rate is not None else NAN

    # -- a step that is measured -----------------------------------------------------------------------------

    def _library(self) -> tuple[Library, Callable[[list[Any]], list[Any]]]:
        return library()

    def _copies(self, samples: list[Any]) -> list[Any]:
        return copies(samples)

    def _gradients(self, grads: Any) -> Callable[[Weight], Any]:
        found = {}
        for path, value in jax.tree_util.tree_flatten_with_path(grads)[0]:
            parts = [str(getattr(p, "key", getattr(p, "idx", getattr(p, "name", "")))) for p in path]
            found[".".join(parts).removesuffix(".value")] = value

        def find(weight: Weight) -> Any:
            value = found.get(weight.path)
            return None if value is None else array(value)

        return find

    def _outputs(self) -> None:
        if self._probe is None:
            return
        state = nnx.split(self._model)[1]
        if self._run_probe is None:
            began = time.perf_counter()
            self._run_probe = self._compiled_probe()
            jax.block_until_ready(self._run_probe(state, self._probe))
            self.once = time.perf_counter() - began
        found = jax.device_get(self._run_probe(state, self._probe))
        self._probed.tell(found)
        for seen, facts in zip(self._probed_facts, self._facts, strict=True):
            facts.output, facts.silent, facts.examples = seen.output, seen.silent, seen.examples

    def _compiled_probe(self) -> Any:
        """A function of the model's state: what is left of the outputs of a copy of it on the probe."""
        graph = nnx.split(self._model)[0]

        def run(state: Any, probe: tuple[Any, ...]) -> list[Any]:
            self._probed = Parcel(jnp, self._parcel.sample, jax.device_get)
            self._probed_facts = [ModuleFacts() for _ in self._entries]
            seen: set[int] = set()
            model = nnx.merge(graph, state)
            model.eval()
            places = {entry.name: index for index, entry in enumerate(self._entries)}
            for name, module in _modules(model):  # in another order: a copy's attributes are sorted
                index = places[name or type(module).__name__]
                if self._entries[index].kind != "container":
                    see_calls(module, partial(self._called, seen, index))
            model(*probe)
            return self._probed.parts

        return jax.jit(run)

    def _called(self, seen: set[int], index: int, output: Any, *_: Any, **__: Any) -> None:
        value = output[0] if isinstance(output, tuple | list) and output else output
        if index in seen or not hasattr(value, "dtype") or not jnp.issubdtype(value.dtype, jnp.floating):
            return
        seen.add(index)
        entry = self._entries[index]
        entry.shape = tuple(value.shape[1:])
        self._probed.output(value, self._probed_facts[index], entry.activation, -1)

    # -- numbers of the loop ---------------------------------------------------------------------------------

    def hold(self, value: Any) -> Any:
        return value if isinstance(value, jax.Array) else float(value)

    def numbers(self, values: Sequence[Any]) -> list[float]:
        return [float(np.mean(value)) for value in jax.device_get(list(values))]


def _modules(model: nnx.Module) -> list[tuple[str, nnx.Module]]:
    """The modules with their paths, a parent before its children, in the order in which they were set."""
    found: list[tuple[str, nnx.Module]] = []

    def walk(name: str, value: Any) -> None:
        if isinstance(value, nnx.Module) and not isinstance(value, nnx.List):
            if any(value is known for _, known in found):
                return
            found.append((name, value))
            inside = [(key, one) for key, one in vars(value).items() if not key.startswith("_pytree__")]
        elif isinstance(value, nnx.List | list | tuple):
            inside = [(str(place), one) for place, one in enumerate(value)]
        elif isinstance(value, Mapping):
            inside = [(str(key), one) for key, one in value.items()]
        else:
            return
        for key, one in inside:
            walk(f"{name}.{key}" if name else key, one)

    walk("", model)
    only = found[0][1]
    bare = len(found) > 1 and not any(isinstance(one, nnx.Variable) for one in vars(only).values())
    return found[1:] if bare else found


def _entry(name: str, module: nnx.Module, children: bool) -> Entry:
    own = {key: value for key, value in vars(module).items() if isinstance(value, nnx.Variable)}
    own = {key: value for key, value in own.items() if hasattr(value[...], "shape")}
    type_name = type(module).__name__
    holds = any(isinstance(value, nnx.Param) for value in own.values())
    entry = Entry(name or type_name, type_name, kind_of(type_name, holds, children))
    entry.activation = activation_named(type_name)
    for key, variable in own.items():
        value, path = variable[...], f"{name}.{key}" if name else key
        if isinstance(variable, nnx.RngState):
            continue
        trained = isinstance(variable, nnx.Param)
        real = bool(jnp.issubdtype(value.dtype, jnp.floating))
        read = partial(_read, variable)
        weight = Weight(id(variable), path, read, value.size, str(value.dtype), trained and real, real)
        if trained:
            (entry.biases if is_bias(key) else entry.weights).append(weight)
        else:
            entry.buffers.append(weight)
    return entry


def _read(variable: Any) -> Any:
    return array(variable[...])
