"""What is wrong with a watched model: the rules of :mod:`tuiml.training.verdicts`, with what is known of it.

It is known from its modules and their statistics only, in the order in which the framework lists them, which
need not be the order of the calls. So a layer counts as hidden only where an activation was seen behind it,
and gradients are compared between the parts of the model, not from module to module.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from statistics import median

from tuiml.nn.optimizers import optimizers
from tuiml.runs.watched import Module, WatchedModel
from tuiml.text import plain_text
from tuiml.training.layer_statistics import LayerStatistics
from tuiml.training.rules import RULES, SETTLED
from tuiml.training.stack_context import StackContext
from tuiml.training.statistics import NEVER
from tuiml.training.verdicts import MOST, Verdict, judged

NAMED = 40
"""Characters of a module's name in a sentence."""


@dataclass(frozen=True)
class WatchedContext(StackContext):
    """What is known of one model of a watched run at one step."""

    model: WatchedModel
    part: range
    """Its modules."""
    name: str
    """Of the model, where there are several; else empty."""
    optimizer: str
    """The class of its optimizer."""

    def _module(self, index: int) -> Module:
        return self.model.modules[index]

    @cached_property
    def weighted(self) -> tuple[int, ...]:
        """Those with weights of their own that were called or got a gradient."""
        return tuple(i for i in self.part if self._own_weights(i) and self._seen(i))

    def _own_weights(self, index: int) -> bool:
        module = self._module(index)
        return module.kind == "weighted" and module.parameters > 0 and not module.shared_with

    def _seen(self, index: int) -> bool:
        found = self.layers[index]
        return not (math.isnan(found.zeros) and math.isnan(found.std) and math.isnan(found.gradient_norm))

    @cached_property
    def hidden(self) -> tuple[int, ...]:
        return tuple(i for i in self.weighted[:-1] if self._activated(i))

    def _activated(self, index: int) -> bool:
        at = self.activation_index(index)
        module = self._module(at)
        return at != index or bool(module.activation) or not math.isnan(self.layers[at].dead)

    def _between(self, index: int) -> range:
        """The modules after a weighted one, up to the next with weights."""
        end = self.part.stop
        at = next((i for i in range(index + 1, end) if self._module(i).kind == "weighted"), end)
        return range(index + 1, at)

    def activation_index(self, index: int) -> int:
        if self._module(index).activation or not math.isnan(self.layers[index].dead):
            return index  # of its own, or a function that was seen behind it
        between = self._between(index)
        return next((i for i in between if self._module(i).kind == "activation"), index)

    def normalized(self, index: int) -> bool:
        return any(self._module(i).kind == "normalization" for i in self._between(index))

    def noisy(self, index: int) -> bool:
        return any(self._module(i).kind == "dropout" for i in self._between(index))

    @cached_property
    def symmetric_pairs(self) -> tuple[tuple[int, int], ...]:
        """By what the weights are now: a step would have made them differ if it could."""
        equal = {i for i in self.weighted if self._module(i).trainable > 1 and self.layers[i].weight_std == 0}
        return tuple((i, j) for i, j in pairwise(self.weighted) if i in equal and j in equal)

    @cached_property
    def untrained(self) -> tuple[int, ...]:
        moved = {i: self.layers[i].update_ratio for i in self.weighted}
        if not any(ratio > NEVER for ratio in moved.values()):
            return ()  # no step was made, or its rate was 0
        # the gradient of what the optimizer does not know may not be known here either
        found = (i for i, ratio in moved.items() if ratio <= NEVER and self.layers[i].gradient_norm != 0)
        return tuple(i for i in found if self._module(i).trainable)

    @cached_property
    def frozen(self) -> tuple[int, ...]:
        """Few among many that are trained, and not the first ones together, as one freezes what was
        trained elsewhere."""
        fixed = [i for i in self.weighted if self._module(i).trainable < self._module(i).parameters]
        first = len(fixed) > 1 and fixed == list(self.weighted[: len(fixed)])
        return () if first or 2 * len(fixed) > len(self.weighted) else tuple(fixed)

    @property
    def optimizer_name(self) -> str:
        return plain_text(self.optimizer[:NAMED])

    @property
    def usual_rate(self) -> float:
        known = self.optimizer.casefold()
        return next((one.rate for one in optimizers if known in (one.name, *one.aliases)), math.nan)

    @property
    def suited(self) -> bool:
        """The initial values are not known: harm is the only sign."""
        return True

    def not_finite(self, index: int) -> bool:
        found = self.of(index)
        return not math.isfinite(found.std) and not math.isnan(found.zeros)

    @cached_property
    def ratio(self) -> float:
        """Of the layers that were moved: what gets no gradient stays as it is at any rate."""
        ratios = [ratio for i in self.weighted if (ratio := self.layers[i].update_ratio) > NEVER]
        return median(ratios) if ratios else math.nan

    @cached_property
    def fall(self) -> float:
        """Of the last module's gradient norm to the greatest in the first third: within the blocks of a
        transformer or of a residual network gradients differ widely, and in the first steps those of blocks
        that begin as the identity are 0; nothing is wrong then."""
        if self.step < SETTLED:
            return math.nan
        norms = [norm for i in self.weighted if math.isfinite(norm := self.gradient(i))]
        if len(norms) < 3 or not norms[-1] > 0:
            return math.nan
        first = max(norms[: max(1, len(norms) // 3)])
        return norms[-1] / first if first > 0 else math.inf

    def span(self, indices: Sequence[int]) -> str:
        first, last = (self._short(self._module(i).name) for i in (indices[0], indices[-1]))
        if not any(map(str.isalpha, first)):  # in a sequence they are numbered
            first = f"module {first}" if len(indices) == 1 else f"modules {first}"
        if len(indices) == 1:
            return first
        return f"{first} and {last}" if len(indices) == 2 else f"{first} to {last} ({len(indices)} layers)"

    def _short(self, name: str) -> str:
        """The end of a long name, behind the name of the model where there are several."""
        if len(name) <= NAMED or not self.name:
            return plain_text(name)[-NAMED:]
        return f"{plain_text(self.name[:NAMED])}.…{plain_text(name)[-NAMED:]}"


def diagnosed(
    model: WatchedModel,
    layers: Sequence[LayerStatistics],
    step: int,
    *,
    losses: tuple[float, float] | None,
    diverged: bool,
    rate: float,
    score: float,
) -> list[Verdict]:
    """What is wrong with a watched model, as :func:`~tuiml.training.verdicts.verdicts`; of several models in
    one run, with each."""
    if len(layers) > len(model.modules):  # more of them than the file knows yet
        return []
    found: list[tuple[str, Verdict]] = []
    for part, name, optimizer, known in _models(model, len(layers)):
        context = WatchedContext(
            model,
            part,
            name,
            optimizer,
            layers=layers,
            step=step,
            losses=losses,
            diverged=diverged,
            rate=rate if known else math.nan,
            score=score,
        )
        found += [(name, verdict) for verdict in judged(context)]
    order = [rule.name for rule in RULES]
    return sorted(_named(found), key=lambda verdict: order.index(verdict.name))[:MOST]


def _models(model: WatchedModel, count: int) -> list[tuple[range, str, str, bool]]:
    """The modules of each model, its name, its optimizer, and whether the recorded rate is its own."""
    if not model.models:
        return [(range(count), "", model.optimizer, True)]
    found = []
    for one in model.models:
        inside = [i for i in range(count) if f"{model.modules[i].name}.".startswith(f"{one.name}.")]
        if inside:
            found.append((range(inside[0], inside[-1] + 1), one.name, one.optimizer, one.first_rate))
    return found


def _named(found: Sequence[tuple[str, Verdict]]) -> list[Verdict]:
    """The verdicts; those on no layer with the name of the model where there are several, or once without
    it where the same is said of more than one."""
    whole = Counter(verdict.evidence for _, verdict in found if not verdict.layers)
    named: dict[tuple[str, str], Verdict] = {}
    for model, verdict in found:
        text = verdict.evidence
        if model and not verdict.layers and whole[text] == 1:
            text = f"{plain_text(model[:NAMED])}: {text}"
        named.setdefault((verdict.name, text), replace(verdict, evidence=text))
    return list(named.values())
