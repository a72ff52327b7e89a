"""Remedies for verdicts: edits of a preset's document, with a description."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tuiml.nn.activations import Activation, ReLU, activations
from tuiml.spec import check
from tuiml.spec.edit import put
from tuiml.spec.preset import Preset
from tuiml.training.bounds import UPDATE
from tuiml.training.diagnosis_context import DiagnosisContext, is_suited, suited

DEEP = 3
"""Sigmoid layers from which on no initial values keep the gradient: each lets through a quarter at most."""
Edit = tuple[str, Any]


@dataclass(frozen=True)
class Remedy:
    """Edits of a document, each a path and a value, with a description; there may be no edits."""

    words: str
    edits: tuple[Edit, ...] = ()
    why: str = ""
    """Why it helps, with its source."""

    def apply(self, document: dict[str, Any]) -> dict[str, Any]:
        """A copy of a preset's document with the edits in it.

        Raises:
            SpecError: the document has no such place.
        """
        for path, value in self.edits:
            document = put(document, path, value)
        return document

    def lines(self) -> list[str]:
        """The edits for reading, those of a kind in one line: ``layers[1, 2, 3].activation = relu``."""
        places: dict[tuple[str, str], list[str]] = {}
        for path, value in self.edits:
            if path == "layers":
                value = ", ".join(_in_short(layer) for layer in value)
            found = re.fullmatch(r"layers\[(\d+)\]\.(.+)", path)
            key, place = (found[2], found[1]) if found else (path, "")
            places.setdefault((key, _plain(value)), []).append(place)
        return [
            f"layers[{', '.join(found)}].{key} = {value}" if found[0] else f"{key} = {value}"
            for (key, value), found in places.items()
        ]

    def fits(self, preset: Preset) -> bool:
        """Whether the preset is valid with the edits."""
        return check({**self.apply(preset.document()), "data": preset.data})[0] is not None


def _plain(value: Any) -> str:
    """A value for reading: ``0.01``, ``normal, stddev 0.1``."""
    if isinstance(value, dict):
        named = (_plain(v) if k in ("name", "method") else f"{k} {_plain(v)}" for k, v in value.items())
        return ", ".join(named)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _in_short(layer: Any) -> str:
    """A layer's kind, units and activation: ``dense 100 relu``."""
    if not isinstance(layer, dict):
        return str(layer)
    words = [layer.get("type"), layer.get("units"), layer.get("activation")]
    words = [word.get("name") if isinstance(word, dict) else word for word in words]
    return " ".join(str(word) for word in words if word is not None and word != "activation")


def initial_values(context: DiagnosisContext, renew: bool = False) -> Remedy:
    """Initial values that preserve variance and gradient; another activation if none do, or if ``renew``."""
    chosen = _activation(context, renew)
    edits: list[Edit] = []
    names: dict[str, None] = {}
    for index in context.weighted:
        hidden = index != context.output
        activation = chosen if chosen is not None and hidden else context.activation(index)
        if hidden and activation is chosen and context.activation(index).name != activation.name:
            edits.append((context.path(index, "activation"), activation.name))
        if not is_suited(context.initializer(index), activation):
            name = suited(activation).name
            edits.append((context.path(index, "initializer"), name))
            if hidden:
                names[name] = None
    if chosen is not None:
        names[f"with {chosen.name}"] = None
    if not names and edits:
        names["suited initial values of the output layer"] = None
    if not edits:
        return slower(context) if context.step else Remedy("batch_norm after each layer keeps the spread")
    return Remedy(" ".join(names), tuple(edits), _why_initial(chosen))


def _why_initial(chosen: Activation | None) -> str:
    keeps = "the initial spread keeps outputs and gradients of one size through the layers"
    if chosen is None:
        return f"{keeps} (Glorot & Bengio 2010; He et al. 2015)"
    slope = f"{chosen.name} has slope 1 wherever it is on, so it does not make the gradient smaller"
    return f"{slope}, and {keeps} (Glorot, Bordes & Bengio 2011; He et al. 2015)"


