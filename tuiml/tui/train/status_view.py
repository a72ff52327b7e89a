"""The status line of the run, and the cells of the layer table that change while it is trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import replace

from tuiml.training import bounds
from tuiml.tui.chart_views.other_runs import OTHERS
from tuiml.tui.chart_views.selection import ChartSelection
from tuiml.tui.charts.palette import QUIET, VALIDATION, Look
from tuiml.tui.charts.text import Line, strip
from tuiml.tui.keys import key_of
from tuiml.tui.model.item_rows import short_name
from tuiml.tui.model.layer_cells import statistics_cells
from tuiml.tui.model.module_tree import Tree, folded_figures
from tuiml.tui.model.pace import pace_words
from tuiml.tui.model.status import Part, Piece, detail_lines, safe, status_line
from tuiml.tui.widgets.chart_view import View, keymap_of, look_of, on_screen
from tuiml.tui.widgets.layer_table import LayerTable


class StatusView(View):
    """The status line, and below it details if there are any."""

    DEFAULT_CSS = """
    StatusView { height: 1; padding: 0 1; }
    """

    def __init__(
        self, selection: ChartSelection, pace: Callable[[], float | None], *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._selection, self._pace = selection, pace

    def stamp(self) -> Hashable:
        return (
            self._selection.model.state_version,
            self._selection.cursor.step,
            self._selection.others,
            self._pace(),
        )

    def draw(self, width: int, height: int, look: Look) -> list[Line]:
        model = self._selection.model
        lines = [status_line(model, width, look, self._notes(look)), *self._details(width, look)]
        return [strip(line, width) for line in lines][:height]

    def _notes(self, look: Look) -> list[Piece]:
        """Who trains the run, the step at the cursor, and the runs that are compared."""
        snapshot, step = self._selection.past_snapshot, self._selection.cursor.step
        notes = []
        model = self._selection.model
        if model.followed and model.watched:  # it is nowhere else than in its own process
            notes.append(Piece(f"in {safe(model.writer, look)}", look.style(QUIET), 7))
        elif model.followed:
            text = f"followed: trained by {safe(model.writer, look)}"
            notes.append(Piece(text, look.style(VALIDATION, bold=True)))
        pace = self._pace()
        if pace is not None:
            faster = key_of("pace_faster", keymap_of(self))
            notes.append(Piece(f"{pace_words(pace)} ({faster} faster)", look.style(VALIDATION)))
        if step is not None:
            text = f"as of step {step:,}"
            if snapshot and snapshot.step != step:
                text += f", layers of step {snapshot.step:,}"
            notes.append(Piece(f"{look.glyphs.left} {text}", look.style(VALIDATION, bold=True)))
        others = self._selection.others
        if others:
            text = f"beside {len(others)} runs" if others[1:] else safe(short_name(others[0].name), look)
            if any(other.sampled for other in others):  # their metrics are long
                text += " (some from a sample)" if others[1:] else " (from a sample)"
            notes.append(Piece(f"{look.glyphs.dotted} {text}", look.style(OTHERS[0]), 1))
        return notes

    def _details(self, width: int, look: Look) -> list[list[Part]]:
        return detail_lines(self._selection.model, width, look, key_of("resume", keymap_of(self)))

    def make_room(self) -> None:
        """Take as many rows as there are lines."""
        width = self.content_size.width or self.app.size.width - 2
        height = 1 + len(self._details(width, look_of(self)))
        if self.styles.height is None or self.styles.height.value != height:
            self.styles.height = height


class TableFigures:
    """The statistics in the layer table, updated like a view, for the visible rows only."""

    def __init__(self, selection: ChartSelection, table: LayerTable, tree: Callable[[], Tree]) -> None:
        self._selection = selection
        self._table, self._tree = table, tree
        self._stamp: Hashable = None
        self.due_at = -math.inf

    def forget(self) -> None:
        """The rows were replaced: their cells have to be filled."""
        self._stamp = None

    def _full_stamp(self) -> Hashable:
        table, when = self._table, self._selection.past_snapshot or self._selection.model.snapshots_version
        return (when, self._finished, table.scroll_offset.y, table.size, look_of(table))

    @property
    def _finished(self) -> bool:
        """True if the table shows a network that has learned its data, by the training accuracy or R²."""
        selection = self._selection
        return selection.past_snapshot is None and selection.model.finished

    def stale(self) -> bool:
        return on_screen(self._table) and self._full_stamp() != self._stamp

    def build(self) -> None:
        self._stamp = self._full_stamp()
        table, tree, look = self._table, self._tree(), look_of(self._table)
        snapshot = self._selection.past_snapshot or self._selection.model.history.newest
        last = bounds.last_norm(snapshot.figures("gradient_norm").tolist()) if snapshot else math.nan
        first, finished = table.scroll_offset.y, self._finished
        for row in range(first, min(table.row_count, first + table.size.height)):
            index = tree.visible[row]
            found = snapshot.statistics(index) if snapshot else None
            if found and snapshot and index in tree.folded:
                found = replace(found, **folded_figures(snapshot, tree.within(index), last))
            has = bool(tree.rows[index].activation) or index in tree.folded
            table.update_cells(row, statistics_cells(index, found, last, has, look, finished=finished))
