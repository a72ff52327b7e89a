"""The rules of :mod:`tuiml.training.verdicts`: what each finds, its meaning, its source and what helps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from tuiml.training import bounds, remedies
from tuiml.training import other_remedies as other
from tuiml.training.remedies import Remedy
from tuiml.training.rule import Finding, Rule
from tuiml.training.stack_context import StackContext, figures, percents, times

SETTLED = 50
"""Steps before which update ratios say little: optimizers that adapt take their largest steps first."""
BEYOND = 0.5
"""How far above its bound the median update ratio is reported: networks that train well may reach it."""


def _inputs(context: StackContext) -> Finding | None:
    if context.hidden and context.normalized(context.weighted[0]):
        return None
    return Finding((), context.large_inputs) if context.large_inputs else None


def _diverged(context: StackContext) -> Finding | None:
    if context.diverged:
        return Finding((), context.diverged_text)
    wrong = [i for i in context.weighted if context.not_finite(i)]
    return Finding(tuple(wrong), "the outputs are not finite") if wrong else None


def _far_too_fast(context: StackContext) -> Finding | None:
    return Finding((), context.rate_text) if context.far_too_fast else None


def _targets(context: StackContext) -> Finding | None:
    if context.targets is None or not math.hypot(*context.targets) > bounds.TARGETS:
        return None
    mean, std = context.targets
    return Finding((), f"the targets have mean {mean:.3g} and std {std:.2g}, for they are not normalized")


def _constant_target(context: StackContext) -> Finding | None:
    constant = context.targets is not None and context.targets[1] == 0.0
    return Finding((), "the target is the same in every example") if constant else None


def _symmetric(context: StackContext) -> Finding | None:
    """Units that start equal stay equal if the next layer's weights are equal too."""
    if context.pretrained:
        return None
    found = [i for i, _ in context.symmetric_pairs if not context.noisy(i)]
    text = "all units of a layer are equal, get equal gradients, and so stay equal"
    return Finding(tuple(found), text) if found else None


def _some(values: dict[int, float], text: str, words: Callable[[Sequence[float]], str]) -> Finding | None:
    """What was found in these layers, by their indices: ``text`` with the numbers in words."""
    return Finding(tuple(values), text.format(words(list(values.values())))) if values else None


def _saturated(context: StackContext) -> Finding | None:
    if context.learned:
        return None
    fractions = {i: context.of(i).saturated for i in context.hidden}
    found = {i: fraction for i, fraction in fractions.items() if fraction > bounds.SATURATED}
    return _some(found, "{} of the outputs are saturated", percents)


def _exploding(context: StackContext) -> Finding | None:
    stds = [context.of(i).std for i in context.hidden]
    norms = [context.gradient(i) for i in context.weighted]
    large = [norm for norm in norms if norm > bounds.HUGE]
    wide = [std for std in stds if std > bounds.WIDE]
    if not large and not wide:
        return None
    text = f"the gradient norm reaches {max(large):.2g}" if large else ""
    if len(stds) > 1 and stds[-1] > 3 * stds[0] > 0:
        text = ", ".join(filter(None, [f"the outputs' std grows from {stds[0]:.2g} to {stds[-1]:.2g}", text]))
    elif wide:
        text = ", ".join(filter(None, [f"the outputs' std reaches {max(wide):.2g}", text]))
    return Finding(context.weighted, text)


def _collapsed(context: StackContext) -> Finding | None:
    if context.learned:
        return None
    stds = {i: context.of(i).std for i in context.hidden if not context.normalized(i)}
    found = {i: std for i, std in stds.items() if std < bounds.COLLAPSED}
    return _some(found, "the outputs' std is {}: nearly the same for every example", figures)


def _vanishing(context: StackContext) -> Finding | None:
    if context.learned or not context.fall > 1 / bounds.VANISHED:
        return None
    return Finding(
        context.weighted, f"the gradient norm falls {times(context.fall)} from the last to the first"
    )


def _dead(context: StackContext) -> Finding | None:
    if context.learned:
        return None
    fractions = {i: context.of(i).dead for i in context.hidden}
    found = {i: fraction for i, fraction in fractions.items() if fraction > bounds.DEAD}
    return _some(found, "{} of the units are silent on every example", percents)


def _step_size(context: StackContext) -> str:
    return f"a step changes the weights by {100 * 10**context.ratio:.2g} % of their spread"


def _too_fast(context: StackContext) -> Finding | None:
    if context.step < SETTLED or not context.ratio > bounds.UPDATE_HIGH + BEYOND:
        return None
    return Finding((), _step_size(context))


def _too_slow(context: StackContext) -> Finding | None:
    stuck = context.losses is not None and not context.learns
    if context.step < SETTLED or not stuck or not context.ratio < bounds.UPDATE_LOW:
        return None
    return Finding((), f"{_step_size(context)}, and the loss stays where it was")


def _untrained(context: StackContext) -> Finding | None:
    text = "no step changes its weights, while others are trained"
    return Finding(context.untrained, text) if context.untrained else None


def _frozen(context: StackContext) -> Finding | None:
    text = "parameters are frozen while layers before and after are trained"
    return Finding(context.frozen, text) if context.frozen else None


DEEPER = (other.initializers_alone, other.batch_normalized, other.pretrained, other.adaptive)
"""What else keeps the gradient of a deep stack."""
OVERSHOT = ("diverged", "exploding", "dead units", "saturated", "collapsed", "learning rate too high")

