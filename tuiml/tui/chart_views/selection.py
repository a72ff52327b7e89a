"""What all pictures of Train look at: the run, the selected layer, which of its quantities, and when."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Literal, TypeAlias, TypeVar

from textual.widget import Widget

from tuiml.training.statistics import LayerStatistics
from tuiml.tui.model.layer_rows import LayerRow
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.model.snapshots import PastSnapshot, SnapshotHistory

Kind: TypeAlias = Literal["activations", "inputs", "gradients", "weights", "biases"]
KINDS: tuple[Kind, ...] = ("activations", "inputs", "gradients", "weights", "biases")
TITLES: dict[Kind, str] = {"inputs": "inputs z"}
"""What a kind is called, where not by its own name: what goes into the activation is z in every textbook."""
Model: TypeAlias = Callable[[], RunModel]
"""The run on the screen: asked each time, since the app may put another in its place."""
T = TypeVar("T")


def _says_nothing(view: Widget) -> str:
    return ""


class ChartSelection:
    """Shared by all charts: a key changes it once and every chart follows.

    Args:
        model: the run on the screen.
        hint: what an empty chart says; given the view, since not every one needs to say it.
    """

    def __init__(self, model: Model, hint: Callable[[Widget], str] = _says_nothing) -> None:
        self._model = model
        self.hint = hint
        self.index = 0
        """The selected layer."""
        self.rows: Sequence[LayerRow] = ()
        """The layers as the table shows them."""
        self.kind: Kind = "activations"
        self.other: RunModel | None = None
        """Another run, to compare with."""
        self._moment: tuple[SnapshotHistory, PastSnapshot] | None = None
        self._kept: dict[type, Any] = {}

    @property
    def model(self) -> RunModel:
        return self._model()

    def stamp(self) -> Hashable:
        """Changes whenever a picture of the layers at the moment would."""
        when = self.moment.step if self.moment else None
        newest = 0 if self.moment else self.model.pictures
        return (self.model.history, newest, when, self.index, self.kind, len(self.rows), self.other)

    # -- which layer, which quantity ----------------------------------------------------------------------

    @property
    def called(self) -> str:
        """What the selected layer is called."""
        return self.rows[self.index].title if self.index < len(self.rows) else ""

    @property
    def title(self) -> str:
        """What the kind is called."""
        return TITLES.get(self.kind, self.kind)

    def next_kind(self, by: int = 1) -> Kind:
        """The kind after the one that is shown, or before it, of those that any layer has."""
        layers = self.model.picture.layers if self.model.picture else ()
        told = [kind for kind in KINDS if any(getattr(layer, kind) is not None for layer in layers)]
        kinds = [kind for kind in KINDS if kind in told or kind == self.kind] if told else list(KINDS)
        return kinds[(kinds.index(self.kind) + by) % len(kinds)]

    # -- when ---------------------------------------------------------------------------------------------

    @property
    def moment(self) -> PastSnapshot | None:
        """The moment that is looked back at; None: now. It stays the same while the run goes on."""
        return self._moment[1] if self._moment and self._moment[0] is self.model.history else None

    @property
    def step(self) -> int:
        """The step of what is shown."""
        if self.moment:
            return self.moment.step
        return self.model.picture.step if self.model.picture else 0

    @property
    def when(self) -> str:
        """Before a title: empty for now."""
        return f"step {self.moment.step:,} · " if self.moment else ""

    @property
    def layers(self) -> Sequence[LayerStatistics]:
        """The statistics of all layers at that moment."""
        if self.moment:
            return self.moment.layers()
        return self.model.picture.layers if self.model.picture else ()

    @property
    def statistics(self) -> LayerStatistics | None:
        """The selected layer's."""
        return self.moment.statistics(self.index) if self.moment else self.model.statistics(self.index)

    def look_back(self, by: int) -> None:
        """Go some pictures on, or back; beyond the newest is now."""
        history = self.model.history
        steps = history.steps
        if not steps or (by > 0 and not self.moment):
            return
        found = history.neighbour(self.moment.step if self.moment else steps[-1], by)
        self._moment = (history, found) if found else None

    def look_now(self) -> None:
        """Back to what is now."""
        self._moment = None

    # -- compared with ------------------------------------------------------------------------------------

    @property
    def other_moment(self) -> PastSnapshot | None:
        """The other run's picture nearest to the step that is shown."""
        return self.other.history.nearest(self.step) if self.other else None

    # -- what charts remember -----------------------------------------------------------------------------

    def of(self, kind: type[T]) -> T:
        """The one object of a class that all views of a chart share: made at the first call.

        The same chart may be shown beside the table, above it, and enlarged: by one widget each.
        """
        if kind not in self._kept:
            self._kept[kind] = kind()
        found: T = self._kept[kind]
        return found
