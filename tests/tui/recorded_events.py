"""The events of a run of four epochs of ten steps, for tests of what reads them."""

import math

from tuiml.training.events import End, Epoch, Pretraining, PretrainingProgress, Progress, Start
from tuiml.training.layer_statistics import Histogram, LayerStatistics

NAN = math.nan


def start(epochs=4, steps=40, **values):
    names = {"run": "a-run", "path": "/runs/a-run", "backend": "numpy", "device": "cpu", "threads": 1}
    sizes = {"parameters": 63, "train_examples": 80, "validation_examples": 20, "test_examples": 0}
    return Start(**names, **sizes, batch_size=8, epochs=epochs, steps=steps, seed=0, **values)


def batch(epoch, step, loss, **values):
    figures = {"train_accuracy": 0.5, "learning_rate": 0.1, "examples_per_second": 900.0}
    return Progress(epoch, step, loss, **{**figures, "seconds": 1.0, "seconds_left": 9.0, **values})


def pretraining(number, epoch, error=0.02, done=None):
    """Of three layers, five epochs each; ``done``: somewhere within one."""
    values = (2 * number, number, 3, epoch, 5, error, 12.0)
    return Pretraining(*values) if done is None else PretrainingProgress(*values, done)


def epoch(n, step, loss, val=NAN, rate=0.1):
    return Epoch(n, step, loss, 0.5, val, 0.4, rate, 2.0, 900.0)


def end(reason="completed", message=""):
    return End(reason, "a-run", "/runs/a-run", 4, 40, 2, 0.3, 0.9, 4.0, 900.0, message)


def bars(*counts, low=0.0, high=1.0, below=0, above=0):
    return Histogram(low, high, counts, below, above)


def layer(mean=0.5, **values):
    """A layer's statistics: a sigmoid's, unless given otherwise."""
    kept = {"std": 0.2, "zeros": 0.0, "saturated": 0.1, "dead": NAN, "weight_mean": 0.0, "weight_std": 0.3}
    found = {"activations": bars(1, 5, 9), "weights": bars(3, 1), "gradients": bars(1, 2, low=-1.0)}
    return LayerStatistics(mean, **{**kept, "gradient_norm": 0.1, **found, **values})


FLAT = layer(
    0.3, saturated=NAN, weight_std=NAN, weight_mean=NAN, gradient_norm=NAN, weights=None, gradients=None
)
