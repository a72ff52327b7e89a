"""One new example as a person fills it in: a text for each input column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuiml.data.arrays import Data, single
from tuiml.data.base import Dataset
from tuiml.data.own.blocks import Block
from tuiml.data.own.cells import MISSING, Style, date_text
from tuiml.data.own.new_table import plan_of
from tuiml.data.own.table_plan import Feature
from tuiml.data.own.table_reader import enter
from tuiml.text import plain_text

SAMPLE = 2_000_000
"""Values of the training part of which the usual ones are taken, about, at most."""
DIGITS = 17
"""Of a float64, at most."""
_ONE = np.ones(1, np.bool_)


@dataclass(frozen=True)
class InputColumn:
    """A column of the inputs, as the training part has it."""

    name: str
    unit: str = ""
    """``kg``, ``$``: of every cell; it is not written in a new one."""
    date: bool = False
    """Its cells are dates, as 2020-12-31."""
    low: str = ""
    high: str = ""
    """The least and the greatest number."""
    whole: bool = False
    """Every number is an integer."""
    usual: str = ""
    """The median, or the most frequent value."""
    mean: float = 0.0
    values: tuple[str, ...] = ()
    """Of a category."""
    counts: tuple[int, ...] = ()
    """Training examples with each of them."""
    optional: bool = False
    """Whether a value may be missing, as some were in training."""


class NewRow:
    """Reads new examples of a data set, and writes those that it has, with a text for each column.

    Numbers are written with a decimal point and no unit, whatever the file does; an empty text is a missing
    value.

    Args:
        data: of a run on the data set.
    """

    def __init__(self, dataset: Dataset, data: Data) -> None:
        plan = plan_of(dataset)
        self._data = data
        self._names = [plain_text(plan.layout.names[feature.index])[:60] for feature in plan.features]
        self._units = [feature.style.unit for feature in plan.features]
        self._features = [replace(feature, style=Style(date=feature.style.date)) for feature in plan.features]
        self._fills = dataset.fills
        self.target_units = tuple(style.unit for style in plan.label_styles)

    def inputs(self, cells: Sequence[str]) -> NDArray[np.float64]:
        """The raw inputs, (1, features), NaN for a number that is missing; a category's value that training
        never had is none of its inputs, as a missing one.

        Raises:
            ValueError: there are not as many cells as columns, or one is no number or date.
        """
        found = np.empty((1, sum(feature.width for feature in self._features)))
        at = 0
        for feature, cell in zip(self._features, cells, strict=True):
            own = replace(feature, index=0)
            enter(own, Block([[cell]]), _ONE, found[:, at : at + feature.width], MISSING)
            at += feature.width
        return found

    def cells(self, stored: NDArray[Any]) -> tuple[str, ...]:
        """The texts of an example as the parts have it, (features,)."""
        texts, gone, found, at = self._texts(stored), self._filled(stored), [], 0
        for feature in self._features:
            if feature.values:
                part = stored[at : at + feature.width]
                found.append(feature.values[int(part.argmax())] if part.any() else "")
            else:
                found.append("" if gone[at] else self._written(feature, texts[at]))
            at += feature.width
        return tuple(found)

    @cached_property
    def _means(self) -> NDArray[np.float64]:
        """Of the stored inputs of the training part."""
        return np.asarray(self._data.train.inputs.mean(axis=0, dtype=np.float64))

    def _filled(self, stored: NDArray[Any]) -> NDArray[np.bool_]:
        """Which stored inputs, (…, features), are the mean that stands for a missing value."""
        near: NDArray[np.bool_] = np.isclose(stored, self._means, rtol=1e-6, atol=0) & self._fills
        return near

    @cached_property
    def columns(self) -> tuple[InputColumn, ...]:
        """The columns of the inputs."""
        inputs = self._data.train.inputs
        low, high = (self._texts(limit) for limit in (inputs.min(axis=0), inputs.max(axis=0)))
        some = inputs[: max(100, SAMPLE // inputs.shape[1])]
        gone = self._filled(some)
        raw = self._data.raw(some)
        whole = ((raw == np.rint(raw)) | gone).all(axis=0)
        known = np.where(gone & ~gone.all(axis=0), np.nan, some) if gone.any() else some
        middle = self._texts(np.nanpercentile(known, 50, axis=0, method="nearest"))
        means = self._data.raw(self._means[None])[0].tolist()
        found, at = [], 0
        for feature, name, unit in zip(self._features, self._names, self._units, strict=True):
            if feature.values:
                counts = (inputs[:, at : at + feature.width] > 0).sum(axis=0).tolist()
                usual = feature.values[counts.index(max(counts))]
                found.append(InputColumn(name, usual=usual, values=feature.values, counts=tuple(counts)))
            else:
                limits = (self._written(feature, text) for text in (low[at], high[at], middle[at]))
                least, greatest, usual = limits
                kind = unit, feature.style.date
                found.append(InputColumn(name, *kind, least, greatest, bool(whole[at]), usual, means[at]))
            at += feature.width
        return tuple(replace(column, optional=self._fills) for column in found)

    @staticmethod
    def _written(feature: Feature, text: str) -> str:
        return date_text(float(text)) if feature.style.date else text

    def _texts(self, stored: NDArray[Any]) -> list[str]:
        """The shortest texts of which each becomes the same input again."""
        data, width = self._data, len(stored)
        wide = data.raw(stored[None])[0].tolist()
        texts, left = [""] * width, set(range(width))
        for digits in range(1, DIGITS + 1):
            for column in left:
                texts[column] = f"{float(f'{wide[column]:.{digits}g}') + 0.0:.{max(digits, 15)}g}"
            again = single(np.array([texts], np.float64), data.raw_shift, data.raw_exponents)[0]
            left = {column for column in left if again[column] != stored[column]}
            if not left:
                break
        return texts
