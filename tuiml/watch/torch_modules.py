"""PyTorch: what the modules of a model are, found without calling any of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from tuiml.nn.activations import Activation
from tuiml.runs.watched import Module
from tuiml.watch.adapter import activation_named, is_bias, kind_of
from tuiml.watch.torch_arrays import floats


@dataclass
class Seen:
    """One module of the model."""

    module: nn.Module
    name: str
    kind: Any
    activation: Activation | None
    axis: int | None
    """The axis of its outputs' units: -1 for features, 1 for channels; ``None``: as in the module before."""
    weights: list[nn.Parameter] = field(default_factory=list)
    biases: list[nn.Parameter] = field(default_factory=list)
    shared_with: str = ""
    compiled: bool = False
    shape: tuple[int, ...] | None = None

    def described(self) -> Module:
        """As ``model.json`` has it."""
        own = [p for p in self.module._parameters.values() if p is not None]
        return Module(
            name=self.name,
            type=type(self.module).__name__,
            kind=self.kind,
            output_shape=self.shape,
            parameters=sum(_size(p) for p in own),
            trainable=sum(_size(p) for p in own if p.requires_grad),
            activation=self.activation.name if self.activation else "",
            shared_with=self.shared_with,
            dtype=str(own[0].dtype).removeprefix("torch.") if own else "",
        )

    @property
    def hooked(self) -> bool:
        """Whether its outputs can be seen."""
        script = isinstance(self.module, torch.jit.ScriptModule)
        return self.kind != "container" and not self.compiled and not script


def _size(parameter: nn.Parameter) -> int:
    try:
        return int(parameter.numel())
    except ValueError:  # of a lazy module before its first call
        return 0


def unwrapped(model: nn.Module) -> nn.Module:
    """The user's own module in ``torch.compile``'s or a data-parallel wrapper."""
    while True:
        if isinstance(inner := getattr(model, "_orig_mod", None), nn.Module):
            model = inner
        elif type(model).__name__ in ("DistributedDataParallel", "DataParallel") and hasattr(model, "module"):
            model = model.module
        else:
            return model


def find(model: nn.Module, compiled: bool) -> list[Seen]:
    """The modules of a model, a parent before its children; one that has several names, under its first.

    Args:
        compiled: it is compiled as a whole.
    """
    found: list[Seen] = []
    owners: dict[int, str] = {}
    roots = [""] if compiled or _is_compiled(model) else []
    for path, module in model.named_modules():
        if path and _is_compiled(module):
            roots.append(path)
        own = {name: p for name, p in module._parameters.items() if p is not None}
        children = any(True for _ in module.children())
        if type(module).__name__ == "OptimizedModule" or (not path and children and not own):
            continue  # a wrapper, or the model itself
        name = ".".join(part for part in path.split(".") if part != "_orig_mod") or type(module).__name__
        type_name = type(module).__name__
        seen = Seen(
            module,
            name,
            kind_of(type_name, bool(own), children),
            activation_named(type_name),
            _axis(module),
            compiled=any(root == "" or path == root or path.startswith(root + ".") for root in roots),
        )
        for key, parameter in own.items():
            (seen.biases if is_bias(key) else seen.weights).append(parameter)
            seen.shared_with = seen.shared_with or owners.get(id(parameter), "")
            owners.setdefault(id(parameter), name)
        found.append(seen)
    return found


def _is_compiled(module: nn.Module) -> bool:
    return (
        getattr(module, "_compiled_call_impl", None) is not None or type(module).__name__ == "OptimizedModule"
    )


def _axis(module: nn.Module) -> int | None:
    if isinstance(module, nn.modules.conv._ConvNd | nn.modules.batchnorm._NormBase | nn.GroupNorm):
        return 1
    return -1 if module._parameters and not isinstance(module, nn.PReLU) else None


def limits_of(model: nn.Module, modules: list[Seen]) -> list[str]:
    """What of these modules cannot be seen, in sentences."""
    found = []
    quantized = [s for s in modules if _quantized(s)]
    if quantized:
        held = sum(_size(p) for s in quantized for p in s.module._parameters.values() if p is not None)
        found.append(
            f"{len(quantized)} modules have quantized weights ({held:,} numbers): they are counted, "
            "and have no statistics of weights"
        )
    hidden = sum(s.compiled for s in modules)
    if hidden:
        found.append(
            f"{hidden} modules are compiled: their outputs and dead units are not seen; weights, gradients "
            "and updates are"
        )
    if any(isinstance(s.module, torch.jit.ScriptModule) for s in modules):
        found.append("scripted modules: their outputs are not seen")
    if any(hasattr(p, "to_local") for p in model.parameters()):
        found.append("the parameters are sharded: norms and histograms are of this process's part")
    return found


def _quantized(seen: Seen) -> bool:
    packed = "quantized" in type(seen.module).__module__
    return packed or (bool(seen.weights) and all(floats(p) is None and _size(p) for p in seen.weights))