def deep(context: DiagnosisContext) -> bool:
    """Whether there are too many sigmoid layers for any initial values."""
    own = [context.activation(i) for i in context.hidden]
    return sum(f.saturation is not None and f.saturation[0] > 0 for f in own) >= DEEP


def _activation(context: DiagnosisContext, renew: bool) -> Activation | None:
    """The activation that the hidden layers should have instead of theirs; ``None``: they may keep it."""
    own = [context.activation(i) for i in context.hidden]
    settled = all(is_suited(context.initializer(i), context.activation(i)) for i in context.hidden)
    saturating = any(f.saturation is not None for f in own)
    return ReLU() if saturating and (deep(context) or renew or (settled and not context.step)) else None


def leaky(context: DiagnosisContext, dead: Sequence[int]) -> Remedy:
    """A slope below 0 for the layers that are silent, and smaller steps where steps silenced them."""
    edits: list[Edit] = []
    for index in dead:
        edits.append((context.path(index, "activation"), "leaky_relu"))
        if not is_suited(context.initializer(index), activations["leaky_relu"]()):
            edits.append((context.path(index, "initializer"), "he_normal"))
    words = "leaky_relu lets a gradient through below 0"
    if context.step:
        edits += slower(context).edits
        words += f"; a rate of {slower_rate(context):g}"
    return Remedy(words, tuple(edits), "a silent unit gets a gradient again (Maas, Hannun & Ng 2013)")


def normalized(context: DiagnosisContext) -> Remedy:
    """Inputs of mean 0 and variance 1."""
    word = "unit" if context.preset.data.top else "standard"
    why = "inputs of everyday size keep the first layer's outputs and gradients so (LeCun et al. 1998)"
    return Remedy(f"normalize = {word}", (("data.normalize", word),), why)


def normalized_target(context: DiagnosisContext) -> Remedy:
    """Targets of mean 0 and variance 1; predictions are still reported in the data's units."""
    if "normalize_target" not in type(context.preset.data).model_fields:
        return Remedy("numbers of everyday size")
    why = "errors, and so gradients, start near 1; predictions keep the data's units (LeCun et al. 1998)"
    return Remedy("normalize_target = standard", (("data.normalize_target", "standard"),), why)


def slower(context: DiagnosisContext) -> Remedy:
    """A tenth of the learning rate, or the optimizer's usual one if it is far above that."""
    rate, name = slower_rate(context), context.preset.training.optimizer.name
    usual = context.far_too_fast and rate == context.usual_rate
    words = f", the usual one of {name}" if usual else ""
    if rate == context.preset.training.rate:
        words = ", the preset's own"
    why = "a step then stays where the slope that it follows still holds (Bengio 2012, section 3.1)"
    why += "; the range test suggests a rate" if usual else ""
    return Remedy(f"a learning rate of {rate:g}{words}", (("training.learning_rate", rate),), why)


def slower_in_training(context: DiagnosisContext) -> Remedy:
    """A smaller learning rate, once there were steps."""
    return slower(context) if context.step else Remedy("")


def slower_rate(context: DiagnosisContext) -> float:
    """A learning rate that suits: the preset's own where a far higher one was set by hand, else the usual one
    of the optimizer where the rate is far above it, else a tenth."""
    own = context.preset.training.rate
    if own <= context.rate_in_force / 10:
        return own
    return context.usual_rate if context.far_too_fast else nice(context.rate_in_force / 10)


def aimed(context: DiagnosisContext) -> Remedy:
    """The learning rate that brings update over weight to about a thousandth."""
    shift = UPDATE - context.ratio if math.isfinite(context.ratio) else -1.0
    rate = nice(min(1000.0, context.rate_in_force * 10 ** max(-4.0, min(4.0, shift))))
    why = "the update of a step is then about a thousandth of the weights (Karpathy, CS231n notes, part 3)"
    return Remedy(f"a learning rate of {rate:g}", (("training.learning_rate", rate),), why)


def nice(rate: float) -> float:
    """The number 1, 2 or 5 times a power of ten that is nearest in proportion."""
    power = math.floor(math.log10(rate))
    steps = [float(f"{m}e{power + p}") for p in (0, 1) for m in (1, 2, 5)]
    return min(steps, key=lambda step: abs(math.log(step / rate)))
