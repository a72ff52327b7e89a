"""A network at its initial values: what one batch makes of it, before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from tuiml.backends.engine import Engine
from tuiml.data.arrays import Data, Part
from tuiml.nn.network import Network
from tuiml.spec.check import activation_of
from tuiml.spec.preset import Preset
from tuiml.training.events import Picture, plain
from tuiml.training.statistics import layer_statistics
from tuiml.training.verdicts import Verdict, verdicts

EXAMPLES = 256
"""Examples that pass through the network, where the data has as many."""
_NOISE = 0x4E01
"""Keeps the random inputs apart from other uses of the seed."""

Inputs = Literal["data", "noise"]


@dataclass(frozen=True)
class Probe:
    """What a probe found."""

    inputs: Inputs
    """``noise``: the data is not on this machine; the inputs are normal, the labels random."""
    examples: int
    input_mean: float
    input_std: float
    """Of the network's inputs, normalized as the preset says."""
    picture: Picture
    verdicts: tuple[Verdict, ...]
    note: str = ""
    """What is to be known about it, in a line."""

    def to_json(self) -> dict[str, Any]:
        """As plain data; numbers that are not finite are ``None``."""
        found: dict[str, Any] = plain(self)
        return found


def probe(preset: Preset, network: Network, data: Data, engine: Engine) -> Picture:
    """Statistics of every layer at initialisation: forward and backward on one batch, nothing trained."""
    views = engine.look(min(EXAMPLES, len(data.train)))
    pairs = zip(network.nodes, views, strict=True)
    layers = tuple(layer_statistics(view, activation_of(node.layer)) for node, view in pairs)
    return Picture(epoch=0, step=0, layers=layers)


def judged(preset: Preset, network: Network, data: Data, engine: Engine, inputs: Inputs = "data") -> Probe:
    """:func:`probe`, with what is wrong by its numbers."""
    picture = probe(preset, network, data, engine)
    count = min(EXAMPLES, len(data.train))
    batch = data.batch(data.train, slice(0, count)).astype(np.float64)
    measured = (float(batch.mean()), float(batch.std()))
    told = verdicts(preset, network, picture.layers, inputs=measured if inputs == "data" else None)
    return Probe(inputs, count, *measured, picture, tuple(told), _note(preset, inputs))


def _note(preset: Preset, inputs: Inputs) -> str:
    notes = []
    if inputs == "noise":
        notes.append(f"{preset.data.name} is not on this machine: normal inputs and random labels instead")
    if preset.pretraining is not None:
        notes.append("before pretraining, which gives the hidden layers other values")
    return "; ".join(notes)


def noise(preset: Preset) -> Data:
    """Normal inputs of the preset's shape with random labels, seeded, in place of data that is not here."""
    rng = np.random.Generator(np.random.PCG64([preset.training.seed, _NOISE]))
    dataset = preset.data
    features = int(np.prod(dataset.shape))
    count = max(1, min(EXAMPLES, dataset.sizes()[0]))
    part = Part(
        rng.standard_normal((count, features), dtype=np.float32),
        rng.integers(0, len(dataset.classes), count).astype(np.int32),
    )
    return Data(dataset.shape, dataset.classes, part, part, part, np.float32(0), np.float32(1), "none")


def small(data: Data) -> Data:
    """The data with no more training examples than a probe looks at, for an engine that holds no more."""
    return replace(data, train=data.train[:EXAMPLES], validation=data.validation[:0], test=data.test[:0])
