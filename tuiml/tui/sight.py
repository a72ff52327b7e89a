"""What all pictures of Train look at: the run, the selected layer, which of its quantities."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Literal, TypeAlias, TypeVar

from textual.widget import Widget

from tuiml.training.statistics import LayerStatistics
from tuiml.tui.run_model import RunModel

Kind: TypeAlias = Literal["activations", "gradients", "weights"]
KINDS: tuple[Kind, ...] = ("activations", "gradients", "weights")
Model: TypeAlias = Callable[[], RunModel]
"""The run on the screen: asked each time, since the app may put another in its place."""
T = TypeVar("T")


def _says_nothing(view: Widget) -> str:
    return ""


class Sight:
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
        self.called = ""
        """What it is called."""
        self.kind: Kind = "activations"
        self._kept: dict[type, Any] = {}

    @property
    def model(self) -> RunModel:
        return self._model()

    @property
    def statistics(self) -> LayerStatistics | None:
        """The selected layer's."""
        return self.model.statistics(self.index)

    def stamp(self) -> Hashable:
        """Changes whenever a picture of the layers would."""
        return (self.model.pictures, self.index, self.kind, self.called)

    def next_kind(self) -> Kind:
        """What comes after the kind that is shown."""
        return KINDS[(KINDS.index(self.kind) + 1) % len(KINDS)]

    def of(self, kind: type[T]) -> T:
        """The one object of a class that all views of a chart share: made at the first call.

        The same chart may be shown beside the table, above it, and enlarged: by one widget each.
        """
        found: T = self._kept.setdefault(kind, kind()) if kind not in self._kept else self._kept[kind]
        return found
