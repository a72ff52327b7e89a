"""Learning-rate schedules: what the learning rate is multiplied by at each step of a run.

``multiplier(step, steps, batches)`` is a pure function: ``step`` counts from 0, ``steps`` is the whole run's
number of them, ``batches`` an epoch's. So a run that goes on needs no state (``plateau`` alone has one, which
is part of the run's position), and one that is lengthened follows the longer run's curve from there on.
``step`` lies between two whole ones where the batch size was
changed in the midst of an epoch: then these are steps as if all had been of the size in use.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

from pydantic import Field

from tuiml.registry import Entry, Registry

THRESHOLD, SMALLEST_DROP = 1e-4, 1e-8
"""Of :class:`Plateau`: by what fraction a loss must be lower to count, and the least change of the rate."""


class Schedule(Entry):
    """How the learning rate changes over a run."""

    changes: ClassVar[bool] = True
    """Whether the rate changes at all, warm-up aside."""

    def multiplier(self, step: float, steps: int, batches: int) -> float:
        """Multiplier of the learning rate at ``step``, from 0 to 1 (0 ≤ step < steps)."""
        raise NotImplementedError  # pragma: no cover - every entry defines it

    def after_epoch(self, rate: float, loss: float, least: float, waited: int) -> tuple[float, float, int]:
        """The rate to go on with (before the multiplier), after an epoch of this loss.

        Args:
            least: the loss that counts as the least so far; it is returned as it is now.
            waited: epochs since it; likewise.
        """
        return rate, least, waited


schedules: Registry[Schedule] = Registry("a schedule")


def warmup_field(default: float) -> Any:
    text = "epochs in which the rate first rises from near 0, evenly"
    return Field(default, ge=0.0, le=1_000_000.0, description=text)


class Warmed(Schedule):
    """A schedule that may begin with a linear warm-up; its own curve spans the steps after that."""

    warmup: float = warmup_field(0.0)

    def multiplier(self, step: float, steps: int, batches: int) -> float:
        rising = round(self.warmup * batches)
        if step < rising:
            return (step + 1) / (rising + 1)  # neither 0, which would waste a step, nor the peak twice
        return self.after(step - rising, max(1, steps - rising), batches)

    def after(self, step: float, steps: int, batches: int) -> float:
        """The multiplier after the warm-up; ``step`` and ``steps`` count from its end."""
        raise NotImplementedError  # pragma: no cover - every entry defines it


@schedules.add
class Constant(Warmed):
    name = "constant"
    formula = "η"
    advice = "the plain one: the same learning rate from start to end"
    changes = False

    def after(self, step: float, steps: int, batches: int) -> float:
        return 1.0


@schedules.add
class Step(Warmed):
    name = "step"
    aliases = ("step_decay",)
    formula = "η γ^⌊epoch / k⌋"
    advice = "drops at set epochs: the loss falls visibly at each"
    source = "He, Zhang, Ren & Sun 2016, section 4.2; as PyTorch's StepLR"
    every: int = Field(10, ge=1, le=1_000_000, description="epochs k from one drop to the next")
    decay: float = Field(0.1, gt=0.0, le=1.0, description="what each drop multiplies the rate by, γ")

    def after(self, step: float, steps: int, batches: int) -> float:
        return float(self.decay ** (step // (self.every * batches)))


@schedules.add
class Exponential(Warmed):
    name = "exponential"
    aliases = ("exponential_decay",)
    formula = "η γ^epochs, epochs counted in fractions"
    advice = "falls by the same fraction in each epoch, however long the run"
    source = "as PyTorch's ExponentialLR, smooth between the epochs"
    decay: float = Field(0.95, gt=0.0, le=1.0, description="what an epoch multiplies the rate by, γ")

    def after(self, step: float, steps: int, batches: int) -> float:
        return float(self.decay ** (step / batches))


@schedules.add
class Cosine(Warmed):
    name = "cosine"
    aliases = ("cosine_annealing", "cosine_decay")
    formula = "η (a + (1-a) (1 + cos π t/T) / 2)"
    advice = "half a cosine from η to its end over the run; with a warm-up, today's usual one"
    source = "Loshchilov & Hutter 2017 (SGDR), eq. 5, without restarts"
    final: float = Field(0.0, ge=0.0, le=1.0, description="fraction of η that it ends at, a")

    def after(self, step: float, steps: int, batches: int) -> float:
        return blend(1.0, self.final, step / steps)


@schedules.add
class LinearWarmup(Constant):
    name = "linear_warmup"
    aliases = ("warmup",)
    formula = "η (t + 1) / (w + 1) in the warm-up's w steps, then η"
    advice = "a careful start, then constant; any other schedule takes warmup, too"
    source = "Goyal et al. 2017, section 2.2"
    warmup: float = warmup_field(1.0)


@schedules.add
class Plateau(Constant):
    name = "plateau"
    aliases = ("reduce_on_plateau", "reduce_lr_on_plateau")
    formula = "η · factor after each `patience` epochs and one more without a lower loss"
    advice = "drops when the validation loss (without validation, the training loss) stops falling"
    source = "as PyTorch's ReduceLROnPlateau, mode min, relative threshold 1e-4"
    changes = True
    factor: float = Field(0.1, gt=0.0, lt=1.0, description="what each drop multiplies the rate by")
    patience: int = Field(
        10, ge=0, le=1_000_000, description="epochs without a lower loss that are let pass before a drop"
    )
    minimum: float = Field(0.0, ge=0.0, le=1000.0, description="learning rate that no drop goes below")

    def after_epoch(self, rate: float, loss: float, least: float, waited: int) -> tuple[float, float, int]:
        if loss < least * (1.0 - THRESHOLD):
            return rate, loss, 0
        if waited < self.patience:
            return rate, least, waited + 1
        lower = max(rate * self.factor, self.minimum)
        return (lower if rate - lower > SMALLEST_DROP else rate), least, 0


@schedules.add
class OneCycle(Schedule):
    name = "one_cycle"
    aliases = ("onecycle",)
    formula = "η/d up to η, then down to η/(d f), both by half a cosine"
    advice = "a high peak for few epochs; η is the peak, some 3 to 10 times the usual"
    source = "Smith & Topin 2018, in the shape of PyTorch's OneCycleLR; the momentum stays"
    pct_start: float = Field(0.3, ge=0.0, le=1.0, description="fraction of the steps in which it rises")
    div_factor: float = Field(25.0, ge=1.0, le=1e9, description="d: it starts at η/d")
    final_div_factor: float = Field(1e4, ge=1.0, le=1e9, description="f: it ends at the start's rate / f")

    def multiplier(self, step: float, steps: int, batches: int) -> float:
        first, last = 1.0 / self.div_factor, 1.0 / (self.div_factor * self.final_div_factor)
        peak, end = self.pct_start * steps - 1.0, steps - 1.0
        if step <= peak and peak > 0:
            return blend(first, 1.0, step / peak)
        return blend(1.0, last, (step - peak) / (end - peak)) if end > peak else 1.0


def blend(start: float, end: float, fraction: float) -> float:
    """From ``start`` to ``end`` along half a cosine, ``fraction`` of the way (0 to 1)."""
    return end + (start - end) * (1.0 + math.cos(math.pi * fraction)) / 2.0


def peak_of(schedule: Schedule, steps: int, batches: int) -> float:
    """The greatest multiplier over a run, found by looking at no more than some hundreds of its steps."""
    stride = max(1, steps // 400)
    places = {*range(0, steps, stride), steps - 1}
    if isinstance(schedule, Warmed):
        places.add(min(steps - 1, round(schedule.warmup * batches)))
    if isinstance(schedule, OneCycle):
        places.add(max(0, min(steps - 1, math.ceil(schedule.pct_start * steps - 1.0))))
    return max(schedule.multiplier(step, steps, batches) for step in places)
