"""Which charts Train shows and where, and the keys that change this."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Container
from textual.widget import Widget

from tuiml.tui.chart_views.chart import Chart, ChartView
from tuiml.tui.chart_views.histograms import QuantityView
from tuiml.tui.chart_views.registry import BESIDE, CHARTS, TOP, chart
from tuiml.tui.chart_views.selection import TITLES, ChartSelection
from tuiml.tui.keys import action
from tuiml.tui.train.part import Host, Part
from tuiml.tui.widgets.chooser import Chooser
from tuiml.tui.widgets.picker import Pick

WIDE, WIDER = 100, 160
"""Minimum width for the curves beside another chart, and for three charts side by side, in cells."""
TALL = 32
"""Minimum height of the screen for one curve above the other, in cells."""
ASKING = ("draw", "row")
"""The charts in which an example is made, and predicted."""
CURVES = TOP[:2]
"""The charts that are shown together on a narrow screen."""


class ChartSlot(Container):
    """Shows a chart; its view is made when the slot first shows it."""

    DEFAULT_CSS = """
    ChartSlot { height: 1fr; width: 1fr; }
    ChartSlot > View { padding: 0 1; }
    """

    def __init__(self, selection: ChartSelection, chart: Chart, *, id: str) -> None:
        super().__init__(id=id)
        self._selection = selection
        self._views: dict[str, ChartView] = {}
        self.chart = chart
        self._make(chart)

    def compose(self) -> ComposeResult:
        yield from self._views.values()

    @property
    def view(self) -> ChartView:
        """The view shown now."""
        return self._views[self.chart.id]

    @property
    def views(self) -> tuple[ChartView, ...]:
        """Every view made so far."""
        return tuple(self._views.values())

    def show(self, chart: Chart) -> None:
        """Show another chart; the slot keeps the focus."""
        if chart is self.chart:
            return
        before = self.view
        self.chart = chart
        if chart.id not in self._views:
            view = self._make(chart)
            if self.is_attached:
                self.mount(view)
        for view in self._views.values():
            view.display = view is self.view
        if before.has_focus or before.has_focus_within:
            self.view.focus()

    def _make(self, chart: Chart) -> ChartView:
        view = self._views[chart.id] = chart.view(self._selection, chart)
        return view


class ChartLayout(Part):
    """Up to three charts above the layer table and one beside it, or one alone."""

    def __init__(self, host: Host, selection: ChartSelection, ids: Sequence[str]) -> None:
        self._host, self._selection = host, selection
        positions = 2 + len(TOP)
        names = [*ids[:positions], *[""] * (positions - len(ids))]
        self._alone, self._beside, *self._top = (name if chart(name) else "" for name in names)
        self._large = ""
        self.enlarged = False
        """True if one chart takes the whole screen."""
        entries = {entry.id: entry for entry in CHARTS}
        self.slots = [ChartSlot(selection, entries[name], id=f"top-{i}") for i, name in enumerate(TOP)]
        self.beside = ChartSlot(selection, entries[BESIDE], id="beside")
        self._curves = Container(*self.slots[: len(CURVES)], id="curves")

    def compose(self) -> ComposeResult:
        """The slots above the table: those of the curves together, side by side or one above the other."""
        yield self._curves
        yield from self.slots[len(CURVES) :]

    @property
    def chosen(self) -> list[str]:
        """Ids of the charts that the user chose: alone, beside the table, above it from the left; empty where
        it is the default."""
        return [self._large if self.enlarged else self._alone, self._beside, *self._top]

    @property
    def _narrow(self) -> bool:
        return self._host.size.width < WIDE

    @property
    def stacked(self) -> bool:
        """True if one curve is above the other, with another chart beside both."""
        return not self.enlarged and WIDE <= self._host.size.width < WIDER and self._host.size.height >= TALL

    @property
    def shown_slots(self) -> list[ChartSlot]:
        """The slots on the screen, from the left; the one beside the table last."""
        if self.enlarged or (self._narrow and self._alone not in ("", *CURVES)):
            return self.slots[:1]
        if self._narrow:
            return self.slots[: len(CURVES)]
        three = self.stacked or self._host.size.width >= WIDER
        return [*(self.slots if three else self.slots[: len(CURVES)]), self.beside]

    @property
    def views(self) -> list[ChartView]:
        """The views of all slots, shown or not."""
        return [view for slot in (*self.slots, self.beside) for view in slot.views]

    def slot_of(self, widget: Widget | None) -> ChartSlot | None:
        """The slot on the screen that contains a widget."""
        within = widget.ancestors_with_self if widget else ()
        return next((slot for slot in self.shown_slots if slot in within), None)

    def choices(self) -> list[Chart]:
        """The charts that are available for the run."""
        return [entry for entry in CHARTS if entry.available(self._host.run)]

    def arrange(self) -> None:
        """Put the chosen charts into the slots. A slot without one, or with one that the run does not have,
        shows the chart that suits the data."""
        shown, choices = self.shown_slots, self.choices()
        found = [next((e for e in choices if e.id == name), None) for name in self._wanted(shown)]
        free = [entry for entry in choices if entry not in found]
        suits = [entry for entry in free if entry.suits(self._host.run)][:1]
        fallback = [entry for entry in free if entry.id == TOP[-1]]
        rest = iter([*suits, *fallback, *(entry for entry in free if entry not in (*suits, *fallback))])
        for slot, entry in zip(shown, found, strict=True):
            slot.show(entry or next(rest, CHARTS[0]))
        for slot in self.slots:
            slot.display = slot in shown
        self._curves.display = any(slot in shown for slot in self.slots[: len(CURVES)])

    def _wanted(self, shown: Sequence[ChartSlot]) -> list[str]:
        """The charts of the slots; empty: the one that suits the data."""
        if self.enlarged:
            return [self._large]
        if len(shown) == 1:
            return [self._alone]
        if self._narrow:
            return [*CURVES]
        above = [name or usual for name, usual in zip(self._top, (*CURVES, ""), strict=True)]
        return [*above[: len(shown) - 1], self._beside or BESIDE]

    def enlarge(self, name: str) -> None:
        """Show one chart on the whole screen."""
        self._large = name
        self._set_enlarged(True)

    def show_all(self) -> None:
        """Show the layer table and all charts again."""
        self._set_enlarged(False)

    def _set_enlarged(self, enlarged: bool) -> None:
        self.enlarged = enlarged
        self._host.lay_out()
        self._host.main().focus()

    @property
    def _active(self) -> ChartSlot:
        """The slot whose chart the keys change: the focused one, else the last above the table."""
        above = [slot for slot in self.shown_slots if slot is not self.beside]
        return self.slot_of(self._host.screen.focused) or (above[0] if self._narrow else above[-1])

    def show_chart(self, name: str) -> None:
        """Show a chart in the active slot; one that is on the screen already is focused."""
        entry, slot = chart(name), self._active
        there = next((other for other in self.shown_slots if other.chart is entry), None)
        if entry is None or there:
            if there:
                there.view.focus()
            return
        if self.enlarged:
            self._large = name
        elif self._narrow:
            self._alone = name
        elif slot is self.beside:
            self._beside = name
        else:
            self._top[self.slots.index(slot)] = name
        self._host.lay_out()
        self._host.selection_changed()

    @action(
        "c", "next chart", "The next chart, here or at the top right.", "train", "next_chart", 1, rank=140
    )
    @action("C", "previous chart", "The previous chart.", "train", "last_chart", -1, rank=150, shown=False)
    def _next_chart(self, by: int) -> None:
        """Show the next or the previous chart that no other slot shows."""
        slot = self._active
        others = [other.chart for other in self.shown_slots if other is not slot]
        choices = [entry for entry in self.choices() if entry not in others]
        if choices:
            at = choices.index(slot.chart) if slot.chart in choices else -1
            self.show_chart(choices[(at + by) % len(choices)].id)

    @action(
        "z", "enlarge", "One chart on the whole screen, and back.", "train", rank=170, also="zoom, maximize"
    )
    def action_enlarge(self) -> None:
        if self.enlarged:
            self.show_all()
        else:
            self.enlarge((self.slot_of(self._host.screen.focused) or self.slots[0]).chart.id)

    @action("p", "charts", "Choose a chart from a list.", "train", rank=160, also="plots")
    def action_pick_chart(self) -> None:
        ids = {entry.title: entry.id for entry in self.choices()}
        listed = [Pick(entry.title, advice=entry.help) for entry in self.choices()]

        def answered(title: str | None) -> None:
            if title is not None:
                self.show_chart(ids[title])

        self._host.shell.push_screen(Chooser("Chart", listed, self._active.chart.title), answered)

    @action(
        "d",
        "predict",
        "Fill in a row, or draw an image, and see what the network predicts.",
        "train",
        rank=250,
        also="draw, pad, handwriting, form, answer",
    )
    def action_draw(self) -> None:
        self.enlarge(next(entry.id for entry in self.choices() if entry.id in ASKING))

    @property
    def _shows_quantity(self) -> bool:
        return any(isinstance(slot.view, QuantityView) for slot in self.shown_slots)

    @action(
        "v",
        "view",
        "Activations, pre-activations, gradients, weights, biases.",
        "train",
        rank=120,
        also="quantity",
    )
    def action_next_kind(self) -> None:
        if self._shows_quantity:
            self._selection.kind = self._selection.next_kind()
            self._host.selection_changed()
        else:
            self.show_chart("histogram")

    @action("V", "previous view", "The previous quantity.", "train", rank=130, shown=False)
    def action_kind_before(self) -> None:
        self._selection.kind = self._selection.next_kind(-1)
        self._host.selection_changed()

    def _views_with(self, action_id: str) -> list[ChartView]:
        """The views on the screen whose chart has that action, the focused one first."""
        has = [slot for slot in self.shown_slots if slot.chart.has(action_id)]
        slots = [slot for slot in has if slot.view.works(action_id)]
        slots.sort(key=lambda slot: not slot.view.has_focus)
        return [slot.view for slot in slots]

    def act(self, action_id: str) -> None:
        """Run an action of a chart on the screen."""
        views = self._views_with(action_id)
        if views:
            getattr(views[0], f"action_{action_id}")()
            self._host.selection_changed(views[0])

    def enabled(self, action_id: str) -> bool:
        trained = self._host.run.status != "empty"
        if action_id in ("enlarge", "next_kind"):
            return trained or self.enlarged
        if action_id == "draw":
            return trained and any(entry.id in ASKING for entry in self.choices())
        if action_id == "kind_before":
            return trained and self._shows_quantity
        if any(entry.has(action_id) for entry in CHARTS):
            return trained and bool(self._views_with(action_id))
        return True

    def label(self, action_id: str) -> str | None:
        if action_id == "enlarge":
            return "all" if self.enlarged else None
        if action_id == "next_kind":
            kind = self._selection.next_kind()
            return TITLES.get(kind, kind) if self._shows_quantity else self._selection.title
        views = self._views_with(action_id)
        return views[0].label(action_id) if views else None
