"""What a network learned that tells numbers, as charts of Train: the fit, a map, predictions, the worst."""

from __future__ import annotations

import numpy as np
from textual.strip import Strip

from tuiml.formatting import compact
from tuiml.training.inspection_records import Inspection, InspectionRequest
from tuiml.training.inspection_records_regression import COLUMNS, Fit, Heights, Misses, Predictions
from tuiml.tui.chart_views.classification import judged_words
from tuiml.tui.chart_views.decision_boundary import MOST_COLUMNS, MOST_ROWS
from tuiml.tui.chart_views.inspection import LearnedView
from tuiml.tui.charts.heights import heights, legend
from tuiml.tui.charts.palette import QUIET, TRAIN, VALIDATION, Look
from tuiml.tui.charts.scatter import Cloud, scatter
from tuiml.tui.charts.text import clean, strip
from tuiml.tui.model.run_model import RunModel


def tells_numbers(model: RunModel) -> bool:
    """Whether the target is numbers."""
    return model.network is not None and model.preset is not None and model.preset.data.target == "numbers"


def has_line(model: RunModel) -> bool:
    """Whether there is one input, so that what is told of it is a curve."""
    return tells_numbers(model) and model.preset is not None and model.preset.data.shape == (1,)


def has_map(model: RunModel) -> bool:
    """Whether the examples are points of the plane, so that what is told of them is a map."""
    return tells_numbers(model) and model.preset is not None and model.preset.data.shape == (2,)


class NumberView(LearnedView):
    """A chart of one of the target's numbers; the next and the one before by the keys that turn pages."""

    def total(self) -> int:
        preset = self.sight.model.preset
        return preset.data.outputs if preset else 0

    def target(self, index: int, count: int) -> str:
        """What the number is called; nothing where it is the only one and has no name."""
        preset = self.sight.model.preset
        names = preset.data.target_names if preset else ()
        name = names[index] if index < len(names) else ""
        if count == 1:
            return name
        return f"{name} ({index + 1} of {count})" if name else f"number {index + 1} of {count}"

    def about(self, found: Inspection, look: Look) -> str:
        assert isinstance(found, Fit | Heights | Predictions)
        return self.target(found.target, found.targets)


class FitView(NumberView):
    """What is told along the only input, over the data's points."""

    what = "fit"
    title = "fit"

    def wishes(self) -> list[InspectionRequest]:
        columns = max(8, min(COLUMNS, 2 * self.size.width))
        return [InspectionRequest("fit", columns=columns, first=self.first)]

    def show(self, found: Inspection, width: int, height: int, look: Look) -> list[Strip]:
        assert isinstance(found, Fit)
        known = len(found.xs) - found.held_out
        x = np.linspace(found.limits[0], found.limits[1], len(found.curve))
        clouds = [
            Cloud(found.xs[:known], found.ys[:known], TRAIN),
            Cloud(found.xs[known:], found.ys[known:], VALIDATION, sign="o"),
            Cloud(x, found.curve, joined=True, sign="*"),
        ]
        low, high = found.limits
        # By the data's own range, and a half of it on both sides: a curve that is far off leaves the room.
        ys = np.asarray(found.ys)
        room = 0.5 * (float(np.ptp(ys)) or 1.0) if len(ys) else 1.0
        told = np.asarray(found.curve)
        told = told[np.isfinite(told)]
        every = np.concatenate([ys, np.clip(told, ys.min() - room, ys.max() + room)]) if len(ys) else told
        limits = (float(every.min()), float(every.max())) if len(every) else None
        return scatter(clouds, width, height, look, x_label="input", x_range=(low, high), y_range=limits)

    def about(self, found: Inspection, look: Look) -> str:
        assert isinstance(found, Fit)
        signs = "blue train, orange validation" if look.colour else ""
        if not look.unicode:
            signs = "* fit, . train, o validation"
        return "  ".join(filter(None, (self.target(found.target, found.targets), signs)))


