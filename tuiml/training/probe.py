"""Statistics of a network at its initial values, on one batch, before anything is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
from pydantic import AliasChoices, Field

from tuiml.backends.engine import Engine
from tuiml.data.arrays import Data, Part
from tuiml.nn.network import Network
from tuiml.spec.preset import Preset
from tuiml.training.codec import Bounded, Count, Text
from tuiml.training.events import Event, Snapshot
from tuiml.training.statistics_tracker import StatisticsTracker
from tuiml.training.verdicts import Verdict, verdicts

EXAMPLES = 256
"""Maximum number of examples of the batch."""
_NOISE = 0x4E01
"""Makes the random inputs independent of other uses of the seed."""

Inputs = Literal["data", "noise"]


@dataclass(frozen=True)
class Probe(Event, event="probe"):
    """The result of a probe."""

    inputs: Inputs
    """``noise``: the data is not on this machine; the inputs are normal, the labels random."""
    examples: Count
    input_mean: Bounded
    input_std: Bounded
    """Standard deviation (and above, mean) of the network's inputs, normalized as in the preset."""
    snapshot: Annotated[Snapshot, Field(validation_alias=AliasChoices("snapshot", "picture"))]
    note: Text = ""
    """What the user should know about it, in a line."""
    target_mean: Bounded = math.nan
    target_std: Bounded = math.nan
    """Standard deviation (and above, mean) of a regression's targets, as trained on."""

    def verdicts(self, preset: Preset, network: Network) -> list[Verdict]:
        """What is wrong according to these statistics."""
        measured = (self.input_mean, self.input_std) if self.inputs == "data" else None
        targets = (self.target_mean, self.target_std) if math.isfinite(self.target_std) else None
        return verdicts(preset, network, self.snapshot.layers, inputs=measured, targets=targets)


def probe(preset: Preset, network: Network, data: Data, engine: Engine, inputs: Inputs = "data") -> Probe:
    """Statistics of every layer at initialisation: forward and backward on one batch, nothing trained."""
    count = min(EXAMPLES, len(data.train))
    layers = StatisticsTracker(network).snapshot(engine.dry_run(count))
    batch = data.batch(data.train, slice(0, count)).astype(np.float64)
    snapshot = Snapshot(epoch=0, step=0, layers=layers)
    target_stats = math.nan, math.nan
    if data.target == "regression" and inputs == "data":
        targets = data.train.labels.astype(np.float64)
        target_stats = float(targets.mean()), float(targets.std()) if np.ptp(targets, axis=0).any() else 0.0
    measured = float(batch.mean()), float(batch.std())
    return Probe(inputs, count, *measured, snapshot, _note(preset, inputs), *target_stats)


def _note(preset: Preset, inputs: Inputs) -> str:
    notes = []
    if inputs == "noise":
        notes.append(f"{preset.data.title} is not on this machine: normal inputs, random labels")
    if preset.pretraining is not None:
        notes.append("before pretraining, which changes the initial values")
    return "; ".join(notes)


def noise(preset: Preset) -> Data:
    """Seeded normal inputs of the preset's shape with random labels (or normal targets), for data that is
    not on this machine."""
    rng = np.random.Generator(np.random.PCG64([preset.training.seed, _NOISE]))
    dataset = preset.data
    features = int(np.prod(dataset.shape))
    count = max(1, min(EXAMPLES, dataset.sizes()[0]))
    inputs = rng.standard_normal((count, features), dtype=np.float32)
    one = np.float32(1)
    if dataset.target == "regression":
        part = Part(inputs, rng.standard_normal((count, dataset.outputs), dtype=np.float32))
        return Data(
            *(dataset.shape, (), part, part, part, 0 * one, one, "none", "regression"),
            target_shift=np.zeros(dataset.outputs, np.float32),
            target_scale=np.ones(dataset.outputs, np.float32),
        )
    part = Part(inputs, rng.integers(0, len(dataset.classes), count).astype(np.int32))
    return Data(dataset.shape, dataset.classes, part, part, part, 0 * one, one, "none")


def small(data: Data) -> Data:
    """The data with no more examples than a probe needs, copied into arrays of their own."""
    train = Part(data.train.inputs[:EXAMPLES].copy(), data.train.labels[:EXAMPLES].copy())
    return replace(data, train=train, validation=train[:0], test=train[:0])
