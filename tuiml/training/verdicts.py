"""Verdicts: what is wrong with a network by its statistics, with the evidence, a source and a remedy.

A rule is one entry of :data:`~tuiml.training.rules.RULES`. It reads a :class:`DiagnosisContext` and returns a
finding or nothing. What follows from another finding is reported with it, not as a verdict of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tuiml.nn.network import Network
from tuiml.spec.preset import Preset
from tuiml.training.diagnosis_context import DiagnosisContext
from tuiml.training.layer_statistics import LayerStatistics
from tuiml.training.remedies import Remedy
from tuiml.training.rule import Finding, Rule
from tuiml.training.rules import RULES
from tuiml.training.stack_context import StackContext

MOST = 3
"""Verdicts that are reported at a time."""


@dataclass(frozen=True)
class Verdict:
    """What is wrong, the evidence and what helps."""

    name: str
    meaning: str
    source: str
    layers: tuple[int, ...]
    evidence: str
    """``Layers 2 to 10: 62 to 73 % of the outputs are saturated (sigmoid, normal σ = 1)``."""
    follows: tuple[str, ...]
    """The names of what follows from it; the evidence has the numbers of the first."""
    remedy: Remedy
    others: tuple[Remedy, ...] = ()
    """What else helps; each is a valid preset."""

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """All remedies that can be applied, the best first."""
        return tuple(found for found in (self.remedy, *self.others) if found.edits)


def verdicts(
    preset: Preset,
    network: Network,
    layers: Sequence[LayerStatistics],
    step: int = 0,
    *,
    inputs: tuple[float, float] | None = None,
    targets: tuple[float, float] | None = None,
    losses: tuple[float, float] | None = None,
    diverged: bool = False,
    rate: float = math.nan,
    score: float = math.nan,
) -> list[Verdict]:
    """What is wrong with a network by its statistics at a step, the worst first, at most :data:`MOST`.

    Args:
        step: steps trained before; 0: initial values (where pretraining will replace them, nothing is said).
        inputs: mean and standard deviation of the network's inputs, where measured.
        targets: those of a target that is numbers, likewise.
        losses: training loss at the beginning and now: without them nothing is said of a small learning rate.
        diverged: whether training ended so.
        rate: the learning rate in force; default: the preset's.
        score: training accuracy, or R², now.
    """
    if len(layers) != len(network.nodes) or (step == 0 and preset.pretraining is not None):
        return []
    return judged(
        DiagnosisContext(
            preset,
            network,
            inputs,
            layers=layers,
            step=step,
            targets=targets,
            losses=losses,
            diverged=diverged,
            rate=rate,
            score=score,
        )
    )


def judged(context: StackContext) -> list[Verdict]:
    """What is wrong with any network that is described so, as :func:`verdicts`."""
    rules = [rule for rule in RULES if rule.even_if_learned or not context.finished]
    found = {rule.name: (rule, seen) for rule in rules if (seen := rule.find(context)) is not None}
    reported: list[Verdict] = []
    for rule, seen in list(found.values()):
        if rule.name in found and len(reported) < MOST:
            reported.append(_verdict(context, rule, seen, _take(found, rule)))
    return reported


def _take(found: dict[str, tuple[Rule, Finding]], rule: Rule) -> list[tuple[Rule, Finding]]:
    """Remove what follows from a rule's finding, which is reported with it, and return it."""
    followed, ahead = [], list(rule.causes)
    while ahead:
        one = found.pop(ahead.pop(0), None)
        if one is not None:
            followed.append(one)
            ahead += one[0].causes
    return followed


def _verdict(
    context: StackContext, rule: Rule, seen: Finding, followed: Sequence[tuple[Rule, Finding]]
) -> Verdict:
    settings = context.settings(seen.layers)
    texts = [seen.text + (f" ({settings})" if settings else ""), *(f.text for _, f in followed[:1])]
    text = "; ".join(texts)
    evidence = f"{context.span(seen.layers)}: {text}" if seen.layers else f"{text[:1].upper()}{text[1:]}"
    remedy, others = Remedy(rule.advice), tuple[Remedy, ...]()
    if isinstance(context, DiagnosisContext):
        remedy = rule.remedy(context, seen)
        if remedy.edits and not remedy.fits(context.preset):
            remedy = replace(remedy, edits=())
        others = _others(context, rule, remedy)
    names = tuple(follower.name for follower, _ in followed if follower.name not in rule.hides)
    return Verdict(rule.name, rule.meaning, rule.source, seen.layers, evidence, names, remedy, others)


def _others(context: DiagnosisContext, rule: Rule, first: Remedy) -> tuple[Remedy, ...]:
    """The further remedies that the preset can take, each once."""
    found: list[Remedy] = []
    for make in rule.others:
        remedy = make(context)
        known = [set(map(repr, known.edits)) for known in (first, *found)]
        if remedy.edits and set(map(repr, remedy.edits)) not in known and remedy.fits(context.preset):
            found.append(remedy)
    return tuple(found)
