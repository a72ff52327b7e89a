"""A small preset that tests of the app edit."""

from typing import Any


def raw(**changes: Any) -> dict[str, Any]:
    """Flatten, a hidden layer, an output layer, on the digits."""
    return {
        "version": 1,
        "name": "small",
        "data": {"name": "digits"},
        "layers": [
            {"type": "flatten"},
            {"type": "dense", "units": 64, "activation": "relu"},
            {"type": "dense", "activation": "softmax"},
        ],
        "training": {"optimizer": "sgd"},
        **changes,
    }
