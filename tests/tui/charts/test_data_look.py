"""A look at the data: drawings of samples, at any size and with any terminal."""

import numpy as np
import pytest
from rich.cells import cell_len

from tuiml.training.data_sample import ColumnSample
from tuiml.tui.charts.data_look import (
    against_target,
    balance_words,
    beside,
    class_bars,
    class_points,
    column_lines,
    image_tiles,
    most_correlated,
)
from tuiml.tui.charts.palette import Look

LOOKS = [Look(), Look(dark=False), Look(colour=False), Look(colour=False, unicode=False)]
XS = np.linspace(-1, 1, 50).tolist()
COLUMN = ColumnSample(-1.0, 1.0, (1, 5, 9, 5, 1), tuple(XS))


def text(lines):
    return "\n".join(line.text for line in lines)


def drawings(width, height, look):
    images = [bytes(range(0, 256, 4))[:64]] * 12
    yield image_tiles(images, list("0123456789ab"), (8, 8), width, height, look)
    yield class_points(XS, XS, [0, 1] * 25, ("ring", "disc"), ("x", "y"), width, height, look)
    yield against_target(XS, XS, ("x", "price"), width, height, look)
    yield column_lines([("größe", COLUMN, False), ("price", COLUMN, True)] * 9, width, height, look)
    yield class_bars([f"class {i}" for i in range(30)], range(30), width, height, look)


@pytest.mark.parametrize("look", LOOKS)
def test_they_fit_whatever_the_size(look):
    for width in (8, 20, 69, 114):
        for height in (1, 3, 7, 20):
            for lines in drawings(width, height, look):
                assert len(lines) <= height
                assert all(cell_len(line.text) == width for line in lines)
                assert look.unicode or text(lines).isascii()


def test_images_have_their_labels_and_more_room_shows_more_of_them():
    few = text(next(drawings(40, 8, Look())))
    many = text(next(drawings(114, 20, Look())))
    assert "0" in few
    assert "b" in many
    assert "b" not in few


@pytest.mark.parametrize("look", LOOKS)
def test_classes_differ_by_their_marks(look):
    found = text(class_points([0, 1], [0, 1], [0, 1], ("ring", "disc"), ("x", "y"), 60, 8, look))
    first, second = ("●", "▲") if look.unicode else ("A", "B")
    assert f"{first} ring" in found
    assert f"{second} disc" in found
    assert found.splitlines()[0].endswith(second)
    assert found.splitlines()[6].startswith(first)


def test_columns_have_their_names_and_limits():
    found = text(column_lines([("sepal", COLUMN, False), ("price", COLUMN, True)], 60, 5, Look()))
    assert "sepal" in found
    assert "price" in found
    assert "-1.0" in found
    assert "and 4 more" in text(column_lines([("x", COLUMN, False)] * 8, 60, 5, Look()))


def test_balance_in_words():
    assert balance_words((121, 143)) == "2 of 121 to 143 examples"
    assert balance_words((50, 50)) == "2 of 50 examples"
    assert balance_words((10, 40)).endswith("4.0 : 1")
    assert balance_words(()) == ""


def test_the_column_that_the_target_follows():
    noise = np.random.default_rng(0).standard_normal(50)
    assert most_correlated([noise, np.asarray(XS) + 0.1 * noise, [1.0] * 50], XS) == 1
    assert most_correlated([[1.0, 1.0]], [1.0, 2.0]) == 0


def test_two_drawings_side_by_side():
    lines = beside(column_lines([("x", COLUMN, False)], 30, 2, Look()), [], (30, 20), 3)
    assert len(lines) == 3
    assert all(cell_len(line.text) == 52 for line in lines)
