"""The charts of a study's settings: a map of two, parallel coordinates of more."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tuiml.registry import value_text
from tuiml.tui.charts.grid_map import Grid, grid_map
from tuiml.tui.charts.palette import QUIET, Look
from tuiml.tui.charts.parallel import MOST_LABELS, Coordinate, Path, parallel
from tuiml.tui.charts.text import Line
from tuiml.tui.model.marks import word
from tuiml.tui.model.study_cells import TITLES, figure_text
from tuiml.tui.model.study_model import varied_values
from tuiml.tui.study.views import StudyView, named


class MapOfStudy(StudyView):
    """The metric of every combination of two settings."""

    def draw(self, width: int, height: int, look: Look) -> list[Line]:
        results = self.model.results
        if results is None or len(self.model.varied) != 2:
            return grid_map(
                Grid(np.empty((0, 0)), (), ()), width, height, look=look, empty="needs two varied settings"
            )
        values = varied_values(results, self.model.varied)
        down, right = self.model.varied
        if len(values[right]) < len(values[down]) <= 6:
            down, right = right, down
        table = np.full((len(values[down]), len(values[right])), np.nan)
        chosen = None
        for row in results.rows:
            settings = row.configuration.settings
            if settings.get(down) in values[down] and settings.get(right) in values[right]:
                at = values[down].index(settings[down]), values[right].index(settings[right])
                table[at] = row.mean
                chosen = at if row.configuration.name == self.model.selection.rested else chosen
        grid = Grid(
            table,
            [value_text(value) for value in values[down]],
            [value_text(value) for value in values[right]],
            word(down),
            word(right),
            1 if results.bigger_is_better else -1,
            chosen,
        )
        text = lambda value: figure_text(results.metric, value, look)  # noqa: E731
        return grid_map(
            grid, width, height, title=TITLES.get(results.metric, results.metric), text=text, look=look
        )


class ParallelOfStudy(StudyView):
    """A line a configuration through its value of each setting, and its metric at the end."""

    def draw(self, width: int, height: int, look: Look) -> list[Line]:
        model, results = self.model, self.model.results
        if results is None or not model.varied:
            return parallel((), (), width, height, look=look, empty="needs a varied setting")
        values = varied_values(results, model.varied)
        axes = [_axis(word(path), values[path]) for path in model.varied]
        known = np.array([row.mean for row in results.rows if math.isfinite(row.mean)])
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
        labelled = [(0.0, low), (1.0, high)] if high > low else [(0.5, low)]
        axes.append(
            Coordinate(
                TITLES.get(results.metric, results.metric),
                [(p, figure_text(results.metric, v, look)) for p, v in labelled],
            )
        )
        shown = {row.configuration.name for row in model.shown()}
        paths = []
        rows = sorted(
            results.rows,
            key=lambda row: (
                row.configuration.name == model.selection.rested,
                row.configuration.name in shown,
            ),
        )
        for row in rows:
            place = [_place(values[path], row.configuration.settings.get(path)) for path in model.varied]
            span = high - low
            end = (row.mean - low) / span if span > 0 else row.mean - low + 0.5
            symbol, colour = model.symbol(row, look.unicode)
            front = row.configuration.name in shown
            name = f"{symbol} {named(row, look)}" if front else ""
            paths.append(Path([*place, end], colour if front else QUIET, name, not front))
        return parallel(axes, paths, width, height, title="settings and what came of them", look=look)


def _axis(title: str, values: Sequence[object]) -> Coordinate:
    stride = -(-len(values) // MOST_LABELS)
    kept = values[::stride] if stride > 1 else values
    return Coordinate(title, [(_place(values, value), value_text(value)) for value in kept])


def _place(values: Sequence[object], value: object) -> float:
    """Where a value lies on its axis: evenly spaced, in their order."""
    if value not in values:
        return math.nan
    return values.index(value) / (len(values) - 1) if len(values) > 1 else 0.5
