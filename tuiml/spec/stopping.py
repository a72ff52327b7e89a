"""Early stopping: the metric that is monitored, and how long a run waits for a better one.

The metric also decides which epoch is the best.
"""

from __future__ import annotations

from pydantic import Field

from tuiml.registry import Entry, Registry


class Stopping(Entry):
    """When a run ends before its last epoch."""

    def metric(self, validation: bool) -> str:
        """The metric that is monitored: ``val_loss``, ``val_accuracy`` or ``train_loss``."""
        return self.name

    def wait(self) -> int | None:
        """Epochs without a better figure after which the run ends; ``None``: it never does."""
        return None

    def gain(self) -> float:
        """By how much a figure must be better to count."""
        return 0.0

    def restores(self) -> bool:
        """Whether a run ends with the weights of its best epoch, not of its last."""
        return False


stoppings: Registry[Stopping] = Registry("a rule for early stopping")


@stoppings.add
class Never(Stopping):
    name = "never"
    formula = "all epochs"
    advice = "the run ends with its last epoch"

    def metric(self, validation: bool) -> str:
        return "val_loss" if validation else "train_loss"


class Patient(Stopping):
    """Ends a run whose metric does not improve for some epochs."""

    source = "Prechelt 1998; options as in Keras' EarlyStopping"
    patience: int = Field(
        5, ge=1, le=1_000_000, description="epochs without a better figure after which it ends"
    )
    min_delta: float = Field(
        0.0, ge=0.0, le=1000.0, description="by how much a figure must be better to count"
    )
    restore_best: bool = Field(True, description="end with the weights of the best epoch, not of the last")

    def wait(self) -> int | None:
        return self.patience

    def gain(self) -> float:
        return self.min_delta

    def restores(self) -> bool:
        return self.restore_best


@stoppings.add
class ValidationLoss(Patient):
    name = "val_loss"
    formula = "ends when val_loss has not fallen for `patience` epochs"
    advice = "the usual one: overfitting shows here first"


@stoppings.add
class ValidationAccuracy(Patient):
    name = "val_accuracy"
    formula = "ends when val_accuracy has not risen for `patience` epochs"
    advice = "what counts in the end; moves in steps, so give it patience"


@stoppings.add
class TrainingLoss(Patient):
    name = "train_loss"
    formula = "ends when train_loss has not fallen for `patience` epochs"
    advice = "until nothing more is learned; needs no validation, sees no overfitting"


def badness(metric: str, figure: float) -> float:
    """The value of a metric as a number that is smaller the better it is (NaN stays NaN)."""
    return -figure if metric.endswith("accuracy") else figure
