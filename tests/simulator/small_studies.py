"""The studies that plans are about: of variants, by successive halving, and with tuned learning rates."""

from __future__ import annotations

from typing import Any

from tuiml.studies import check
from tuiml.studies.study import Study

NAME = "study"


def _preset(linear: int = 0, **training: Any) -> dict[str, Any]:
    layers = [{"type": "dense", "units": 3, "activation": "linear" if linear else "tanh"}]
    return {
        "version": 1,
        "name": "simulated",
        "data": {"name": "moons", "size": 40},
        "layers": [*layers * max(1, linear), {"type": "dense", "activation": "softmax"}],
        "training": {"batch_size": 8, "epochs": 3, **training},
    }


def _study(number: int) -> Study:
    stopping = {"training.early_stopping": {"name": "val_loss", "patience": 1}, "training.epochs": 6}
    variants = [
        {"name": "plain"},
        {"name": "stopping", "set": {**stopping, "training.learning_rate": 1.0}},
        {"name": "diverging", "preset": _preset(5, optimizer="sgd", learning_rate=1000.0)},
    ]
    rates = {"path": "training.learning_rate", "values": [0.1, 0.05, 0.01, 0.001]}
    special: dict[str, Any] = [
        {"variant": variants, "seeds": [0, 1]},
        {"vary": [rates], "search": {"method": "halving", "factor": 2}, "set": {"training.epochs": 4}},
        {"tune": "training.learning_rate", "seeds": [0, 1], "variant": variants[:1]},
    ][number]
    preset = _preset(optimizer="adam", learning_rate=0.05)
    found, problems = check.check({"version": 1, "name": NAME, "preset": preset, "seeds": [0], **special})
    assert found, problems
    return found


ADAPTIVE = (1, 2)
"""What these train depends on what was found."""
STUDIES = [_study(number) for number in range(3)]
