"""Further remedies for a verdict, each with its reason."""

from __future__ import annotations

from typing import Any

from tuiml.nn.activations import Linear
from tuiml.nn.layers import Dense
from tuiml.nn.optimizers import SGD, Adam
from tuiml.training.diagnosis_context import DiagnosisContext, is_suited, suited
from tuiml.training.remedies import Edit, Remedy, deep

NONE = Remedy("")
CLIP = 1.0
"""The gradient norm at which gradients are clipped."""


def initializers_alone(context: DiagnosisContext) -> Remedy:
    """The suited initializer for the activations that the layers have."""
    edits: list[Edit] = []
    for index in context.weighted if not deep(context) else ():
        activation = context.activation(index)
        if not is_suited(context.initializer(index), activation):
            edits.append((context.path(index, "initializer"), suited(activation).name))
    names = dict.fromkeys(str(value) for _, value in edits)
    why = "keeps each layer's variance near that of its input (Glorot & Bengio 2010; He et al. 2015)"
    return Remedy(f"{', '.join(names)} alone", tuple(edits), why) if edits else NONE


def batch_normalized(context: DiagnosisContext) -> Remedy:
    """A normalization between each hidden dense layer and its activation."""
    stack: list[Any] = []
    for index, layer in enumerate(context.preset.document()["layers"]):
        own = context.own_activation(index)
        hidden = index in context.hidden and isinstance(context.layer(index), Dense)
        if not hidden or own is None or isinstance(own, Linear) or context.normalized(index):
            stack.append(layer)
            continue
        stack.append({key: value for key, value in layer.items() if key != "activation"})
        stack += [{"type": "batch_norm"}, {"type": "activation", "activation": layer["activation"]}]
    if len(stack) == len(context.network.nodes):
        return NONE
    why = "gives what goes into each activation mean 0 and variance 1 (Ioffe & Szegedy 2015)"
    return Remedy("batch_norm before each activation", (("layers", stack),), why)


def pretrained(context: DiagnosisContext) -> Remedy:
    """Pretraining of the hidden layers; only stacks of sigmoid layers can have it."""
    if context.preset.pretraining is not None or len(context.hidden) < 2:
        return NONE
    why = "each layer first learns to reconstruct what is below it, so that training starts from values that"
    why += " carry signal and gradient (Hinton, Osindero & Teh 2006)"
    small = {"name": "normal", "stddev": 0.1}
    edits: list[Edit] = [(context.path(index, "initializer"), small) for index in context.weighted]
    return Remedy("RBM pretraining", (("pretraining", {"method": "rbm"}), *edits), why)


def adaptive(context: DiagnosisContext) -> Remedy:
    """Adam, at its usual rate, in place of SGD."""
    if not isinstance(context.preset.training.optimizer, SGD):
        return NONE
    why = "divides each weight's step by the size of its own gradient, so that small gradients still move it"
    why += " (Kingma & Ba 2015)"
    edits = (("training.optimizer", Adam.name), ("training.learning_rate", Adam.rate))
    return Remedy(f"{Adam.name} at {Adam.rate:g}", edits, why)


def clipped(context: DiagnosisContext) -> Remedy:
    """Gradients no longer than :data:`CLIP`."""
    if context.preset.training.clip_norm is not None:
        return NONE
    why = "no step is longer than its rate, however steep the loss is (Pascanu, Mikolov & Bengio 2013)"
    return Remedy(f"gradients clipped at norm {CLIP:g}", (("training.clip_norm", CLIP),), why)
