"""Pretraining: initial values that are learned, one layer after the other, without labels."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from tuiml.nn import rbm
from tuiml.nn.rbm import Phases
from tuiml.registry import Entry, Registry

Array = Any


class Pretraining(Entry):
    """A method that learns a layer's weights from the layer's inputs alone.

    Defaults: Hinton & Salakhutdinov 2006 (their code); spread of the first weights: Hinton 2010, section 8.
    """

    activation: ClassVar[str] = ""
    """The activation that a pretrained layer must have."""

    epochs: int = Field(5, ge=1, le=100_000, description="passes over the training examples for each layer")
    learning_rate: float = Field(0.1, gt=0.0, le=1000.0, description="size η of a step")
    linear_learning_rate: float = Field(
        0.001, gt=0.0, le=1000.0, description="η of the first layer where the data is normalized 'standard'"
    )
    batch_size: int = Field(100, ge=1, le=1_000_000, description="examples in one step")
    momentum: float = Field(0.5, ge=0.0, lt=1.0, description="fraction of the last step that is kept")
    weight_cost: float = Field(2e-4, ge=0.0, le=1.0, description="pull of the weights towards 0 (L2)")
    stddev: float = Field(0.01, ge=0.0, le=10.0, description="spread of the weights before the first step")

    def rate(self, linear: bool) -> float:
        """The learning rate, by the kind of the visible units (guide, section 13.2)."""
        return self.linear_learning_rate if linear else self.learning_rate

    def hidden(self, xp: Any, p: dict[str, Array], v: Array) -> Array:
        """What the layer makes of its inputs, units × examples: the inputs of the next layer."""
        raise NotImplementedError  # pragma: no cover - every entry defines it

    def phases(self, xp: Any, p: dict[str, Array], v: Array, noise: Array, linear: bool) -> Phases:
        """What a batch says of where the parameters ought to go."""
        raise NotImplementedError  # pragma: no cover - every entry defines it


pretrainings: Registry[Pretraining] = Registry("a pretraining method", key="method")


@pretrainings.add
class RBM(Pretraining):
    name = "rbm"
    aliases = ("restricted_boltzmann_machine", "deep_belief_net")
    formula = "ΔW = η (⟨h vᵀ⟩ of the data - ⟨h vᵀ⟩ of its reconstruction)"
    advice = "learned initial values for deep sigmoid stacks, without labels"
    source = "Hinton, Osindero & Teh 2006; Hinton 2010, A practical guide to training RBMs"
    activation = "sigmoid"

    def hidden(self, xp: Any, p: dict[str, Array], v: Array) -> Array:
        return rbm.hidden(xp, p, v)

    def phases(self, xp: Any, p: dict[str, Array], v: Array, noise: Array, linear: bool) -> Phases:
        return rbm.contrast(xp, p, v, noise, linear)
