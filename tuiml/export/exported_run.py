"""What a format is made from: a run's lines, its preset and its network with the weights of a checkpoint."""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuiml.data.errors import DataError
from tuiml.runs import timeline
from tuiml.runs.errors import RunError
from tuiml.runs.folder import Line
from tuiml.runs.run_lines import number, surviving
from tuiml.runs.watched import WatchedModel, is_watched, read_model
from tuiml.spec.problems import SpecError
from tuiml.text import plain_text
from tuiml.training import codec
from tuiml.training.events import KINDS, Event, Intervention, Scalars, Snapshot

if TYPE_CHECKING:
    from tuiml.data.arrays import Data
    from tuiml.data.datasets import Dataset
    from tuiml.nn.network import Network
    from tuiml.runs.predictor import Predictor
    from tuiml.spec.preset import Preset, Training

Array = Any
"""A NumPy array."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A network with its weights, and what it was trained on."""

    title: str
    """The preset's name, plain text."""
    said: str
    """Which run and which checkpoint, plain text."""
    network: Network
    training: Training
    dataset: Dataset
    data: Data
    tensors: dict[str, Array]
    """Parameters and buffers by their names on disk: ``layers.<i>.weight``."""
    pretraining: str = ""
    """How its hidden layers were pretrained; empty: they were not."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; none of a regression."""
        return self.data.classes if self.data.target == "classes" else ()

    @property
    def one_output(self) -> bool:
        """Whether two classes share one output."""
        return bool(self.classes) and self.network.outputs == 1


class Source:
    """A run that is exported. What is not asked for is not read.

    Args:
        path: its folder.
        open_run: opens it with the weights of a checkpoint; may take its time, or raise.
    """

    def __init__(self, path: Path, open_run: Callable[[], Predictor]) -> None:
        self.path, self._open = path, open_run
        self.opened = False
        self.notes: list[str] = []
        """What is to be said of the export: a line each."""

    @property
    def name(self) -> str:
        """The run's name, plain text."""
        return plain_text(self.path.name)

    def lines(self, *kinds: type[Event]) -> Iterator[Line]:
        """The lines of its metrics of some kinds of events, by default of all, that no rewind undid. They are
        read anew each time: there may be a million.

        Raises:
            RunError: they cannot be read.
        """
        try:
            yield from surviving(self.path, *(kinds or KINDS.values()))
        except OSError as error:
            raise RunError(f"{self.name}: its metrics cannot be read: {error.strerror or error}") from None

    def last(self, kind: type[Event]) -> Line:
        """The last line of a kind of event; empty: there is none."""
        return next(iter(deque(self.lines(kind), maxlen=1)), {})

    def curve(self, event: str, name: str) -> list[tuple[float, float]]:
        """A figure over the steps, where it is there: (step, value)."""
        points = ((number(line, "step"), number(line, name)) for line in self.lines(KINDS[event]))
        return [(x, y) for x, y in points if not math.isnan(x + y)]

    @cached_property
    def scalars(self) -> dict[str, list[tuple[float, float]]]:
        """What a loop of the user's own reports under names of its own, by name over the steps."""
        found: dict[str, list[tuple[float, float]]] = {}
        for line in self.lines(Scalars):
            values = line.get("values")
            for name in values if isinstance(values, dict) else ():
                point = number(line, "step"), number(values, name)
                if not math.isnan(sum(point)):
                    found.setdefault(name, []).append(point)
        return found

    def snapshot(self, line: Line) -> Snapshot | None:
        """The snapshot of a line; ``None``: it is another one, or cannot be read."""
        if line.get("event") not in Snapshot.names:
            return None
        try:
            return codec.read(Snapshot, line)
        except ValueError:
            return None

    @cached_property
    def snapshots(self) -> list[Snapshot]:
        """Its snapshots, first to last."""
        return [found for found in map(self.snapshot, self.lines(Snapshot)) if found is not None]

    @cached_property
    def preset(self) -> Preset | None:
        """Its preset; ``None``: it has none that can be used, as a loop of the user's own."""
        from tuiml.runs.session import preset_of

        try:
            return preset_of(self.path)
        except (SpecError, DataError, RunError):
            return None

    @cached_property
    def model(self) -> WatchedModel | None:
        """The model of a loop of the user's own; ``None``: it is a run of a preset."""
        if not is_watched(self.path):
            return None
        try:
            return read_model(self.path)
        except RunError:
            return None

    def layer_name(self, at: int) -> str:
        """What a layer is called on charts: as the app numbers it, or as its module is called."""
        modules = self.model.modules if self.model else ()
        return (plain_text(modules[at].name) if at < len(modules) else "") or f"layer {at}"

    @cached_property
    def network(self) -> Network | None:
        """The network of its preset."""
        from tuiml.spec import network_of

        return network_of(self.preset) if self.preset else None

    @cached_property
    def predictor(self) -> Predictor:
        """The run with the weights of a checkpoint."""
        found = self._open()
        self.opened = True
        return found

    def _training(self, first: Training) -> Training:
        """The settings in force at the checkpoint: those of the preset, with what was changed by hand."""
        from tuiml.training.interventions import RATE, WHAT, Change, in_force

        changes = []
        for line in self.lines(Intervention):
            step = timeline.integer(line, "step")
            if line.get("what") in WHAT and step <= self.predictor.step:
                with contextlib.suppress(ValueError):  # a line that somebody has edited
                    changes.append(Change(step, str(line["what"]), line.get("value")))
        rates = [one.value if one.what == RATE else one.rate for one in changes]
        last = next((rate for rate in reversed(rates) if rate is not None), first.rate)
        return in_force(first, changes).model_copy(update={"learning_rate": float(last)})

    @cached_property
    def trained(self) -> Trained:
        """Its network with the weights of a checkpoint."""
        found = self.predictor
        prepared = found.prepared
        return Trained(
            plain_text(prepared.preset.name),
            plain_text(found.said),
            prepared.network,
            self._training(prepared.preset.training),
            prepared.preset.data,
            prepared.data,
            prepared.engine.tensors(),
            prepared.preset.pretraining.name if prepared.preset.pretraining else "",
        )
