"""Which charts Train shows, where, and the keys that change it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events
from textual.widget import Widget

from tuiml.tui.chart_views.registry import BESIDE, CHARTS, TOP, Chart, chart
from tuiml.tui.chart_views.selection import TITLES, ChartSelection
from tuiml.tui.keys import action
from tuiml.tui.train.chart_slot import ChartSlot
from tuiml.tui.train.run_keys import Steering
from tuiml.tui.train.subscriptions import Subscriptions
from tuiml.tui.widgets.chart_view import Drawing, Pacer, View
from tuiml.tui.widgets.chooser import Chooser
from tuiml.tui.widgets.picker import Pick

WIDE, WIDER = 100, 160
"""Cells from which two charts, and three, stand side by side; below, one at a time above the table."""
LEAP = 10
"""Pictures that a long step back or on goes."""


class Charting(Steering):
    """The slots of Train and what is in them.

    Args:
        charts: those that were chosen when the app was left, as :attr:`charts` gave them.
    """

    def __init__(
        self, charts: Sequence[str] = (), *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        usual = (TOP[0], BESIDE, *TOP)
        kept = [*charts[: len(usual)], *usual[len(charts) :]]
        names = [name if chart(name) else other for name, other in zip(kept, usual, strict=True)]
        self.chart, self.beside_chart, *self.top = names
        """Ids of the charts that the user chose: where only one is shown, beside the table, above it."""
        self.large = False
        """Whether one chart has the whole place."""
        self.sight = ChartSelection(lambda: self.run, self.hint)
        entries = {entry.id: entry for entry in CHARTS}
        self.slots = [ChartSlot(self.sight, entries[name], id=f"top-{i}") for i, name in enumerate(TOP)]
        self.beside = ChartSlot(self.sight, entries[BESIDE], id="beside")
        self.wishing = Subscriptions(self._views, lambda: self.shell.client)
        self.drawings: list[Drawing] = [self.wishing]
        self.pacer = Pacer(self, self.drawings)

    def hint(self, view: Widget) -> str:
        """What an empty chart says."""
        raise NotImplementedError  # pragma: no cover - Train says it

    def rows_below(self) -> int:
        """Rows that the layer table takes."""
        raise NotImplementedError  # pragma: no cover - Train has the table

    @property
    def charts(self) -> list[str]:
        """The ids of the charts that the user chose, for the next start."""
        return [self.chart, self.beside_chart, *self.top]

    # -- what is shown ----------------------------------------------------------------------------------

    @property
    def _one(self) -> bool:
        """Whether only one chart is shown."""
        return self.large or self.size.width < WIDE

    @property
    def shown_slots(self) -> list[ChartSlot]:
        """The slots on the screen, from the left; the one beside the table last."""
        if self._one:
            return self.slots[:1]
        return [*self.slots[: 3 if self.size.width >= WIDER else 2], self.beside]

    def _views(self) -> list[View]:
        return [view for slot in (*self.slots, self.beside) for view in slot.views]

    def on_hide(self) -> None:
        self.pacer.now(self.wishing)

    def slot_of(self, widget: Widget | None) -> ChartSlot | None:
        """The slot on the screen that a widget is in."""
        within = widget.ancestors_with_self if widget else ()
        return next((slot for slot in self.shown_slots if slot in within), None)

    def lay_out(self) -> None:
        one, shown = self._one, self.shown_slots
        self.set_class(self.large, "-large")
        self.set_class(self.size.width < WIDE, "-narrow")
        wanted = [self.chart] if one else [*self.top[: len(shown) - 1], self.beside_chart]
        for slot, entry in zip(shown, self._available(wanted), strict=True):
            slot.show(entry)
        for slot in self.slots:
            slot.display = slot in shown
            self.drawings += [view for view in slot.views if view not in self.drawings]
        self.drawings += [view for view in self.beside.views if view not in self.drawings]
        self.query_one("#below").styles.height = self.rows_below()
        self.shell.refresh_bindings()
        self.pacer.kick()

    def _available(self, wanted: Sequence[str]) -> list[Chart]:
        """The entries of ``wanted``, each that the run does not have replaced by the first that is left."""
        have = self.choices()
        found = [next((entry for entry in have if entry.id == name), None) for name in wanted]
        rest = (entry for entry in have if entry not in found)
        return [entry or next(rest, CHARTS[0]) for entry in found]

    def choices(self) -> list[Chart]:
        """The charts that the run has."""
        return [entry for entry in CHARTS if entry.available(self.run)]

    def on_resize(self, event: events.Resize) -> None:
        self.lay_out()

    def on_view_fitted(self, message: View.Fitted) -> None:
        message.stop()
        self.pacer.kick()

    def on_click(self, event: events.Click) -> None:
        slot = self.slot_of(event.widget) if event.chain == 2 else None
        if slot:
            self.give_place(slot.chart.id)

    def redraw(self, *first: Drawing) -> None:
        """Somebody pressed a key and looks: what it changed is drawn at once, the rest in its turn."""
        self.pacer.now(*first, *(d for d in self.drawings if not isinstance(d, View) or d.quick))
        self.pacer.kick()

    def give_place(self, name: str | None) -> None:
        """Give a chart the whole place; ``None``: back to all of them."""
        self.large = name is not None
        self.chart = name or self.chart
        self.lay_out()
        self.main().focus()

    # -- keys: which charts -----------------------------------------------------------------------------

    @action("z", "enlarge", "One chart on the whole place, and back.", "train", rank=170)
    def action_enlarge(self) -> None:
        if self.large:
            self.give_place(None)
            return
        slot = self.slot_of(self.screen.focused) or self.slots[0]
        self.give_place(slot.chart.id)

    @property
    def _turned(self) -> ChartSlot:
        """The slot whose chart the keys change: the one with the keys, else the last above the table."""
        above = [slot for slot in self.shown_slots if slot is not self.beside]
        return self.slot_of(self.screen.focused) or above[-1]

    def show_chart(self, name: str) -> None:
        """Put a chart into the slot that the keys change, unless it is on the screen already."""
        entry = chart(name)
        slot = self._turned
        there = next((s for s in self.shown_slots if s.chart is entry), None)
        if entry is None or there:
            if there:
                there.view.focus()
            return
        if self._one:
            self.chart = name
        elif slot is self.beside:
            self.beside_chart = name
        else:
            self.top[self.slots.index(slot)] = name
        self.lay_out()
        self.redraw()

    def _turn(self, by: int) -> None:
        """The next chart, or the one before, that no other slot shows."""
        slot = self._turned
        others = [other.chart for other in self.shown_slots if other is not slot]
        choices = [entry for entry in self.choices() if entry not in others]
        if choices:
            at = choices.index(slot.chart) if slot.chart in choices else -1
            self.show_chart(choices[(at + by) % len(choices)].id)

    @action("c", "next chart", "The next chart, here or at the right above.", "train", rank=140)
    def action_next_chart(self) -> None:
        self._turn(1)

    @action("C", "chart before", "The chart before.", "train", rank=150, shown=False)
    def action_last_chart(self) -> None:
        self._turn(-1)

    @action("p", "charts", "Choose a chart from the list of all.", "train", rank=160)
    def action_pick_chart(self) -> None:
        picks = {entry.title: entry.id for entry in self.choices()}
        listed = [Pick(entry.title, advice=entry.help) for entry in self.choices()]

        def answered(title: str | None) -> None:
            if title is not None:
                self.show_chart(picks[title])

        self.app.push_screen(Chooser("Chart", listed, self._turned.chart.title), answered)

    # -- keys: what the pictures of layers show ---------------------------------------------------------

    @action("v", "view", "Activations, inputs, gradients, weights, biases.", "train", rank=120)
    def action_next_kind(self) -> None:
        if self._views_with("next_kind"):
            self.sight.kind = self.sight.next_kind()
            self.looked()
        else:
            self.show_chart("histogram")

    @action("V", "view before", "The quantity before.", "train", rank=130, shown=False)
    def action_kind_before(self) -> None:
        self.sight.kind = self.sight.next_kind(-1)
        self.looked()

    @action("left", "earlier", "Layers as they were a picture before.", "train", rank=70)
    def action_earlier(self) -> None:
        self._look_back(-1)

    @action("right", "later", "A picture later; after the newest, as they are now.", "train", rank=80)
    def action_later(self) -> None:
        self._look_back(1)

    @action("shift+left", "earlier", "Ten pictures before.", "train", rank=90, shown=False)
    def action_much_earlier(self) -> None:
        self._look_back(-LEAP)

    @action("shift+right", "later", "Ten pictures later.", "train", rank=100, shown=False)
    def action_much_later(self) -> None:
        self._look_back(LEAP)

    def _look_back(self, by: int) -> None:
        self.sight.look_back(by)
        self.looked()

    @action("end", "now", "Layers as they are now (in the table: esc).", "train", rank=110)
    def action_now(self) -> None:
        self.sight.look_now()
        self.looked()

    def looked(self) -> None:
        """Something else is looked at: draw it."""
        self.shell.refresh_bindings()
        self.redraw()

    @action("d", "draw", "Draw a picture and see what the network takes it for.", "train", rank=250)
    def action_draw(self) -> None:
        self.give_place("draw")

    # -- keys of the charts themselves ------------------------------------------------------------------

    def _views_with(self, action_id: str) -> list[View]:
        """The views on the screen whose chart has that action, the one with the keys first."""
        slots = [slot for slot in self.shown_slots if action_id in slot.chart.actions]
        slots.sort(key=lambda slot: not slot.view.has_focus)
        return [slot.view for slot in slots]

    def act(self, action_id: str) -> None:
        """Do what an action of a chart does."""
        views = self._views_with(action_id)
        if views:
            getattr(views[0], f"action_{action_id}")()
            self.shell.refresh_bindings()
            self.redraw(views[0])

    def enabled(self, action_id: str) -> bool | None:
        if action_id in ("enlarge", "next_kind"):
            return self.run.status != "empty" or self.large
        if action_id == "draw":
            return any(entry.id == "draw" for entry in self.choices()) and self.run.status != "empty"
        if action_id in ("earlier", "much_earlier"):
            return len(self.run.history) > 1
        if action_id == "compare":
            return self.run.status != "empty"
        if action_id in ("later", "much_later", "now"):
            return self.sight.moment is not None
        if any(action_id in entry.actions for entry in CHARTS):
            views = self._views_with(action_id)
            own = getattr(views[0], "enabled", None) if views else None
            return self.run.status != "empty" and bool(views) and (own is None or bool(own(action_id)))
        return super().enabled(action_id)

    def label(self, action_id: str) -> str | None:
        if action_id == "enlarge" and self.large:
            return "all"
        if action_id == "compare" and self.sight.other:
            return "alone"
        views = self._views_with(action_id)
        if action_id == "next_kind":
            return TITLES.get(kind := self.sight.next_kind(), kind) if views else self.sight.title
        own = getattr(views[0], "label", None) if views else None
        return own(action_id) if own else None


def _forwarded(action_id: str) -> Callable[[Charting], None]:
    return lambda train: train.act(action_id)


for _id in {name for entry in CHARTS for name in entry.actions}:
    if not hasattr(Charting, f"action_{_id}"):
        setattr(Charting, f"action_{_id}", _forwarded(_id))
