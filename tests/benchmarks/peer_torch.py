"""PyTorch, as one would write it: the data as tensors, a module, an optimizer, the loss read once a block."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from tests.benchmarks.timing import Way
from tests.benchmarks.workloads import RATE, Batches, Workload, floats

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


def ways(work: Workload, count: int) -> list[Way]:
    torch.set_num_threads(count)
    found = [("PyTorch", {}), ("PyTorch, fused optimizer", {"fused": True})]
    made = [Way(name, _training(work, options, torch.contiguous_format)) for name, options in found]
    if work.pictures:
        options = {"fused": True}
        made.append(Way("PyTorch, fused, channels last", _training(work, options, torch.channels_last)))
    return made


def _training(work: Workload, options: dict[str, Any], memory: Any) -> Any:
    torch.manual_seed(0)
    x, y = (torch.from_numpy(values) for values in floats(work))
    model = _model(work)
    if work.pictures:
        x = x.reshape(-1, 1, 28, 28).contiguous(memory_format=memory)
        model = model.to(memory_format=memory)
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[work.optimizer]
    optimizer = kind(model.parameters(), lr=RATE, **options)
    loss_of = nn.CrossEntropyLoss()
    batches = Batches(work)

    def steps(number: int) -> None:
        for rows in batches.take(number):
            index = torch.from_numpy(rows)
            optimizer.zero_grad()
            loss = loss_of(model(x[index]), y[index])
            loss.backward()
            optimizer.step()
        loss.item()

    return steps


def _model(work: Workload) -> Any:
    activation = ACTIVATIONS[work.activation]
    if work.pictures:
        return nn.Sequential(
            *(nn.Conv2d(1, 16, 3), activation(), nn.MaxPool2d(2)),
            *(nn.Conv2d(16, 32, 3), activation(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(32 * 5 * 5, 10)),
        )
    layers: list[Any] = []
    for fan_in, fan_out in zip(work.sizes, work.sizes[1:], strict=False):
        layers += [nn.Linear(fan_in, fan_out), activation()]
    return nn.Sequential(*layers[:-1])


def versions() -> dict[str, str]:
    return {"PyTorch": torch.__version__}
