"""Looking into a network: answers what is wished for, from the engine's outputs and weights as they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tuiml.backends.engine import Engine
from tuiml.data.arrays import Part
from tuiml.nn.network import Network, Node
from tuiml.training.evaluation_cache import Judged, held_out
from tuiml.training.inspection_records import (
    CELLS,
    CLASSES,
    VALUES,
    ZERO,
    Boundary,
    Confusion,
    Drawn,
    Example,
    Guess,
    Inspection,
    InspectionRequest,
    Responses,
    Weights,
    What,
    Worst,
    picture_size,
    thinned,
)
from tuiml.training.inspector_regression import NumberAnswers
from tuiml.training.plane_points import as_bytes, grid, limits_of, places, points_of

Array = np.ndarray[Any, Any]
AT_ONCE = 2000
"""Examples judged while the network trains, at most."""
AT_LEISURE = 20_000
"""Examples judged while nothing else is to be done, at most."""


class Inspector:
    """Answers wishes about one engine's network, in the engine's thread.

    A wish that does not suit the network or its data has no answer.
    """

    def __init__(self, network: Network, engine: Engine) -> None:
        self._network = network
        self._engine = engine
        self._data = data = engine.data
        self._classes = len(data.classes)
        self._size = picture_size(data.shape)
        self._answers: dict[What, Callable[[InspectionRequest, int], Inspection | None]] = {
            "boundary": self._boundary,
            "responses": self._responses,
            "confusion": self._confusion,
            "worst": self._worst,
            "weights": self._weights,
        }
        name, part = held_out(data)
        self._judged = Judged(engine, name, part, shares)
        if data.target == "regression":
            of_numbers = NumberAnswers(engine, name, part).answers
            self._answers = {**of_numbers, "responses": self._responses, "weights": self._weights}

    def answer(self, wish: InspectionRequest, most: int = AT_ONCE) -> Inspection | None:
        """What was wished for; of a part's examples the first ``most`` are judged."""
        if self._classes > CLASSES:
            return None
        with np.errstate(all="ignore"):
            asked = self._answers.get(wish.what)
            return asked(wish, most) if asked else None

    def guess(self, drawn: Drawn) -> Guess | None:
        """What the network takes a drawn picture for."""
        if (
            self._size is None
            or len(drawn.pixels) != math.prod(self._size)
            or not 0 < self._classes <= CLASSES
        ):
            return None
        low, high = self._raw_range()
        pixels = np.frombuffer(drawn.pixels, np.uint8).astype(np.float64) / 255
        raw = np.tile(low + pixels * (high - low), math.prod(self._data.shape) // len(pixels))
        if self._data.train.inputs.dtype == np.uint8:
            raw = np.rint(raw)
        found = shares(self._engine.predict(raw[None]))[:, 0]
        return Guess(self._engine.step_number, drawn.number, tuple(float(v) for v in found))

    def _raw_range(self) -> tuple[float, float]:
        """The least and the greatest raw value of a pixel, by a sample of the training part."""
        some = self._data.train.inputs[:256]
        return min(0.0, float(some.min())), float(some.max())

    # -- points of the plane ------------------------------------------------------------------------------

    def _boundary(self, wish: InspectionRequest, most: int) -> Boundary | None:
        if self._data.shape != (2,):
            return None
        limits = limits_of(self._data)
        found = shares(self._engine.predict(grid(limits, wish.columns, wish.rows)))
        points, labels, _ = points_of(self._data)
        xs, ys = places(points, limits)
        return Boundary(
            step=self._engine.step_number,
            columns=wish.columns,
            rows=wish.rows,
            limits=tuple(limits.tolist()),
            classes=self._classes,
            winners=found.argmax(0).astype(np.uint8).tobytes(),
            shares=as_bytes(found.max(0)).tobytes(),
            xs=xs,
            ys=ys,
            labels=labels.astype(np.uint8).tobytes(),
        )

    def _responses(self, wish: InspectionRequest, most: int) -> Responses | None:
        if self._data.shape != (2,) or wish.layer >= len(self._network.nodes):
            return None
        inputs = grid(limits_of(self._data), wish.columns, wish.rows)
        found = self._engine.responses(inputs, wish.layer)
        total = len(found)
        scales, grids = _signed(found[wish.first : wish.first + wish.count])
        return Responses(
            step=self._engine.step_number,
            columns=wish.columns,
            rows=wish.rows,
            layer=wish.layer,
            first=wish.first,
            total=total,
            scales=scales,
            grids=grids,
        )

    # -- examples -----------------------------------------------------------------------------------------

    def _confusion(self, wish: InspectionRequest, most: int) -> Confusion:
        part, found, _ = self._judged.first(most)
        n = self._classes
        counts = np.bincount(part.labels.astype(np.int64) * n + found.argmax(0), minlength=n * n)
        table = tuple(tuple(row) for row in counts.reshape(n, n).tolist())
        return Confusion(**self._judged.of(part), counts=table)

    def _worst(self, wish: InspectionRequest, most: int) -> Worst:
        part, found, losses = self._judged.first(most)
        height, width, _ = thinned(self._size) if self._size else (0, 0, 1)
        count = min(wish.count, CELLS // max(1, width * height))
        order = np.argsort(-np.nan_to_num(losses, nan=np.inf), kind="stable")
        chosen = order[wish.first : wish.first + count].tolist()
        guesses = found.argmax(0)
        examples = tuple(
            self._example(part, row, int(guesses[row]), float(found[guesses[row], row]), float(losses[row]))
            for row in chosen
        )
        return Worst(**self._judged.of(part), first=wish.first, width=width, height=height, found=examples)

    def _example(self, part: Part, row: int, guess: int, share: float, loss: float) -> Example:
        raw, pixels = part.inputs[row], b""
        values: tuple[float, ...] = ()
        if self._size:
            stride = thinned(self._size)[2]
            low, high = self._raw_range()
            picture = raw.reshape(-1, *self._size)[:, ::stride, ::stride].astype(np.float64).mean(axis=0)
            pixels = as_bytes((picture - low) / ((high - low) or 1.0)).tobytes()
        else:
            values = tuple(float(v) for v in raw[:VALUES])
        return Example(row, int(part.labels[row]), guess, share, loss, pixels, values)

    # -- weights ------------------------------------------------------------------------------------------

    def _weights(self, wish: InspectionRequest, most: int) -> Weights | None:
        node = first_weights(self._network, self._size)
        if node is None:
            return None
        weight = self._engine.tensors()[f"layers.{node.index}.weight"]
        size = weight.shape[2:] if weight.ndim == 4 else self._size
        height, width, stride = thinned((size[0], size[1]) if size else (1, 1))
        pictures = weight.reshape(len(weight), -1, *(size or ())).mean(axis=1)
        count = min(wish.count, CELLS // (width * height))
        chosen = pictures[wish.first : wish.first + count, ::stride, ::stride]
        scales, grids = _signed(chosen.reshape(len(chosen), -1))
        return Weights(
            step=self._engine.step_number,
            layer=node.index,
            first=wish.first,
            total=len(weight),
            width=width,
            height=height,
            scales=scales,
            grids=grids,
        )


def first_weights(network: Network, size: tuple[int, int] | None) -> Node | None:
    """The first layer with weights of its own, if these see every pixel of a picture of ``size``, or are
    small pictures themselves; ``None`` where they cannot be shown as pictures."""
    if size is None:
        return None
    pixels = math.prod(network.input_shape)
    for node in network.nodes:
        weight = next((p for p in node.parameters if p.name == "weight" and len(p.shape) > 1), None)
        if weight is not None:
            seen = len(weight.shape) == 4 or weight.shape[1] == pixels
            return node if seen else None
        if math.prod(node.output_shape) != pixels:
            return None
    return None


def shares(outputs: Array) -> Array:
    """Each class's share, classes × examples, 0 to 1: the outputs themselves where they are probabilities;
    one output alone is the second class's. What is not finite is 0."""
    found = np.nan_to_num(outputs, nan=0.0, posinf=1.0, neginf=0.0)
    if len(found) == 1:
        found = np.concatenate([1.0 - found, found])
    clipped: Array = np.clip(found, 0.0, 1.0)
    return clipped


def _signed(rows: Array) -> tuple[tuple[float, ...], tuple[bytes, ...]]:
    """Each row's largest absolute value, and the row in parts of it as bytes around :data:`ZERO`."""
    rows = np.nan_to_num(rows.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    scales = np.abs(rows).max(axis=1, initial=0.0)
    parts = rows / np.where(scales > 0, scales, 1.0)[:, None]
    grids: Array = (np.rint(parts * 127) + ZERO).astype(np.uint8)
    return tuple(scales.tolist()), tuple(row.tobytes() for row in grids)
