"""Looking into a network that tells numbers: answers what is wished for, in the units of the data set."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tuiml.backends.engine import Engine
from tuiml.data.arrays import Part
from tuiml.training.evaluation_cache import Judged
from tuiml.training.inspection_records import VALUES, Inspection, InspectionRequest, What
from tuiml.training.inspection_records_base import POINTS
from tuiml.training.inspection_records_regression import COLUMNS, Fit, Heights, Miss, Misses, Predictions
from tuiml.training.plane_points import as_bytes, grid, limits_of, places, points_of

Array = np.ndarray[Any, Any]
LARGEST = 1e100
"""What may be told: of more, sums of squares would overflow."""


class NumberAnswers:
    """The answers to wishes about one engine's network.

    Args:
        part: the examples that are judged, and which these are.
    """

    def __init__(self, engine: Engine, part_name: str, part: Part) -> None:
        self._engine, self._data = engine, engine.data
        self._judged = Judged(engine, part_name, part, lambda outputs: self._data.original(outputs.T))
        self.answers: dict[What, Callable[[InspectionRequest, int], Inspection | None]] = {
            "fit": self._fit,
            "heights": self._heights,
            "predictions": self._predictions,
            "misses": self._misses,
        }

    @property
    def _targets(self) -> int:
        return int(self._judged.part.labels.shape[1])

    def _which(self, wish: InspectionRequest) -> dict[str, Any]:
        return {"target": min(wish.first, self._targets - 1), "targets": self._targets}

    def _told(self, inputs: Array, target: int) -> Array:
        """One of the target's numbers, for raw inputs."""
        outputs = self._data.original(self._engine.predict(inputs).T)[:, target]
        return np.clip(outputs.astype(np.float64), -LARGEST, LARGEST)

    def _fit(self, wish: InspectionRequest, most: int) -> Fit | None:
        if self._data.shape != (1,):
            return None
        which = self._which(wish)
        left, right = limits_of(self._data)
        xs = np.linspace(left, right, min(wish.columns, COLUMNS))
        points, labels, held_out = points_of(self._data)
        return Fit(
            step=self._engine.step_number,
            **which,
            limits=(float(left), float(right)),
            curve=tuple(self._told(xs[:, None], which["target"]).tolist()),
            xs=tuple(points[:, 0].astype(np.float64).tolist()),
            ys=tuple(self._data.original(labels)[:, which["target"]].astype(np.float64).tolist()),
            held_out=held_out,
        )

    def _heights(self, wish: InspectionRequest, most: int) -> Heights | None:
        if self._data.shape != (2,):
            return None
        which, limits = self._which(wish), limits_of(self._data)
        found = self._told(grid(limits, wish.columns, wish.rows), which["target"])
        points, labels, _ = points_of(self._data)
        truths = self._data.original(labels)[:, which["target"]].astype(np.float64)
        # The data's own range: it stands still while the network learns, and one that is far off shows.
        low, high = float(truths.min()), float(truths.max())
        spread = (high - low) or 1.0
        xs, ys = places(points, limits)
        return Heights(
            step=self._engine.step_number,
            **which,
            columns=wish.columns,
            rows=wish.rows,
            limits=tuple(limits.tolist()),
            scale=(low, low + spread),
            values=as_bytes((found - low) / spread).tobytes(),
            xs=xs,
            ys=ys,
            truths=as_bytes((truths - low) / spread).tobytes(),
        )

    # -- examples -----------------------------------------------------------------------------------------

    def _predictions(self, wish: InspectionRequest, most: int) -> Predictions:
        which = self._which(wish)
        part, outputs, _ = self._judged.first(most)
        truths = self._data.original(part.labels)[:, which["target"]].astype(np.float64)
        guesses = np.clip(outputs[:, which["target"]].astype(np.float64), -LARGEST, LARGEST)
        errors, spread = guesses - truths, float(np.square(truths - truths.mean()).sum())
        r2 = 1.0 - float(np.square(errors).sum()) / spread if spread else math.nan
        return Predictions(
            **self._judged.of(part),
            **which,
            figures=(r2, float(np.abs(errors).mean())),
            truths=tuple(truths[:POINTS].tolist()),
            guesses=tuple(guesses[:POINTS].tolist()),
        )

    def _misses(self, wish: InspectionRequest, most: int) -> Misses:
        part, outputs, losses = self._judged.first(most)
        order = np.argsort(-np.nan_to_num(losses, nan=np.inf), kind="stable")
        chosen = order[wish.first : wish.first + wish.count].tolist()
        truths = self._data.original(part.labels)
        found = tuple(
            Miss(
                row,
                _first(truths[row]),
                _first(outputs[row]),
                float(losses[row]),
                _first(part.inputs[row]),
            )
            for row in chosen
        )
        return Misses(**self._judged.of(part), first=wish.first, found=found)


def _first(values: Array) -> tuple[float, ...]:
    return tuple(float(v) for v in values[:VALUES])
