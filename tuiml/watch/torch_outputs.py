"""PyTorch: outputs of modules, by forward hooks that are there only while a step is measured."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from tuiml.watch.adapter import OUTPUTS, Adapter
from tuiml.watch.facts import ModuleFacts
from tuiml.watch.reductions import UNITS, Parcel, flat, highest, zeros
from tuiml.watch.torch_arrays import Tensor, floats
from tuiml.watch.torch_modules import Seen


class Hook:
    """A forward hook that does not follow the model into a copy or a file: there it is a call without effect,
    for which tuiml need not be installed."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def __call__(self, module: nn.Module, args: Any, output: Any) -> None:
        if not torch.compiler.is_compiling():
            self._call(args, output)

    def __reduce__(self) -> Any:
        return functools.partial, (sys.audit, "torch.forward")


class Outputs:
    """What the modules of a model put out in the first training call of each."""

    def __init__(self, model: nn.Module, modules: Sequence[Seen], adapter: Adapter) -> None:
        self._model, self._modules, self._adapter = model, modules, adapter
        self._handles: list[Any] = []
        self._functions = not any(seen.compiled for seen in modules)
        """Whether all modules are seen: only then is it clear what lies between two of them."""
        self._useless = 0
        """Steps in a row in which no module was called."""

    def arm(self, parcel: Parcel, facts: Sequence[ModuleFacts]) -> None:
        """See the next calls; what was seen of earlier ones is forgotten."""
        self.disarm()
        self._parcel, self._facts = parcel, facts
        self._seen: set[int] = set()
        self._inputs: set[int] = set()
        """Where the tensors are in memory that a module has got."""
        self._producer: tuple[int, int, int] | None = None
        """The module whose units the next input may show: its index, its units and their axis."""
        self._axis = -1
        if self._useless >= 2:
            return
        for index, seen in enumerate(self._modules):
            if seen.hooked:
                call = Hook(lambda args, output, index=index: self._called(index, args, output))
                self._handles.append(seen.module.register_forward_hook(call))

    def disarm(self) -> None:
        """Remove the hooks."""
        if not self._handles:
            return
        for handle in self._handles:
            handle.remove()
        self._handles, self._inputs = [], set()
        self._useless = 0 if self._seen else self._useless + 1
        del self._parcel, self._facts
        if self._useless == 2:
            self._adapter.limit(
                "no module was called in training mode: outputs and dead units are not seen (the model is in "
                "eval(), or the step is compiled)",
                OUTPUTS,
            )

    def _called(self, index: int, args: Any, output: Any) -> None:
        if not self._model.training or not torch.is_grad_enabled():
            return  # an evaluation
        with self._adapter.measuring(), torch.no_grad():
            if torch.cuda.is_available() and torch.cuda.is_current_stream_capturing():
                return
            seen, value = self._modules[index], floats(output)
            if value is None or value.dim() == 0:
                return
            if index in self._seen:
                self._adapter.limit(
                    "a module that is called several times in a step is seen at its first call"
                )
                return
            self._seen.add(index)
            seen.shape = tuple(value.shape[1:])
            given = floats(args)
            if given is not None and seen.kind == "weighted":
                self._function_between(given)
            self._record(index, seen, value)
            if given is not None:
                self._inputs.add(given.data_ptr())

    def _record(self, index: int, seen: Seen, value: Tensor) -> None:
        if seen.axis is not None:
            self._axis = seen.axis if value.dim() > 1 else -1
            self._producer = (index, value.shape[self._axis], self._axis)
        elif seen.kind == "activation":
            self._producer = None  # its own module shows what the activation does
        axis = self._axis if value.dim() > 1 else -1
        self._parcel.output(value, self._facts[index], seen.activation, axis)

    def _function_between(self, given: Tensor) -> None:
        """An activation that is a function, as ``F.relu``, has no module: the next input shows it."""
        if (
            not self._functions
            or self._producer is None
            or given.data_ptr() in self._inputs
            or given.dim() < 2
        ):
            return
        (index, units, axis), self._producer = self._producer, None
        if axis >= given.dim() or given.shape[axis] != units:
            if axis != 1 or given.dim() != 2 or given.shape[1] % units:
                return
            given = given.reshape(len(given), units, -1)  # channels that were flattened
        if units > UNITS:
            return
        facts = self._facts[index]

        def make(found: list[Any]) -> None:
            if found[1] == 0.0 and found[2] > 0:  # it cuts off what is below 0
                facts.silent = found[0] <= 0.0

        self._parcel.add([highest(torch, given, axis), given.amin(), zeros(torch, flat(given))], make)