class HeightsView(NumberView):
    """What is told of each point of the plane."""

    what = "heights"
    title = "map"

    def _room(self, width: int, height: int) -> tuple[int, int]:
        tall = max(1, height - 1)
        return max(1, min(width, 3 * tall)), tall

    def wishes(self) -> list[InspectionRequest]:
        wide, tall = self._room(self.size.width, self.size.height - 1)
        return [
            InspectionRequest("heights", min(wide, MOST_COLUMNS), min(2 * tall, MOST_ROWS), first=self.first)
        ]

    def show(self, found: Inspection, width: int, height: int, look: Look) -> list[Strip]:
        assert isinstance(found, Heights)
        wide, tall = self._room(width, height)
        strips = [Strip(row).adjust_cell_length(width) for row in heights(found, wide, tall, look)]
        return [*strips, legend(found, width, look)][:height]


class PredictionsView(NumberView):
    """What is told against what is: right where it lies on the diagonal."""

    what = "predictions"
    title = "predictions"

    def wishes(self) -> list[InspectionRequest]:
        return [InspectionRequest("predictions", first=self.first)]

    def about(self, found: Inspection, look: Look) -> str:
        assert isinstance(found, Predictions)
        missing = look.glyphs.missing
        words = (
            self.target(found.target, found.targets),
            f"R² {compact(found.figures[0], 4, missing)}",
            f"mean error {compact(found.figures[1], 3, missing)}",
            judged_words(found),
        )
        return "  ".join(filter(None, words))

    def show(self, found: Inspection, width: int, height: int, look: Look) -> list[Strip]:
        assert isinstance(found, Predictions)
        truths = np.asarray(found.truths)
        if not len(truths):
            return []
        low, high = float(truths.min()), float(truths.max())
        room = 0.25 * ((high - low) or 1.0)
        guesses = np.asarray(found.guesses)
        guesses = guesses[np.isfinite(guesses)]
        bottom = max(low - room, min([low, *guesses.tolist()]))
        top = min(high + room, max([high, *guesses.tolist()]))
        clouds = [
            Cloud(np.array([low, high]), np.array([low, high]), QUIET, joined=True, sign="-"),
            Cloud(found.truths, found.guesses, VALIDATION if found.part == "validation" else TRAIN, sign="o"),
        ]
        label = "truth; up: prediction"
        across, up = (low, high), (bottom, top)
        return scatter(clouds, width, height, look, x_label=label, x_range=across, y_range=up)


class MissesView(LearnedView):
    """The examples with the largest losses."""

    what = "misses"
    title = "largest errors"

    def total(self) -> int:
        found = self.sight.model.learned.get("misses")
        return found.examples if isinstance(found, Misses) else 0

    def shown_count(self) -> int:
        return max(1, self.size.height - 1)

    def wishes(self) -> list[InspectionRequest]:
        return [InspectionRequest("misses", first=self.first, count=max(1, min(64, self.shown_count())))]

    def about(self, found: Inspection, look: Look) -> str:
        assert isinstance(found, Misses)
        last = found.first + len(found.found)
        return f"{found.first + 1:,}–{last:,}, {judged_words(found)}" if found.found else judged_words(found)

    def show(self, found: Inspection, width: int, height: int, look: Look) -> list[Strip]:
        assert isinstance(found, Misses)
        missing = look.glyphs.missing
        arrow = "→" if look.unicode else ">"
        strips = []
        for miss in found.found[:height]:
            pairs = zip(miss.truths, miss.guesses, strict=True)
            told = ", ".join(f"{compact(a, 4, missing)} {arrow} {compact(b, 4, missing)}" for a, b in pairs)
            values = ", ".join(compact(value, 3, missing) for value in miss.values)
            loss = f"loss {compact(miss.loss, 3, missing)}"
            strips.append(
                strip(
                    [
                        (f"{loss:<12} ", look.style(QUIET)),
                        (f"{clean(told, look):<24}  ", look.style()),
                        (f"of {values}", look.style(QUIET)),
                    ],
                    width,
                )
            )
        return strips
