"""What all charts of Train show: the run, the selected layer and quantity, and the step."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Literal, TypeAlias, TypeVar

from textual.widget import Widget

from tuiml.training.layer_statistics import LayerStatistics
from tuiml.tui.model.cursor import TimeCursor
from tuiml.tui.model.layer_rows import LayerRow
from tuiml.tui.model.run_model import RunModel
from tuiml.tui.model.snapshots import PastSnapshot

Kind: TypeAlias = Literal["activations", "inputs", "gradients", "weights", "biases"]
KINDS: tuple[Kind, ...] = ("activations", "inputs", "gradients", "weights", "biases")
TITLES: dict[Kind, str] = {"inputs": "pre-activations"}
"""Titles of kinds that differ from their names."""
T = TypeVar("T")


class ChartSelection:
    """Shared by all charts: a key changes it once and every chart follows."""

    def __init__(
        self, model: Callable[[], RunModel], hint: Callable[[Widget], str] = lambda view: ""
    ) -> None:
        self._model = model
        self.hint = hint
        self.index = 0
        """The selected layer."""
        self.rows: Sequence[LayerRow] = ()
        """The layers as the table shows them."""
        self.kind: Kind = "activations"
        self.cursor = TimeCursor(model)
        self._others: tuple[object, tuple[RunModel, ...]] | None = None
        self._shared: dict[type, Any] = {}

    @property
    def model(self) -> RunModel:
        return self._model()

    def stamp(self) -> Hashable:
        """A value that changes whenever a drawing of the layers at the selected step would."""
        newest = 0 if self.past_snapshot else self.model.snapshots_version
        return (self.model.history, newest, self.as_of, self.index, self.kind, len(self.rows), self.other)

    @property
    def others(self) -> tuple[RunModel, ...]:
        """The runs that this one is compared with; another run on the screen has none."""
        return self._others[1] if self._others and self._others[0] is self.model.identity else ()

    @others.setter
    def others(self, runs: Sequence[RunModel]) -> None:
        self._others = (self.model.identity, tuple(runs)) if runs else None

    @property
    def other(self) -> RunModel | None:
        """The first of the other runs, whose histograms are drawn as outlines."""
        return next(iter(self.others), None)

    @property
    def layer_title(self) -> str:
        """The title of the selected layer."""
        if self.index >= len(self.rows):
            return ""
        row = self.rows[self.index]
        return row.full_title or row.title

    @property
    def title(self) -> str:
        """The title of the kind."""
        return TITLES.get(self.kind, self.kind)

    def next_kind(self, by: int = 1) -> Kind:
        """The kind ``by`` places after the selected one, among those that any layer has."""
        layers = self.model.snapshot.layers if self.model.snapshot else ()
        known = {kind for kind in KINDS if any(getattr(layer, kind) is not None for layer in layers)}
        kinds = [kind for kind in KINDS if not known or kind in known or kind == self.kind]
        return kinds[(kinds.index(self.kind) + by) % len(kinds)]

    @property
    def past_snapshot(self) -> PastSnapshot | None:
        """The snapshot at the cursor; ``None``: the newest one is shown."""
        return self.cursor.snapshot

    @property
    def step(self) -> int:
        """The step of what is shown."""
        shown = self.past_snapshot or self.model.snapshot
        return shown.step if shown else 0

    @property
    def as_of(self) -> int | None:
        """The step of what is shown if it is not that of the run: of a past snapshot, or of the newest one
        where that is older."""
        return self.step if self.past_snapshot or self.model.snapshot_lags else None

    @property
    def prefix(self) -> str:
        """The start of titles: the step, if it is not the last step of the run."""
        return "" if self.as_of is None else f"{self.step_words(self.as_of)} · "

    def step_words(self, step: int) -> str:
        """A step for a title: whether what is shown is older than the run's position."""
        return f"as of step {step:,}" if step < self.model.step else f"step {step:,}"

    @property
    def layers(self) -> Sequence[LayerStatistics]:
        """The statistics of all layers at that step."""
        if self.past_snapshot:
            return self.past_snapshot.layers()
        return self.model.snapshot.layers if self.model.snapshot else ()

    @property
    def statistics(self) -> LayerStatistics | None:
        """The statistics of the selected layer at that step."""
        return (self.past_snapshot or self.model).statistics(self.index)

    def has_part(self, index: int) -> bool:
        """Whether a layer has a histogram of the kind at that step."""
        if self.past_snapshot:
            return self.past_snapshot.part(index, self.kind) is not None
        layers = self.layers
        return index < len(layers) and getattr(layers[index], self.kind) is not None

    @property
    def other_snapshot(self) -> PastSnapshot | None:
        """The snapshot of the other run that is nearest to the step shown."""
        return self.other.history.nearest(self.step) if self.other else None

    def of(self, kind: type[T]) -> T:
        """The one object of a class that all views of a chart share, made at the first call."""
        if kind not in self._shared:
            self._shared[kind] = kind()
        found: T = self._shared[kind]
        return found
