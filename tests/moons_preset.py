"""A small preset that trains within a moment, as a document."""

from typing import Any

MOONS: dict[str, Any] = {
    "version": 1,
    "name": "small",
    "data": {"name": "moons", "size": 200},
    "layers": [
        {"type": "dense", "units": 8, "activation": "tanh"},
        {"type": "dense", "activation": "softmax"},
    ],
    "training": {"learning_rate": 0.1, "batch_size": 32, "epochs": 3},
}
