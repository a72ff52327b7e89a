"""The parts of a program about the learning rate."""

from __future__ import annotations

from tuiml.export.exported_run import Trained
from tuiml.export.text import dedent, function, inside
from tuiml.nn.schedules import Plateau, Schedule, Warmed

SCHEDULES = {
    "constant": ["return 1.0"],
    "linear_warmup": ["return 1.0"],
    "plateau": ["return 1.0"],
    "step": ["return {decay} ** (step // ({every} * batches))"],
    "exponential": ["return {decay} ** (step / batches)"],
    "cosine": ["return {final} + (1 - {final}) * (1 + math.cos(math.pi * step / steps)) / 2"],
    "cosine to 0": ["return (1 + math.cos(math.pi * step / steps)) / 2"],
    "one_cycle": [
        "first, last = 1 / {div_factor}, 1 / ({div_factor} * {final_div_factor})",
        "peak, end = {pct_start} * steps - 1, steps - 1",
        "if step <= peak and peak > 0:",
        "    return 1 + (first - 1) * (1 + math.cos(math.pi * step / peak)) / 2",
        "if end <= peak:",
        "    return 1.0",
        "return last + (1 - last) * (1 + math.cos(math.pi * (step - peak) / (end - peak))) / 2",
    ],
}
"""What the learning rate is multiplied by after a warm-up, by the schedule's name: statements."""

COUNT = ["batches = math.ceil(len(inputs) / BATCH_SIZE)", "step, steps = 0, epochs * batches"]
"""What ``train`` counts where the learning rate changes: statements."""


def changes(trained: Trained) -> bool:
    """Whether the learning rate changes from step to step."""
    schedule = trained.training.schedule
    warm = isinstance(schedule, Warmed) and schedule.warmup > 0
    return warm or (schedule.changes and not isinstance(schedule, Plateau))


def has_plateau(trained: Trained) -> bool:
    """Whether it falls after epochs that did not help."""
    return isinstance(trained.training.schedule, Plateau)


def at_step(trained: Trained) -> str:
    """The learning rate of a step, as an expression; empty: it is LEARNING_RATE throughout."""
    rate = "plateau.rate" if has_plateau(trained) else "LEARNING_RATE"
    if changes(trained):
        return f"{rate} * rate_factor(step, steps, batches)"
    return rate if has_plateau(trained) else ""


def sections(trained: Trained) -> list[str]:
    """``rate_factor(step, steps, batches)`` and a class ``Plateau``, where the run has them."""
    schedule = trained.training.schedule
    return [
        _rate_factor(schedule) if changes(trained) else "",
        _plateau(schedule) if isinstance(schedule, Plateau) else "",
    ]


def _rate_factor(schedule: Schedule) -> str:
    warmup = schedule.warmup if isinstance(schedule, Warmed) else 0
    rising = [
        f"warmup = round({warmup!r} * batches)",
        "if step < warmup:",
        *inside("return (step + 1) / (warmup + 1)"),
        "step, steps = step - warmup, max(1, steps - warmup)",
    ]
    options = schedule.model_dump()
    to_zero = schedule.name == "cosine" and not options["final"]
    return function(
        "rate_factor(step, steps, batches)",
        "What the learning rate is multiplied by at a step, from 0, of so many; an epoch has `batches`.",
        rising if warmup else "",
        [line.format(**options) for line in SCHEDULES["cosine to 0" if to_zero else schedule.name]],
    )


def _plateau(schedule: Plateau) -> str:
    return dedent(f'''
        class Plateau:
            """A learning rate that is multiplied by {schedule.factor!r} when the loss stops falling."""

            def __init__(self, rate):
                self.rate, self.least, self.waited = rate, float("inf"), 0

            def epoch_done(self, loss):
                """Take the loss of an epoch; tuiml takes that of the validation part, where there is one."""
                if loss < self.least * (1 - 1e-4):
                    self.least, self.waited = loss, 0
                elif self.waited < {schedule.patience}:
                    self.waited += 1
                else:
                    self.rate, self.waited = max(self.rate * {schedule.factor!r}, {schedule.minimum!r}), 0
    ''')
