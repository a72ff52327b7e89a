"""PyTorch: outputs by forward hooks in a step that is measured, gradients and updates at ``optimizer.step``.

Gradients are read as the optimizer gets them: of all micro-batches, after clipping, and unscaled by a
``GradScaler``. Nothing is drawn at random, and no tensor of the model is written to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from tuiml.runs.watched import Module
from tuiml.watch.adapter import NAN, Adapter, number_or_text
from tuiml.watch.facts import ModuleFacts, copied_each, sample_size
from tuiml.watch.reductions import Parcel, even
from tuiml.watch.torch_arrays import Tensor, fetch, floats
from tuiml.watch.torch_modules import find, limits_of, unwrapped
from tuiml.watch.torch_outputs import Outputs


class PyTorch(Adapter):
    """Sees a :class:`torch.nn.Module`."""

    framework = "pytorch"
    distribution = "torch"

    def __init__(self, model: nn.Module, optimizer: Any = None) -> None:
        super().__init__()
        self._model = unwrapped(model)
        self._modules = find(self._model, type(model).__name__ == "OptimizedModule")
        self.limits += limits_of(self._model, self._modules)
        self._optimizer: Any = (
            optimizer[0] if isinstance(optimizer, list | tuple) and optimizer else optimizer
        )
        self._ours: dict[int, bool] = {}
        """By the id of an optimizer, whether it steps this model."""
        self._armed = self._stepped = False
        self._ever_stepped = False
        """Whether a step of a torch optimizer was seen: else gradients are read when the loop reports."""
        self._sample = sample_size(3 * len(self._modules))
        self._outputs = Outputs(self._model, self._modules, self)
        self._clear()
        self._hooks: list[Any] = []
        self._see_steps()

    # -- what is always known ------------------------------------------------------------------------------

    @property
    def model_type(self) -> str:
        return type(self._model).__name__

    def modules(self) -> list[Module]:
        return [seen.described() for seen in self._modules]

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self._model.parameters() if not _is_lazy(p))

    @property
    def device(self) -> str:
        return next((str(p.device) for p in self._model.parameters()), "cpu")

    @property
    def threads(self) -> int:
        return int(torch.get_num_threads())

    @property
    def rank(self) -> int:
        group = torch.distributed
        return int(group.get_rank()) if group.is_available() and group.is_initialized() else 0

    @property
    def optimizer(self) -> str:
        return type(self._optimizer).__name__ if self._optimizer is not None else ""

    @property
    def optimizer_settings(self) -> dict[str, float | str]:
        given = getattr(self._optimizer, "defaults", {})
        found = {str(key): number_or_text(value) for key, value in given.items() if value is not None}
        return {key: value for key, value in found.items() if value is not None}

    @property
    def learning_rate(self) -> float:
        groups = getattr(self._optimizer, "param_groups", None)
        return float(groups[0].get("lr", NAN)) if groups else NAN

    # -- a step that is measured -----------------------------------------------------------------------------

    def _clear(self) -> None:
        self._facts: list[ModuleFacts] = []
        self._before: dict[int, Tensor] = {}
        self._copied = 0
        self._read: set[int] = set()
        self._parcel = Parcel(torch, self._sample, fetch)

    def _see_steps(self) -> None:
        """Have the steps of optimizers seen."""
        if not self._hooks:
            self._hooks = [
                register_optimizer_step_pre_hook(self._before_step),
                register_optimizer_step_post_hook(self._after_step),
            ]

    def _unsee_steps(self) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    def arm(self) -> None:
        self._clear()
        self._see_steps()
        self._facts = [ModuleFacts() for _ in self._modules]
        self._armed, self._stepped = True, False
        self._outputs.arm(self._parcel, self._facts)
        if not self._ever_stepped:
            with torch.no_grad():
                self._copy_weights()

    def _steps(self, optimizer: Any) -> bool:
        """Whether an optimizer steps this model; the first that does is the one whose rate is shown."""
        found = self._ours.get(id(optimizer))
        if found is None:
            own = {id(p) for p in self._model.parameters()}
            found = any(id(p) in own for group in optimizer.param_groups for p in group["params"])
            self._ours[id(optimizer)] = found
            if found and (self._optimizer is None or not hasattr(self._optimizer, "param_groups")):
                self._optimizer = optimizer
        return found

    def _before_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if not self._armed:
            if not self._ever_stepped and self._steps(optimizer):
                self._ever_stepped = True
            return
        with self.measuring(), torch.no_grad():
            if torch.compiler.is_compiling() or not self._steps(optimizer) or _capturing():
                return
            self._ever_stepped = True
            self._copy_weights()
            if len(args) < 2 and kwargs.get("closure") is None:  # which would make the gradients only now
                self._read_gradients(_ids(optimizer), getattr(optimizer, "grad_scale", None))

    def _after_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if not self._armed:
            return
        with self.measuring(), torch.no_grad():
            if torch.compiler.is_compiling() or not self._steps(optimizer) or _capturing():
                return
            self._stepped = True
            self._read_gradients(_ids(optimizer))
            self._compare_weights(_ids(optimizer))

    def _copy_weights(self) -> None:
        """Copy a sample of the weights that are trained, where that is not done yet."""
        if self._copied:
            return
        trained = {id(p): p for seen in self._modules for p in seen.weights if p.requires_grad}
        there = {key: part for key, p in trained.items() if (part := floats(p)) is not None}
        self._copied = copied_each([part.numel() for part in there.values()])
        self._before = {key: even(part, self._copied).clone() for key, part in there.items()}
        if any(part.numel() > self._copied for part in there.values()):
            self.limit(
                f"updates of large weights are those of an even sample of {self._copied:,} numbers each"
            )

    def _read_gradients(self, only: set[int] | None = None, scale: Tensor | None = None) -> None:
        for seen, facts in zip(self._modules, self._facts, strict=True):
            for p in seen.weights:
                if id(p) in self._read or (only is not None and id(p) not in only):
                    continue
                if p.grad is not None and (part := floats(p.grad)) is not None:
                    self._read.add(id(p))
                    self._parcel.array(part, facts.gradients.append, scale)

    def _compare_weights(self, only: set[int] | None = None) -> None:
        for seen, facts in zip(self._modules, self._facts, strict=True):
            for p in seen.weights:
                if id(p) not in self._before or (only is not None and id(p) not in only):
                    continue
                part = floats(p)
                if part is not None:
                    self._parcel.move(self._before.pop(id(p)), even(part, self._copied), facts)

    def measure(self, grads: Any = None) -> list[ModuleFacts] | None:
        with self.measuring(), torch.no_grad():
            if self._ever_stepped and not self._stepped:  # a gradient scaler has skipped the step
                self.arm()
                return None
            self._armed = False
            self._outputs.disarm()
            self._unsee_steps()
            self._read_gradients(None if not self._ever_stepped else set())
            self._compare_weights()
            for seen, facts in zip(self._modules, self._facts, strict=True):
                for params, to in ((seen.weights, facts.weights), (seen.biases, facts.biases)):
                    for part in map(floats, params):
                        if part is not None:
                            self._parcel.array(part, to.append)
            self._parcel.open()
            self._share()
            found = self._facts
            self._clear()  # nothing is kept until the next step that is measured
            return found
        return None

    def _share(self) -> None:
        """A module with parameters of another has their gradients and updates too."""
        by_name = {seen.name: facts for seen, facts in zip(self._modules, self._facts, strict=True)}
        for seen, facts in zip(self._modules, self._facts, strict=True):
            if seen.shared_with and not facts.gradients and not facts.moves:
                facts.gradients = by_name[seen.shared_with].gradients
                facts.moves = by_name[seen.shared_with].moves

    def close(self) -> None:
        self._armed = False
        self._outputs.disarm()
        self._unsee_steps()

    # -- numbers of the loop ---------------------------------------------------------------------------------

    def hold(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            if value.is_cpu:
                return value.item() if value.numel() == 1 else value.float().mean().item()
            return value.detach().float().mean()  # a new tensor: the loop may write to its own
        return float(value)

    def numbers(self, values: Sequence[Any]) -> list[float]:
        there = [value for value in values if isinstance(value, torch.Tensor)]
        if not there:
            return [float(value) for value in values]
        with torch.no_grad():
            crossed = iter(torch.stack([one.to(there[0].device) for one in there]).cpu().tolist())
        return [next(crossed) if isinstance(value, torch.Tensor) else float(value) for value in values]


def _ids(optimizer: Any) -> set[int]:
    return {id(p) for group in optimizer.param_groups for p in group["params"]}


def _is_lazy(parameter: Any) -> bool:
    return isinstance(parameter, nn.parameter.UninitializedParameter)


def _capturing() -> bool:
    return bool(torch.cuda.is_available() and torch.cuda.is_current_stream_capturing())