RULES: tuple[Rule, ...] = (
    Rule(
        "constant target",
        "there is nothing to learn but one number, and R² is not defined",
        "the definition of R²",
        _constant_target,
        lambda context, seen: Remedy("a target that varies"),
    ),
    Rule(
        "inputs not normalized",
        "large inputs make the first layer's outputs and gradients large",
        "LeCun, Bottou, Orr & Müller 1998, section 4.3",
        _inputs,
        lambda context, seen: remedies.normalized(context),
        causes=(
            "exploding",
            "saturated",
            "diverged",
            "dead units",
            "vanishing gradient",
            "learning rate too high",
        ),
    ),
    Rule(
        "targets not normalized",
        "far from 0 or wide, targets make the loss and its first gradients as large as their squares",
        "LeCun, Bottou, Orr & Müller 1998, section 4.5",
        _targets,
        lambda context, seen: remedies.normalized_target(context),
        causes=("exploding", "diverged", "dead units", "vanishing gradient", "learning rate too high"),
    ),
    Rule(
        "learning rate far too high",
        "every step overshoots by far: what was learned, and what is said of the layers, is worth nothing",
        "Bengio 2012, section 3.1",
        _far_too_fast,
        lambda context, seen: remedies.slower(context),
        (other.adaptive,),
        causes=OVERSHOT,
        hides=("learning rate too low",),
        advice="a learning rate near the usual one of the optimizer, or less at first (warmup)",
    ),
    Rule(
        "symmetric units",
        "units that are equal at the start and get equal gradients are one unit for ever",
        "Goodfellow, Bengio & Courville 2016, section 8.4",
        _symmetric,
        lambda context, seen: remedies.initial_values(context),
        causes=(
            "saturated",
            "exploding",
            "dead units",
            "collapsed",
            "vanishing gradient",
            "learning rate too low",
        ),
        advice="random initial values: He for relu and its kin, Glorot for tanh and sigmoid",
    ),
    Rule(
        "saturated",
        "outputs at the ends of the activation, where its slope and so the gradient is almost 0",
        "Glorot & Bengio 2010, section 3",
        _saturated,
        lambda context, seen: remedies.initial_values(context),
        DEEPER,
        causes=("vanishing gradient", "learning rate too low"),
        advice="initial values that suit (Glorot for tanh and sigmoid), a normalization before it, or relu",
    ),
    Rule(
        "exploding",
        "outputs and gradients grow from layer to layer: a step leads far away",
        "Pascanu, Mikolov & Bengio 2013; He et al. 2015, section 2.2",
        _exploding,
        lambda context, seen: remedies.initial_values(context),
        (other.initializers_alone, other.batch_normalized, other.clipped),
        causes=("diverged", "dead units", "learning rate too high", "vanishing gradient"),
        advice="smaller initial values (He, Glorot), gradients clipped at norm 1; unscale scaled ones first",
    ),
    Rule(
        "dead units",
        "units that are 0 for every example get no gradient and stay so",
        "Maas, Hannun & Ng 2013; Lu et al. 2019",
        _dead,
        lambda context, seen: remedies.leaky(context, seen.layers),
        (remedies.slower_in_training, other.batch_normalized),
        causes=("collapsed", "vanishing gradient", "learning rate too low", "not trained"),
        advice="leaky_relu or gelu in place of relu, a smaller learning rate, biases that start at 0",
    ),
    Rule(
        "collapsed",
        "every example gives nearly the same outputs: later layers have nothing to tell them apart by",
        "Glorot & Bengio 2010, section 4.2",
        _collapsed,
        lambda context, seen: remedies.initial_values(context),
        DEEPER,
        causes=("vanishing gradient", "learning rate too low"),
        advice="initial values that suit (He for relu, Glorot for tanh and sigmoid), or a normalization",
    ),
    Rule(
        "vanishing gradient",
        "the first layers hardly learn: each layer before them makes the gradient smaller",
        "Bengio, Simard & Frasconi 1994; Glorot & Bengio 2010, section 4",
        _vanishing,
        lambda context, seen: remedies.initial_values(context, renew=True),
        DEEPER,
        causes=("learning rate too low", "not trained"),
        advice="relu and He initial values, a normalization, or connections that skip layers",
    ),
    Rule(
        "diverged",
        "the weights grew until their loss was no number",
        "Bengio 2012, section 3.1",
        _diverged,
        lambda context, seen: remedies.slower(context),
        (other.clipped, other.adaptive),
        causes=("learning rate too high",),
        advice="a smaller learning rate, gradients clipped at norm 1; in float16 a smaller loss scale",
    ),
    Rule(
        "learning rate too high",
        "steps of more than a hundredth of the weights overshoot; about a thousandth is right",
        "Karpathy, CS231n notes, part 3",
        _too_fast,
        lambda context, seen: remedies.aimed(context),
        (other.clipped, other.adaptive),
        advice="a smaller learning rate: a step should be about a thousandth of the weights",
    ),
    Rule(
        "learning rate too low",
        "steps of less than a ten-thousandth of the weights get nowhere; about a thousandth is right",
        "Karpathy, CS231n notes, part 3",
        _too_slow,
        lambda context, seen: remedies.aimed(context),
        (other.adaptive,),
        advice="a larger learning rate: a step should be about a thousandth of the weights",
    ),
    Rule(
        "not trained",
        "what the optimizer does not know, or cannot move in its precision, stays as it was initialized",
        "the definition of a step: w − rate · gradient",
        _untrained,
        lambda context, seen: Remedy(""),
        even_if_learned=True,
        advice="give its parameters to the optimizer; in half precision keep the weights in float32",
    ),
    Rule(
        "frozen layer",
        "its parameters stay as they are, whatever the gradient",
        "the setting itself: requires_grad, trainable or freeze",
        _frozen,
        lambda context, seen: Remedy(""),
        even_if_learned=True,
        advice="if it is not meant: requires_grad, trainable or unfreeze, before the optimizer is made",
    ),
)
"""The worst first: what is reported first is what should be changed first."""
