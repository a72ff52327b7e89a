"""What inspections have in common: the request, and the base of the records that answer it.

Grids and images are bytes (in JSON: base64), row by row from the top, and bounded in size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Protocol, Self

from pydantic import Field

from tuiml.training import codec
from tuiml.training.codec import Bounded, Bytes, Count, Finite
from tuiml.training.events import Event
from tuiml.training.inspections.network import InspectedNetwork, PartName

CELLS = 1 << 16
"""Bytes of all the grids or images of one record, at most."""
POINTS = 400
"""Points of the data in one record, at most."""
VALUES = 16
"""Values of an example that is no image, at most."""
CLASSES = 100
"""Classes that can be shown, at most."""
SIDE = 64
"""Height and width of an image, at most: of a larger one every second pixel is shown, or fewer."""
COLUMNS = 512

Layer = Annotated[Count, Field(le=10_000)]
Side = Annotated[Count, Field(le=SIDE)]
Cells = Annotated[Count, Field(ge=1, le=COLUMNS)]
Grid = Annotated[Bytes, Field(max_length=CELLS)]
Grids = Annotated[tuple[Grid, ...], Field(max_length=CELLS)]
PointBytes = Annotated[Bytes, Field(max_length=POINTS)]
PointValues = Annotated[tuple[Finite, ...], Field(max_length=POINTS)]
Values = Annotated[tuple[Bounded, ...], Field(max_length=VALUES)]
Scales = Annotated[tuple[Bounded, ...], Field(max_length=CELLS)]
Limits = tuple[Finite, Finite, Finite, Finite]
"""Of a rectangle, in raw values: left, right, bottom, top."""
Output = Annotated[Count, Field(le=1_000_000)]
Outputs = Annotated[Count, Field(ge=1, le=1_000_000)]
ClassIndex = Annotated[Count, Field(lt=CLASSES)]


@dataclass(frozen=True)
class InspectionRequest:
    """What a chart shows: computed now, and again and again while the network learns.

    Every kind of inspection takes the fields that it needs: see its ``compute``.
    """

    what: str
    """The event of the answer."""
    columns: Cells = 48
    rows: Cells = 32
    layer: Layer = 0
    first: Count = 0
    """The first of the units, of the examples, or the output in regression."""
    count: Annotated[Count, Field(ge=1, le=256)] = 12

    def to_json(self) -> dict[str, Any]:
        """The request as JSON's types."""
        return codec.plain(self)


class Question(Protocol):
    """An example that the user made, whose prediction is asked for once."""

    def to_json(self) -> dict[str, Any]:
        """The example as JSON's types."""

    def predict(self, network: InspectedNetwork) -> Inspection | None:
        """The prediction; ``None`` where the example does not suit the network."""


@dataclass(frozen=True)
class Inspection(Event):
    """The state of a network at a step."""

    by_request: ClassVar[bool] = True
    """An :class:`InspectionRequest` asks for it."""
    regression: ClassVar[bool | None] = None
    """True: of regressions only; False: of classifiers only."""
    grid_per_unit: ClassVar[bool] = False
    """A record holds ``count`` grids, not one."""

    step: Count

    def __init_subclass__(cls, event: str = "", **flags: Any) -> None:
        super().__init_subclass__(event, **{"replaced": True, "changes_keys": False, **flags})

    @classmethod
    def compute(cls, network: InspectedNetwork, request: InspectionRequest, most: int) -> Self | None:
        """The answer to a request; ``None`` where it does not suit the network or its data.

        Args:
            most: examples that are evaluated for it.
        """
        return None


@dataclass(frozen=True)
class UnitGrids(Inspection):
    """A signed grid of each of some units of a layer."""

    layer: Layer
    first: Count
    total: Count
    """Units of the layer."""
    scales: Scales
    """The largest absolute value of each unit shown."""
    grids: Grids
    """Of each unit: ``ZERO`` is 0, 255 the unit's scale, 1 its negative."""

    def check_size(self, size: int) -> None:
        """Raise ValueError unless each unit has a scale and a grid of ``size`` bytes."""
        require(len(self.scales) == len(self.grids) <= CELLS // max(1, size))
        require(all(len(grid) == size for grid in self.grids))


@dataclass(frozen=True)
class OfOutput(Inspection):
    """Of one output of a regression, in the units of the data."""

    regression: ClassVar[bool | None] = True
    output: Output
    """From 0."""
    outputs: Outputs


@dataclass(frozen=True)
class Evaluated(Inspection):
    """Of examples of one part of the data."""

    part: PartName
    """Validation, else test, else training."""
    evaluated: Count
    """Examples that were evaluated."""
    total: Count
    """Examples of the part."""


def require(fits: bool) -> None:
    """Raise ValueError unless what came from outside fits together."""
    if not fits:
        raise ValueError("its fields do not fit each other")
