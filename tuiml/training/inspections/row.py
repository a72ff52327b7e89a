"""What the network predicts for a row that the user fills in, and the columns of such a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field

from tuiml.data.own import new_row
from tuiml.training import codec
from tuiml.training.codec import Bounded, Count, Flag
from tuiml.training.inspections import record
from tuiml.training.inspections.network import InspectedNetwork, PartName

COLUMNS = 1000
"""Columns of a row, at most."""
VALUES = 100
LONG = 200
"""Characters of a category's value; a longer one cannot be chosen."""

Text = Annotated[str, Field(strict=True, max_length=LONG)]
Cells = Annotated[tuple[Text, ...], Field(max_length=COLUMNS)]


@dataclass(frozen=True)
class InputColumn(new_row.InputColumn):
    """As :class:`~tuiml.data.own.new_row.InputColumn`, checked."""

    name: Text
    unit: Text = ""
    date: Flag = False
    low: Text = ""
    high: Text = ""
    whole: Flag = False
    usual: Text = ""
    mean: Bounded = 0.0
    values: Annotated[tuple[Text, ...], Field(max_length=VALUES)] = ()
    counts: Annotated[tuple[Count, ...], Field(max_length=VALUES)] = ()
    optional: Flag = False


@dataclass(frozen=True)
class InputColumns(record.Inspection, event="input_columns"):
    """The columns of the inputs, and the cells of one row: the usual ones, or those of an example."""

    columns: Annotated[tuple[InputColumn, ...], Field(max_length=COLUMNS)]
    target_units: Annotated[tuple[Text, ...], Field(max_length=record.CLASSES)]
    """Of the numbers that a regression predicts."""
    part: PartName
    total: Count
    """Examples of the part."""
    row: Count
    """Of the part, from 1; 0: the median of each number, the most frequent value of each category."""
    cells: Cells
    targets: Annotated[tuple[Bounded, ...], Field(max_length=record.CLASSES)]
    """What the data says of the row: the index of its class, or its numbers; none of row 0."""

    def check(self) -> None:
        record.require(len(self.cells) == len(self.columns) and self.row <= self.total)
        record.require(all(len(column.values) == len(column.counts) for column in self.columns))

    @classmethod
    def compute(cls, network: InspectedNetwork, request: record.InspectionRequest, most: int) -> Self | None:
        """The row ``first``, or the last one."""
        reader, (name, part) = network.row_reader, network.held_out
        if reader is None or len(reader.columns) > COLUMNS:
            return None
        row = min(request.first, len(part))
        columns = tuple(_checked(column) for column in reader.columns)
        cells = tuple(column.usual for column in columns)
        targets: tuple[float, ...] = ()
        if row:
            texts = reader.cells(part.inputs[row - 1])
            cells = tuple(text if len(text) <= LONG else "" for text in texts)
            labels = part.labels[row - 1 : row]
            known = network.data.original(labels)[0] if network.regression else labels
            targets = tuple(map(float, known[: record.CLASSES]))
        return cls(
            step=network.step,
            columns=columns,
            target_units=reader.target_units[: record.CLASSES],
            part=name,
            total=len(part),
            row=row,
            cells=cells,
            targets=targets,
        )


def _checked(column: new_row.InputColumn) -> InputColumn:
    fields = dict(vars(column))
    some = [(v, n) for v, n in zip(column.values, column.counts, strict=True) if len(v) <= LONG][:VALUES]
    fields["values"], fields["counts"] = (tuple(v for v, _ in some), tuple(n for _, n in some))
    fields["usual"] = column.usual if len(column.usual) <= LONG else ""
    return InputColumn(**fields)


@dataclass(frozen=True)
class Row:
    """A row that the user filled in."""

    number: Count
    """The prediction has the same."""
    cells: Cells
    """Of each column; a number as 0.1, empty: it is missing."""

    def to_json(self) -> dict[str, Any]:
        """The row as JSON's types."""
        return codec.plain(self)

    def predict(self, network: InspectedNetwork) -> RowPrediction | None:
        """The prediction for it; ``None`` where it does not suit the network."""
        if network.row_reader is None:
            return None
        try:
            raw = network.row_reader.inputs(self.cells)
        except ValueError:
            return None
        values = network.answers(raw)[0, : record.CLASSES]
        return RowPrediction(network.step, self.number, tuple(np.asarray(values).tolist()))


@dataclass(frozen=True)
class RowPrediction(record.Inspection, event="row"):
    """The prediction for a :class:`Row`."""

    by_request: ClassVar[bool] = False
    number: Count
    """Of the row."""
    values: Annotated[tuple[Bounded, ...], Field(max_length=record.CLASSES)]
    """The probability of each class, or the numbers in the units of the data."""
