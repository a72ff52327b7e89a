"""Labels of arrays: classes from whole numbers, text or one-hot rows; or numbers (regression)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuiml.data.own.facts import Wrong, taken_for
from tuiml.text import plain_text

MOST_CLASSES = 1000
_BLOCK = 1 << 16
Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Coding:
    """How raw labels become those of a run."""

    values: Array | None
    """The raw value of each class, sorted; ``None``: the columns of one-hot rows, or no classes."""
    names: tuple[str, ...]
    outputs: int
    one_hot: bool = False
    notes: tuple[str, ...] = ()

    def apply(self, raw: Array, title: str) -> Array:
        """(n,) classes from 0, or (n, outputs) float32.

        Raises:
            Wrong: a number is not finite, or too large for float32.
        """
        if self.one_hot:
            hot: Array = np.argmax(raw, axis=1).astype(np.uint8 if raw.shape[1] <= 256 else np.int32)
            return hot
        if self.values is not None:
            found = np.searchsorted(self.values, raw.reshape(-1))
            return found.astype(np.uint8 if len(self.values) <= 256 else np.int32)
        with np.errstate(over="ignore"):
            numbers = raw.reshape(len(raw), -1).astype(np.float32)
        wrong = np.flatnonzero(~np.isfinite(numbers).all(axis=1))
        if len(wrong):
            text = f"the target of example {wrong[0]:,} is {raw[wrong[0]]}, no finite float32"
            raise Wrong("path", f"{title}: {text} ({len(wrong):,} such examples)")
        return numbers

    def counts(self, parts: list[Array], title: str) -> tuple[int, ...]:
        """Examples of each class; none of a regression."""
        if not self.names:
            return ()
        coded = np.concatenate([self.apply(part, title) for part in parts])
        return tuple(np.bincount(coded, minlength=len(self.names)).tolist())


def coding(parts: list[Array], predict: str, title: str) -> Coding:
    """Whether labels are classes or numbers, and which.

    Args:
        parts: the raw labels of each part, (n,), (n, 1) or (n, k).

    Raises:
        Wrong: they can be neither, or not what ``predict`` wants.
    """
    if any(part.ndim not in (1, 2) for part in parts) or len({part.shape[1:] for part in parts}) > 1:
        shapes = ", ".join("×".join(map(str, part.shape)) for part in parts)
        raise Wrong("path", f"{title}: labels of shape {shapes}; give one an example, or one-hot rows")
    width = parts[0].shape[1] if parts[0].ndim == 2 else 1
    text = parts[0].dtype.kind in "US"
    if width > 1 and predict != "regression" and not text and all(_is_one_hot(part) for part in parts):
        names = tuple(str(k) for k in range(width))
        return Coding(None, names, width, True, (f"labels are one-hot rows: {width} classes",))
    if predict == "regression" or (width > 1 and predict == "auto"):
        if text:
            raise Wrong("predict", f"{title}: the labels are text, which are classes and no numbers")
        return Coding(None, (), width)
    if width > 1:
        raise Wrong("predict", f"{title}: labels of {width} columns that are not one-hot are no classes")
    return _classes(parts, predict, title)


def _classes(parts: list[Array], predict: str, title: str) -> Coding:
    """The different values of single labels as classes, unless they are numbers."""
    kind = parts[0].dtype.kind
    guess = predict == "auto" and kind not in "USb"
    if kind == "f" and guess and not all((part == np.rint(part)).all() for part in parts):
        return Coding(None, (), 1, notes=(taken_for("the target", 0, False, 0, 0, 0)[1],))
    if kind == "f" and not all(np.isfinite(part).all() for part in parts):
        raise Wrong("path", f"{title}: a label is not a finite number")
    values = np.empty(0, parts[0].dtype)
    for block in (part[at : at + _BLOCK] for part in parts for at in range(0, len(part), _BLOCK)):
        values = np.union1d(values, block)
        if len(values) > MOST_CLASSES:  # enough: to count twenty million different ones takes a minute
            text = f"more than {MOST_CLASSES:,} different labels"
            if guess:
                return Coding(None, (), 1, notes=(f"{text}: they are taken for a regression",))
            raise Wrong("predict", f"{title} has {text}, the most classes there may be")
    if len(values) < 2:
        raise Wrong("path", f"{title}: every label is the same: there is nothing to tell apart")
    notes: tuple[str, ...] = ()
    if guess:
        low, high = float(values[0]), float(values[-1])
        classes, said = taken_for("the target", len(values), True, low, high, sum(map(len, parts)))
        if not classes:
            return Coding(None, (), 1, notes=(said,))
        notes = (said,) if len(values) > 2 else ()
    names = [
        v.decode("utf-8", "replace") if isinstance(v, bytes) else f"{v:g}" if kind == "f" else str(v)
        for v in values
    ]
    return Coding(values, tuple(plain_text(name)[:60] for name in names), len(values), notes=notes)


def _is_one_hot(part: Array) -> bool:
    values = part if part.dtype.kind != "b" else part.astype(np.uint8)
    return bool(((values == 0) | (values == 1)).all() and (values.sum(axis=1) == 1).all())
