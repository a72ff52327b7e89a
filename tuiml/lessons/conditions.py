"""What a step of a lesson waits for: each kind is one entry here."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from tuiml.lessons.facts import Facts
from tuiml.registry import Entry, Registry
from tuiml.spec import check
from tuiml.spec.edit import put
from tuiml.spec.preset import Preset
from tuiml.spec.problems import SpecError

Openable = Literal[
    "build", "train", "library", "study", "explorer", "range_test", "suggested_rate", "file_picker",
    "comparison", "past_snapshot", "activations", "inputs", "gradients", "weights", "biases",
]  # fmt: skip
Word = Literal["train_loss", "train_accuracy", "val_loss", "val_accuracy", "rise"]
Statistic = Literal["gradient_norm", "saturated", "dead", "zeros", "mean", "std", "weight_std"]
NAN = math.nan


class Condition(Entry):
    """Something that the app sees: it holds or does not."""

    @abstractmethod
    def holds(self, facts: Facts) -> bool:
        """True if it is so now."""

    def now(self, facts: Facts) -> float:
        """The number that it looks at; NaN where there is none."""
        return NAN

    @property
    def is_fraction(self) -> bool:
        """Whether that number is a fraction, which is shown in percent."""
        return False

    def problem(self, preset: Preset) -> str:
        """Why it can never hold in a lesson on that preset; empty if it can."""
        return ""


conditions: Registry[Condition] = Registry("a condition", key="kind")


class Bounded(Condition):
    """A number within bounds."""

    above: float | None = Field(None, description="the number is greater")
    below: float | None = Field(None, description="the number is smaller")

    @model_validator(mode="after")
    def _has_bounds(self) -> Bounded:
        if self.above is None and self.below is None:
            raise PydanticCustomError("plain", "{text}", {"text": "has neither 'above' nor 'below'"})
        return self

    def holds(self, facts: Facts) -> bool:
        value = self.now(facts)
        if math.isnan(value):
            return False
        return (self.above is None or value > self.above) and (self.below is None or value < self.below)


@conditions.add
class Opened(Condition):
    """A screen, a dialog or a view is open, or was since the step began."""

    name = "opened"
    what: Openable = Field(description="what is open")

    def holds(self, facts: Facts) -> bool:
        return self.what in facts.opened


@conditions.add
class Explored(Condition):
    """The explorer shows an activation."""

    name = "explored"
    activation: str = Field(min_length=1, max_length=80, description="its name")

    def holds(self, facts: Facts) -> bool:
        return f"explorer:{self.activation}" in facts.opened


@conditions.add
class Setting(Condition):
    """A setting of the preset that is edited, or of the run's, has a value."""

    name = "setting"
    path: str = Field(min_length=1, max_length=200, description="as --set takes it")
    value: Any = Field(description="its value")
    differs: bool = Field(False, description="the condition is that it has another value")
    of: Literal["preset", "run"] = Field("run", description="the preset that is edited, or that of the run")

    def holds(self, facts: Facts) -> bool:
        preset = facts.run if self.of == "run" else facts.preset
        if preset is None:
            return False
        return self._same(preset) is not self.differs

    def _same(self, preset: Preset) -> bool:
        """True if nothing would change if the setting were given the value."""
        document: dict[str, Any] = {**preset.document(), "data": preset.data}
        if self.path.partition(".")[0] == "data":
            document["data"] = preset.document()["data"]
        try:
            return check(put(document, self.path, self.value))[0] == preset
        except SpecError:
            return False

    def problem(self, preset: Preset) -> str:
        try:
            put(preset.document(), self.path, self.value)
        except SpecError as error:
            return error.problems[0].message
        return ""


@conditions.add
class Layers(Condition):
    """The number of layers of a type, in the preset that is edited or in the run's."""

    name = "layers"
    type: str = Field(min_length=1, max_length=40, description="the layers that are counted")
    at_least: int = Field(0, ge=0, description="how many there are at least")
    at_most: int = Field(1000, ge=0, description="how many there are at most")
    of: Literal["preset", "run"] = Field("run", description="the preset that is edited, or that of the run")

    def holds(self, facts: Facts) -> bool:
        preset = facts.run if self.of == "run" else facts.preset
        if preset is None:
            return False
        return self.at_least <= sum(layer.name == self.type for layer in preset.layers) <= self.at_most


@conditions.add
class OwnData(Condition):
    """The preset that is edited reads a file of the user's."""

    name = "own_data"

    def holds(self, facts: Facts) -> bool:
        return facts.preset is not None and "path" in facts.preset.document()["data"]


@conditions.add
class Run(Condition):
    """How far the run is."""

    name = "run"
    status: Literal["begun", "over", "completed", "early_stopped", "diverged", "paused"] = Field(
        "over", description="what has become of the run"
    )
    steps: int = Field(0, ge=0, description="steps that it has trained at least")

    def holds(self, facts: Facts) -> bool:
        if facts.run is None or facts.step < self.steps:
            return False
        if self.status == "begun":
            return facts.step > 0
        return facts.over if self.status == "over" else facts.status == self.status


@conditions.add
class Figure(Bounded):
    """A loss or an accuracy of the run; ``rise`` is the validation loss as a multiple of the best one."""

    name = "figure"
    figure: Word = Field(description="which one")

    def now(self, facts: Facts) -> float:
        return facts.figure(self.figure)

    @property
    def is_fraction(self) -> bool:
        return self.figure.endswith("accuracy")


@conditions.add
class Layer(Bounded):
    """A statistic of a layer in the run's newest snapshot, or its ratio to that of another layer."""

    name = "layer"
    statistic: Statistic = Field(description="which one")
    layer: int = Field(ge=0, le=10_000, description="its number in the table, from 0")
    over: int | None = Field(None, ge=0, le=10_000, description="the layer whose statistic it is divided by")

    def now(self, facts: Facts) -> float:
        value, by = self._of(facts, self.layer), 1.0
        if self.over is not None:
            by = self._of(facts, self.over)
        return value / by if by else NAN

    @property
    def is_fraction(self) -> bool:
        return self.over is None and self.statistic in ("saturated", "dead", "zeros")

    def _of(self, facts: Facts, layer: int) -> float:
        return getattr(facts.layers[layer], self.statistic) if layer < len(facts.layers) else NAN

    def problem(self, preset: Preset) -> str:
        last = max(self.layer, self.over or 0)
        return f"there is no layer {last}" if last >= len(preset.layers) else ""
