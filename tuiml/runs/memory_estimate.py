"""Estimates the memory of a run before any is allocated."""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

from tuiml.backends import EVALUATION_BATCH, choice
from tuiml.backends.choice import Choice
from tuiml.formatting import bytes_text
from tuiml.nn.network import Network, Node
from tuiml.nn.optimizers import Optimizer
from tuiml.spec import pretraining
from tuiml.spec.preset import Preset
from tuiml.spec.problems import Problem, SpecError

FLOAT = 4
"""Bytes of a float32."""

LEAST_FOR_RESTORE_POINTS = 64_000_000
MOST_FOR_RESTORE_POINTS = 1_000_000_000
"""Bytes for restore points, however much memory is free."""

ON_MLX = 1.5
"""MLX needs more, above all for convolutions, and ends the process if it gets no memory."""


def of_layer(node: Node, optimizer: Optimizer, batch: int) -> int:
    """Bytes for training a layer: parameters, gradients and optimizer arrays; and for each example of a batch
    the values before and after the activation, their gradients, and the layer's workspace."""
    parameters = node.size * (2 + len(optimizer.state_names()))
    each = 4 * math.prod(node.output_shape) + node.layer.workspace(node.input_shape)
    return FLOAT * (parameters + node.buffer_size + batch * each)


def of_run(preset: Preset, network: Network) -> int:
    """Bytes of a run, approximately: layers, copies of the state, buffers, data."""
    optimizer, data = preset.training.optimizer, preset.data
    train, validation, test = data.sizes()
    # A batch has buffers of its own if a snapshot is made of it, and so has one that is evaluated.
    batches = 2 * min(preset.training.batch_size, train) + min(EVALUATION_BATCH, max(validation, test))
    layers = sum(of_layer(node, optimizer, batches) for node in network.nodes)
    # Copies: the last finite state, the best one to save, and perhaps the best one to end with.
    state = FLOAT * (network.size * (1 + len(optimizer.state_names())) + network.buffer_size)
    copies = (2 + preset.training.early_stopping.restores()) * state
    copies += FLOAT * network.size  # the weights before the step of a snapshot
    features = math.prod(data.shape)
    examples = (data.pool + test) * features * data.itemsize
    pretrained = FLOAT * pretraining.values(preset, network)
    return layers + copies + 2 * FLOAT * batches * features + examples + pretrained


def for_restore_points(preset: Preset, network: Network, available: int | None = None) -> int:
    """Bytes for restore points: an eighth of the memory that the run leaves free.

    If other processes use nearly all of it now, a little anyway, if the machine has it.
    """
    needed, all_there = of_run(preset, network), machine()
    there = min(all_there, free()) if available is None else available
    least = min(LEAST_FOR_RESTORE_POINTS, (all_there - needed) // 8) if available is None else 0
    return max(0, least, min(MOST_FOR_RESTORE_POINTS, (there - needed) // 8))


def free() -> int:
    """Bytes of free memory; all of the machine's if the system does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return machine()


def refuse_if_short(
    preset: Preset, network: Network, available: int | None = None, chosen: Choice | None = None
) -> None:
    """Refuse a run that needs more memory than this machine has, or the device of ``chosen``.

    Raises:
        SpecError: with the memory it needs and the memory there is.
    """
    needed, there = of_run(preset, network), machine() if available is None else available
    where = "this machine"
    if chosen is not None and chosen.name == "mlx":
        needed, own = int(ON_MLX * needed), choice.memory(chosen)
        if own is not None and own < there:
            there, where = own, chosen.device
    if needed > there:
        largest = max(network.nodes, key=lambda n: of_layer(n, preset.training.optimizer, 1))
        text = (
            f"training needs about {bytes_text(needed)} of memory and {where} has {bytes_text(there)}; "
            f"give fewer units (layers[{largest.index}] is the largest) or a smaller batch"
        )
        raise SpecError([Problem("layers", text)])


def machine() -> int:
    """Bytes of memory in this machine, or the limit of its container."""
    found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError, ValueError):
        found = min(found, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return found
