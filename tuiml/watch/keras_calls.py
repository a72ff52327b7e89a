"""Sees what the layers of a Keras model put out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from tuiml.watch.arrays import Entry


def see_layers(
    layers: Sequence[Any], entries: Sequence[Entry], called: Callable[[int, Any], None]
) -> list[Any]:
    """Have ``called`` get the index of each layer that is called, and its output.

    Returns:
        What :func:`unsee_layers` takes.
    """
    seen = []
    for index, layer in enumerate(layers):
        if entries[index].kind != "container" and "call" not in vars(layer):
            vars(layer)["call"] = partial(_call, called, index, layer.call)
            seen.append(layer)
    return seen


def _call(called: Callable[[int, Any], None], index: int, call: Any, *args: Any, **kwargs: Any) -> Any:
    output = call(*args, **kwargs)
    called(index, output)
    return output


def unsee_layers(seen: list[Any]) -> None:
    """Let the layers be as they were; the list is emptied."""
    for layer in seen:
        vars(layer).pop("call", None)
    seen.clear()


def unit_axis(layer: Any) -> int:
    """The axis of a layer's output along which its units lie."""
    return 1 if getattr(layer, "data_format", "") == "channels_first" else -1
