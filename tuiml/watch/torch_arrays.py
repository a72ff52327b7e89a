"""PyTorch: arrays are reduced on their device, and all that is left of them crosses at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from tuiml.watch.facts import EXACT, Array, ArrayFacts, stride

Tensor = Any
"""A torch.Tensor: types are checked where PyTorch is not installed."""
Make = Callable[[list[Array]], Any]


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
    found = value.detach()
    if found.is_sparse:
        found = found.coalesce().values()
    return found if found.is_floating_point() and found.layout == torch.strided else None


def even(value: Tensor, most: int) -> Tensor:
    """An even sample, flat; a view where possible."""
    flat = value.reshape(-1)
    return flat[:: stride(flat.numel(), value.shape[-1] if value.dim() else 1, most)]


def norm(value: Tensor) -> Tensor:
    """Euclidean norm in float32, of the whole tensor."""
    if value.dtype.itemsize < 2:  # float8 has no arithmetic
        value = value.float()
    return torch.linalg.vector_norm(value, dtype=torch.promote_types(value.dtype, torch.float32))


def move(before: Tensor, after: Tensor) -> list[Tensor]:
    """Mean and standard deviation of a change, and the standard deviation of what it led to."""
    after, before = after.float(), before.float()
    found = []
    for values in (after - before, after):
        mean = values.mean()
        found += [mean, norm(values - mean) / math.sqrt(values.numel())]
    return [found[0], found[1], found[3]]


class Parcel:
    """Small tensors of several devices that cross together; each comes back as what its maker makes of it."""

    def __init__(self) -> None:
        self._parts: list[Tensor] = []
        self._makers: list[tuple[int, Make]] = []

    def add(self, parts: Sequence[Tensor], make: Make) -> None:
        """Send tensors; ``make`` gets them as flat float32 arrays when they have crossed."""
        self._parts += [part.detach().reshape(-1).to(torch.float32) for part in parts]
        self._makers.append((len(parts), make))

    def add_facts(
        self,
        value: Tensor,
        sample: int,
        to: Callable[[ArrayFacts], None],
        *,
        saturation: tuple[float, float] | None = None,
        zeros: bool = False,
        scale: Tensor | None = None,
    ) -> None:
        """Reduce a tensor; ``to`` gets its facts.

        Args:
            scale: what it is divided by.
        """
        part = even(value, EXACT).float()
        count = part.numel()
        mean = part.mean()
        parts = [mean, norm(part - mean) / math.sqrt(count), norm(value), even(value, sample)]
        if scale is not None:
            parts = [one.float() / scale.to(one.device) for one in parts]
        if zeros:
            parts.append(count - torch.count_nonzero(part))
        if saturation is not None:
            low, high = saturation
            parts.append(torch.count_nonzero((part < low) | (part > high)))

        def make(found: list[Array]) -> None:
            rest = [float(one[0]) / count for one in found[4:]]
            zero = rest.pop(0) if zeros else math.nan
            mean, std, size = (float(one[0]) for one in found[:3])
            to(ArrayFacts(count, mean, std, size, found[3], zero, rest[0] if rest else math.nan))

        self.add(parts, make)

    def open(self) -> None:
        """Bring everything to this side and call the makers, in order."""
        arrays: list[Array | None] = [None] * len(self._parts)
        devices: dict[torch.device, list[int]] = {}
        for place, part in enumerate(self._parts):
            devices.setdefault(part.device, []).append(place)
        for places in devices.values():
            sizes = np.cumsum([self._parts[i].numel() for i in places])[:-1]
            whole = torch.cat([self._parts[i] for i in places]).cpu().numpy()
            for place, array in zip(places, np.split(whole, sizes), strict=True):
                arrays[place] = array
        at, found = 0, [one for one in arrays if one is not None]
        for count, make in self._makers:
            make(found[at : at + count])
            at += count
        self._parts, self._makers = [], []
