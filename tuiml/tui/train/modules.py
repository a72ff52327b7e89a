"""The rows of Train's layer table: the layers of a preset, or the modules of a watched model, which fold."""

from __future__ import annotations

from collections.abc import Sequence

from tuiml.tui.chart_views.selection import ChartSelection
from tuiml.tui.keys import action
from tuiml.tui.model.layer_cells import tree_cells
from tuiml.tui.model.layer_rows import LayerRow
from tuiml.tui.model.module_tree import Tree
from tuiml.tui.train.part import Host, Part
from tuiml.tui.train.status_view import TableFigures
from tuiml.tui.widgets.chart_view import look_of
from tuiml.tui.widgets.layer_table import LayerTable


class Modules(Part):
    """Which rows are shown, and which layer is selected."""

    def __init__(self, host: Host, selection: ChartSelection, table: LayerTable) -> None:
        self._host, self._selection, self._table = host, selection, table
        self.tree = Tree()
        self.figures = TableFigures(selection, table, lambda: self.tree)

    def show(self, rows: Sequence[LayerRow]) -> None:
        """Show the layers of another run, or more of the same."""
        self.tree = self.tree.renewed(rows)
        self._fill()
        table = self._table
        if table.cursor == 0:  # a layer with parameters has more to show than the input has
            table.cursor = next((at for at, i in enumerate(self.tree.visible) if rows[i].parameters), 0)
        self._selection.rows = rows
        self.moved()

    def _fill(self) -> None:
        self._table.set_rows(tree_cells(self.tree, look_of(self._table)))
        self.figures.forget()

    def moved(self) -> None:
        """The cursor of the table is on another row: its layer is selected."""
        visible, cursor = self.tree.visible, self._table.cursor
        self._selection.index = visible[cursor] if cursor < len(visible) else 0

    def select(self, index: int) -> None:
        """Select a layer; what contains it is unfolded."""
        if index not in self.tree.visible:
            self.tree.reveal(index)
            self._fill()
        self._table.cursor = self.tree.place(index)

    def chosen(self) -> bool:
        """Fold or unfold the selected module; False if it contains none: it has something to look into."""
        if not self._contains:
            return False
        self.action_fold_module()
        return True

    @property
    def _contains(self) -> bool:
        rows, index = self._selection.rows, self._selection.index
        return index < len(rows) and rows[index].contains > 0

    @action("space", "fold", "Fold or unfold the module, or the one that contains it.", "train", rank=118)
    def action_fold_module(self) -> None:
        self._folded(self.tree.toggle(self._selection.index))

    @action("asterisk", "fold all", "Fold all modules, or unfold all.", "train", rank=119, shown=False)
    def action_fold_modules(self) -> None:
        self.tree.toggle_all()
        self._folded(self._selection.index)

    def _folded(self, index: int) -> None:
        self._fill()
        self._table.cursor = self.tree.place(index)
        self.moved()
        self._host.lay_out()
        self._host.selection_changed(self.figures)

    def enabled(self, action_id: str) -> bool:
        return self.tree.branches

    def label(self, action_id: str) -> str | None:
        if action_id == "fold_modules":
            return None if self.tree.folded else "unfold all"
        if action_id == "choose" and not self._contains:
            return None
        return "unfold" if self._selection.index in self.tree.folded else "fold"
