"""The place of Build's drawings: which rows they get, and the keys that turn to another or enlarge one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tuiml.tui.build.drawing_view import LEAST, DrawingView, Shown
from tuiml.tui.build.render import COLUMNS
from tuiml.tui.keys import action, key_of
from tuiml.tui.model.layer_rows import LayerRow
from tuiml.tui.process.probe_session import PreFlight
from tuiml.tui.shell.screen import AppScreen
from tuiml.tui.widgets.layer_table import LayerTable


class Drawings:
    """The drawings below the table; ``lines`` shows the lines below them again."""

    def __init__(
        self, screen: AppScreen, table: LayerTable, flight: PreFlight, lines: Callable[[], None]
    ) -> None:
        self._screen, self._table, self._flight, self._lines = screen, table, flight, lines
        self.view = DrawingView(id="looks")

    def enabled(self, action_id: str) -> bool:
        """True if an action works now."""
        on_screen = self.view.display and self.view.more
        return self._table.has_focus and (action_id == "enlarge_look" or on_screen)

    def why_not(self, action_id: str) -> str:
        """What is said of a key that does not work now."""
        if not self._table.has_focus or self.view.display:
            return ""
        key = key_of("enlarge_look", self._screen.shell.keymap)
        return f"no room for a drawing here: {key} shows it on the whole screen"

    def show(self, rows: Sequence[LayerRow], below: int) -> None:
        """Draw the document, in the rows that the table and ``below`` lines leave; in none if too few."""
        view, found = self.view, self._flight.found
        wanted = len(rows) + 1
        left = self._screen.query_one("#stack").size.height - below - wanted - 1
        display = view.enlarged or left >= LEAST
        if view.display != display:
            view.display = display
            self._screen.refresh_bindings()
        self._table.styles.height = 2 if view.enlarged else wanted if view.display else "1fr"
        missing = found.note if found and found.inputs == "noise" else self._flight.problem
        of = Shown(tuple(rows), self._screen.document.data, self._flight.sample, missing)
        view.show(of, self._table.cursor)

    @action(
        "c", "next drawing", "The next drawing: the network, the data.", "build", "look_next", 1, rank=112
    )
    @action("C", "previous drawing", "The previous drawing.", "build", "look_back", -1, rank=113, shown=False)
    def _turn(self, by: int) -> None:
        self.view.turn(by)

    @action("z", "enlarge", "The drawing on the whole screen, and back.", "build", rank=114)
    def action_enlarge_look(self) -> None:
        self.enlarge(not self.view.enlarged)

    def enlarge(self, large: bool) -> None:
        """Give a drawing the whole screen, but for the selected layer; or the table and the form."""
        if large != self.view.enlarged:
            self.view.enlarged = large
            self._screen.set_class(large, "large")
            self._lines()
            self._screen.call_after_refresh(self._fit)
            self._screen.refresh_bindings()

    def _fit(self) -> None:
        """Fit columns and lines to the table's new width, and show the selected layer."""
        self._table.set_columns(COLUMNS)
        self._lines()
        self._table.reveal_cursor()
