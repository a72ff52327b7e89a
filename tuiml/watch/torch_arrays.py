"""PyTorch: which tensors have statistics, and how what is left of them crosses from the device."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tuiml.watch.facts import Array

Tensor = Any
"""A torch.Tensor: types are checked where PyTorch is not installed."""


def floats(value: Any) -> Tensor | None:
    """The tensor of real numbers in a module's output or a parameter; ``None`` if there is none, or it is
    not an ordinary one (traced, or of another library). Of one that is sharded, this process's part."""
    if isinstance(value, list | tuple) and value:
        value = value[0]
    elif not isinstance(value, torch.Tensor) and hasattr(value, "items"):  # a dict of outputs
        value = next((one for _, one in value.items() if isinstance(one, torch.Tensor)), None)
    if not isinstance(value, torch.Tensor):
        return None
    if hasattr(value, "to_local"):  # a DTensor
        value = value.to_local()
    if type(value) not in (torch.Tensor, torch.nn.Parameter) or not value.numel():
        return None
    if torch._C._functorch.is_functorch_wrapped_tensor(value):  # inside torch.func.grad or vmap
        return None
    found = value.detach()
    if found.is_sparse:
        found = found.coalesce().values()
    return found if found.is_floating_point() and found.layout == torch.strided else None


def fetch(tensors: list[Tensor]) -> list[Array]:
    """Small tensors as float32 arrays: those of a device cross together."""
    found: list[Array] = [np.empty(0)] * len(tensors)
    devices: dict[torch.device, list[int]] = {}
    for place, tensor in enumerate(tensors):
        devices.setdefault(tensor.device, []).append(place)
    for places in devices.values():
        flat = [tensors[i].detach().reshape(-1).to(torch.float32) for i in places]
        whole, at = torch.cat(flat).cpu().numpy(), 0
        for place in places:
            shape = tuple(tensors[place].shape)
            end = at + tensors[place].numel()
            found[place], at = whole[at:end].reshape(shape), end
    return found
