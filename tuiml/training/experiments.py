"""What is worth trying after a run: other settings, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tuiml.nn.optimizers import SGD, Adam
from tuiml.training.diagnosis_context import DiagnosisContext, is_suited, suited
from tuiml.training.remedies import Edit, Remedy, nice
from tuiml.training.verdicts import Verdict

MOST = 3
RISE, GAP = 1.15, 0.1
"""A run overfits where its validation loss is so many times the best one, or the training accuracy is so much
above the validation accuracy."""
LATE = 0.95
"""A run whose best epoch is in the last part had not finished learning."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended; what is not known is NaN or 0."""

    reason: str
    epochs: int
    best_epoch: int
    rise: float
    """The last validation loss as a multiple of the best one."""
    gap: float
    """Training accuracy less validation accuracy."""

    @property
    def overfits(self) -> bool:
        return self.rise > RISE or self.gap > GAP


@dataclass(frozen=True)
class Experiment:
    """A change of the preset and why it is worth trying."""

    remedy: Remedy
    why: str


def experiments(context: DiagnosisContext, outcome: Outcome, found: Sequence[Verdict]) -> list[Experiment]:
    """At most :data:`MOST` experiments after a run: first what cures what is wrong, then what teaches most.

    Args:
        found: the verdicts on the run.
    """
    chosen: list[Experiment] = []
    words: set[str] = set()
    overshot = any(verdict.name == "learning rate far too high" for verdict in found)
    ending = () if overshot else _for(context, outcome)  # a loss that jumps says nothing of overfitting
    for one in (*_cures(found), *ending, *_variations(context)):
        if one.remedy.edits and one.remedy.words not in words and one.remedy.fits(context.preset):
            chosen.append(one)
            words.add(one.remedy.words)
        if len(chosen) == MOST:
            break
    return chosen


def _cures(found: Sequence[Verdict]) -> Iterator[Experiment]:
    for verdict in found:
        yield Experiment(verdict.remedy, f"against {verdict.name}")


def _for(context: DiagnosisContext, outcome: Outcome) -> Iterator[Experiment]:
    """What the end of the run asks for."""
    training = context.preset.training
    if outcome.reason == "diverged":
        rate = nice(training.rate / 10)
        yield _set(
            f"a learning rate of {rate:g}", "smaller steps do not diverge", "training.learning_rate", rate
        )
        yield _set("clip_norm = 1", "no gradient is longer than 1", "training.clip_norm", 1.0)
    if outcome.overfits:
        yield from _against_overfitting(context)
    elif outcome.reason == "completed" and outcome.best_epoch >= LATE * outcome.epochs:
        more = 2 * training.epochs
        yield _set(
            f"train for {more:,} epochs", "it was still getting better at the end", "training.epochs", more
        )


def _against_overfitting(context: DiagnosisContext) -> Iterator[Experiment]:
    preset = context.preset
    layers = preset.document()["layers"]
    if context.hidden and all(layer.name != "dropout" for layer in preset.layers):
        stack: list[Any] = []
        for index, layer in enumerate(layers):
            own = index in context.hidden and context.activation_index(index) == index
            stack += [layer, {"type": "dropout", "rate": 0.3}] if own else [layer]
        yield _set("dropout of 0.3", "it overfits: no unit can rely on another one", "layers", stack)
    if preset.training.early_stopping.wait() is None:
        patience = max(3, preset.training.epochs // 10)
        rule = {"name": "val_loss", "patience": patience}
        yield _set("early stopping", "it overfits: keep the best epoch", "training.early_stopping", rule)
    if not preset.training.l2:
        yield _set("l2 = 0.001", "it overfits: smaller weights, smoother function", "training.l2", 1e-3)


def _variations(context: DiagnosisContext) -> Iterator[Experiment]:
    """One change of each kind, the most instructive first."""
    yield from _initial(context)
    yield _optimizer(context)
    yield from _activation(context)
    yield from _size(context)


def _initial(context: DiagnosisContext) -> Iterator[Experiment]:
    wrong = [i for i in context.hidden if not is_suited(context.initializer(i), context.activation(i))]
    if wrong:
        name = suited(context.activation(wrong[0])).name
        edits = tuple((context.path(i, "initializer"), name) for i in wrong)
        yield Experiment(Remedy(f"{name} weights", edits), f"made for {context.activation(wrong[0]).name}")


def _optimizer(context: DiagnosisContext) -> Experiment:
    now = context.preset.training.optimizer
    if isinstance(now, SGD):
        edits: tuple[Edit, ...] = (("training.optimizer", Adam.name), ("training.learning_rate", Adam.rate))
        return Experiment(Remedy("adam instead of sgd", edits), "its steps adapt to each weight")
    edits = (
        ("training.optimizer", {"name": SGD.name, "momentum": 0.9}),
        ("training.learning_rate", SGD.rate),
    )
    return Experiment(Remedy("sgd with momentum", edits), f"does it need {now.name}?")


def _activation(context: DiagnosisContext) -> Iterator[Experiment]:
    if not context.hidden:
        return
    now = context.activation(context.hidden[0])
    name, why = ("relu", "its slope is 1 for all x > 0") if now.name != "relu" else ("gelu", "smooth at 0")
    edits: list[Edit] = [(context.path(i, "activation"), name) for i in context.hidden]
    edits += [(context.path(i, "initializer"), "he_normal") for i in context.hidden]
    yield Experiment(Remedy(f"{name} instead of {now.name}", tuple(edits)), why)


def _size(context: DiagnosisContext) -> Iterator[Experiment]:
    stack = context.preset.document()["layers"]
    hidden = [i for i in context.hidden if context.layer(i).name == "dense"]
    if hidden:
        last = hidden[-1]
        yield _set(
            "one more layer",
            "is deeper better?",
            "layers",
            [*stack[: last + 1], stack[last], *stack[last + 1 :]],
        )
        edits = tuple((context.path(i, "units"), 2 * stack[i]["units"]) for i in hidden)
        yield Experiment(Remedy("twice the units", edits), "is wider better?")
    elif context.output is not None:
        layer = {"type": "dense", "units": 64, "activation": "relu", "initializer": "he_normal"}
        at = context.output
        yield _set(
            "a hidden layer of 64",
            "what is not linear needs one",
            "layers",
            [*stack[:at], layer, *stack[at:]],
        )


def _set(words: str, why: str, path: str, value: Any) -> Experiment:
    return Experiment(Remedy(words, ((path, value),)), why)
