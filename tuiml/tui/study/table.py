"""The table of a study: a line a configuration, and its trials below it; the cursor stays on its line."""

from __future__ import annotations

from textual.geometry import Region

from tuiml.tui.charts.palette import QUIET
from tuiml.tui.model.layer_cells import Row
from tuiml.tui.model.study_cells import cells, columns, trial_cells
from tuiml.tui.model.study_model import Key, StudyModel
from tuiml.tui.widgets.chart_view import look_of
from tuiml.tui.widgets.layer_table import LayerTable

MANY = 200
"""Lines of which all cells are made at each change."""
SPARE = 60
"""Of more, lines above and below the screen whose cells are made as well."""


class StudyTable(LayerTable):
    """Lines with keys: whatever changes its place, the cursor stays on the same one."""

    def __init__(self, *, id: str) -> None:
        super().__init__((), id=id)
        self.keys: list[Key] = []
        self._signs: list[tuple[str, str]] = []
        self._model: StudyModel | None = None
        self._built = range(0)
        """The lines whose cells were made."""

    @property
    def key(self) -> Key:
        """The line under the cursor."""
        return self.keys[self.cursor] if 0 <= self.cursor < len(self.keys) else ("", "")

    def show(self, model: StudyModel) -> None:
        """Show the lines of a study; the cursor keeps its line, and that its place on the screen."""
        look, shown = look_of(self), {row.configuration.name for row in model.shown()}
        lines = list(model.lines())
        asked = columns(model.results, model.tuned)
        if asked != self.columns:
            self.set_columns(asked)
        at, above = self.key, self.cursor - round(self.scroll_offset.y)
        self.keys = [key for key, _, _ in lines]
        signs = []
        for (name, folder), row, _ in lines:
            symbol, colour = model.symbol(row, look.unicode)
            signs.append((" ", QUIET) if folder or name not in shown else (symbol, colour))
        changed, self._signs = self._signs != signs, signs
        self._model, top = model, self._top_then(at, above)
        self._built = built = self._window(top, len(lines))
        rows: list[Row] = [{}] * len(lines)
        for place in built:
            _, row, one = lines[place]
            rows[place] = cells(model, row, look) if one is None else trial_cells(model, row, one, look)
        self.set_rows(rows)
        if changed:
            self._strips.clear()
            self.refresh()
        self._keep(at, above)

    def _top_then(self, at: Key, above: int) -> int:
        """The first line on the screen once the cursor is where its line is now."""
        return self.keys.index(at) - above if at in self.keys else round(self.scroll_offset.y)

    def _window(self, top: int, count: int) -> range:
        """The lines whose cells are made: all, or of thousands those near the screen."""
        if count <= MANY:
            return range(count)
        return range(max(0, top - SPARE), min(count, top + self.size.height + SPARE))

    def watch_scroll_y(self, old: float, new: float) -> None:
        super().watch_scroll_y(old, new)
        top, model = round(new), self._model
        shown = range(top, min(len(self.keys), top + self.size.height))
        if model is not None and len(shown) and not (shown[0] in self._built and shown[-1] in self._built):
            self.show(model)

    def _keep(self, at: Key, above: int) -> None:
        """Put the cursor where its line is now."""
        for wanted in (at, (at[0], "")):  # a folded trial: its configuration
            if wanted in self.keys:
                place = self.keys.index(wanted)
                if place != self.cursor:
                    self.cursor = place
                    self.scroll_to(y=max(0, place - above), animate=False, force=True)
                return

    def select(self, key: Key) -> None:
        """Put the cursor on a line."""
        if key in self.keys:
            self.cursor = self.keys.index(key)

    def bar(self, row: int) -> tuple[str, str]:
        return self._signs[row] if 0 <= row < len(self._signs) else (" ", QUIET)

    def reveal(self) -> None:
        """Scroll to the cursor."""
        self.scroll_to_region(Region(0, self.cursor, 1, 2), animate=False, force=True)


def wanted_height(rows: int, height: int) -> int:
    """Lines of the table on a screen of ``height``: all of it, if the chart keeps half."""
    return max(4, min(rows + 1, height // 2))
