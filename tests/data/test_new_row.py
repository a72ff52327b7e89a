"""A row that is filled in becomes the inputs that it has in a file, and an example its cells again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.own_files import own
from tuiml.data.datasets import datasets
from tuiml.data.own import new_table
from tuiml.data.own.new_row import NewRow
from tuiml.data.prepare import load

ROWS = 80
COLOURS = ("red", "b;lue", "\x1b[31mgreen")


def file(tmp_path: Path, gaps: bool = False) -> Path:
    """Numbers with units and decimal commas, dates far from 0, a category, and some that are missing."""
    rng = np.random.default_rng(1)
    lines = ["weight|age|day|colour|kind"]
    for n in range(ROWS):
        weight = f"{rng.normal(70, 9):.2f} kg".replace(".", ",")
        age = "" if gaps and n % 8 == 5 else str(rng.integers(1, 90))
        colour = "" if gaps and n % 9 == 4 else COLOURS[n % 3]
        lines.append(f"{weight}|{age}|2020-0{n % 9 + 1}-1{n % 10}|{colour}|{'uv'[n % 2]}")
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def opened(path: Path, **options: Any) -> tuple[Any, NewRow]:
    dataset = own(path, **options)
    data = load(dataset, 0)
    return data, NewRow(dataset, data)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("normalize", ["standard", "unit", "none"])
def test_the_cells_of_an_example_are_its_inputs_again(tmp_path: Path, normalize: str, gaps: bool) -> None:
    path = file(tmp_path, gaps)
    data, reader = opened(path, normalize=normalize, missing="mean" if gaps else "refuse")
    for part in (data.train, data.validation, data.test):
        for stored in part.inputs:
            cells = reader.cells(stored)
            assert data.entered(reader.inputs(cells))[0] == pytest.approx(stored, rel=1e-6)
            assert all(len(cell) < 14 for cell in cells), "as short as they were"


def test_they_are_written_with_a_point_and_no_unit_and_are_those_of_the_file(tmp_path: Path) -> None:
    path = file(tmp_path)
    data, reader = opened(path)
    wanted = set()
    for line in path.read_text().splitlines()[1:]:
        weight, *rest = line.split("|")[:-1]
        wanted.add((weight.removesuffix(" kg").replace(",", ".").rstrip("0").rstrip("."), *rest))
    found = {
        reader.cells(stored) for part in (data.train, data.validation, data.test) for stored in part.inputs
    }
    assert found == wanted


def test_a_row_has_the_inputs_that_a_table_of_it_has(tmp_path: Path) -> None:
    path = file(tmp_path, gaps=True)
    dataset = own(path, missing="mean")
    data = load(dataset, 0)
    reader = NewRow(dataset, data)
    (tmp_path / "new.csv").write_text(
        "colour|day|age|weight\nred|2020-03-01||61,5 kg\nx|2031-01-01|400|1 kg\n"
    )
    from_file = new_table.read(tmp_path / "new.csv", dataset).inputs
    typed = [("61.5", "", "2020-03-01", "red"), ("1", "400", "2031-01-01", "x")]
    for row, cells in zip(from_file, typed, strict=True):
        np.testing.assert_array_equal(reader.inputs(cells)[0], row)


def test_columns_say_what_training_had(tmp_path: Path) -> None:
    data, reader = opened(file(tmp_path))
    weight, age, day, colour = reader.columns
    raw = data.raw(data.train.inputs)
    assert (weight.name, weight.unit, weight.whole, age.whole) == ("weight", "kg", False, True)
    assert (float(age.low), float(age.high)) == (raw[:, 1].min(), raw[:, 1].max())
    assert float(weight.usual) in np.float32(raw[:, 0])
    assert day.date
    assert day.low[:8] == "2020-01-"
    assert set(colour.values) == set(COLOURS)
    assert sum(colour.counts) == len(data.train)
    assert colour.counts[colour.values.index(colour.usual)] == max(colour.counts)
    assert not any(column.optional for column in reader.columns)


def test_a_mean_that_stands_for_a_missing_value_is_none_of_the_usual_values(tmp_path: Path) -> None:
    data, reader = opened(file(tmp_path, gaps=True), missing="mean")
    age = reader.columns[1]
    assert age.whole
    assert float(age.usual).is_integer()
    assert age.optional
    assert "" in {reader.cells(stored)[1] for stored in data.train.inputs}


def test_what_is_no_number_or_date_is_refused(tmp_path: Path) -> None:
    _, reader = opened(file(tmp_path))
    good = ("70", "30", "2020-01-01", "red")
    assert reader.inputs(good).shape == (1, 6)
    for at, bad in ((0, "7o"), (1, "x"), (2, "1.1.2020")):
        with pytest.raises(ValueError, match=r".*"):
            reader.inputs([bad if k == at else cell for k, cell in enumerate(good)])
    with pytest.raises(ValueError, match="shorter"):
        reader.inputs(good[:3])


def test_examples_that_are_no_table_have_a_column_for_each_input() -> None:
    dataset = datasets.read({"name": "moons", "size": 100})
    data = load(dataset, 0)
    reader = NewRow(dataset, data)
    assert [column.name for column in reader.columns] == ["column 1", "column 2"]
    cells = reader.cells(data.test.inputs[3])
    np.testing.assert_array_equal(np.float32(reader.inputs(cells)[0]), data.test.inputs[3])
