"""The drawings that a study needs: many curves, a map, parallel coordinates, names at the ends of curves."""

import math

import numpy as np
import pytest

from tests.tui.study.tables import results, row
from tuiml.tui.charts import plot
from tuiml.tui.charts.axes import Frame
from tuiml.tui.charts.curve import Curve
from tuiml.tui.charts.grid_map import Grid, grid_map
from tuiml.tui.charts.lines import LineChart
from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.parallel import Coordinate, Path, parallel
from tuiml.tui.charts.tags import Tag, names_beside
from tuiml.tui.model.study_model import StudyModel

LOOKS = [Look(), Look(colour=False), Look(unicode=False), Look(dark=False)]


def cells(lines: object) -> list[list[tuple[str, object]]]:
    """Each character with its style; of a space the style does not matter."""
    return [
        [(char, part.style if char != " " else None) for part in line for char in part.text]
        for line in lines  # type: ignore[attr-defined] # lines of segments
    ]


def test_settings_that_begin_alike_are_told_apart_and_the_ends_of_the_metric_have_labels() -> None:
    names = ["zeros", "normal (stddev 0.01)", "normal (stddev 1)", "lecun_normal"]
    grid = Grid(np.ones((1, 4)), ["relu"], names)
    header = grid_map(grid, 60, 8)[1].text
    assert all(name in header for name in ("zeros", "…0.01)", "…ev 1)", "lecun_normal"))
    axes = [
        Coordinate("initializer", [(at / 3, name) for at, name in enumerate(names)]),
        Coordinate("val acc.", [(0.0, "8.0 %"), (1.0, "96.7 %")]),
    ]
    paths = [Path([at / 3, at / 3], "blue", f"configuration {at}, long") for at in range(4)]
    text = "\n".join(line.text for line in parallel(axes, paths, 80, 12))
    assert "8.0 %" in text
    assert "96.7 %" in text
    assert "…0.01)" in text


@pytest.mark.parametrize("look", LOOKS)
def test_the_last_of_many_curves_is_on_top_and_rules_are_behind_them(look: Look) -> None:
    marker, dots = (plot.BRAILLE, (2, 4)) if look.unicode else ("*", (1, 1))
    styles = [look.style(colour) for colour in ("blue", "orange", "green")]
    level = np.array([0.0, 5.0 * dots[0] - 1])
    strokes = [
        plot.Stroke(level, np.full(2, y), style, marker) for y, style in zip((0, 0, 4), styles, strict=True)
    ]
    rows = plot.draw(strokes, 5, 8, dots=dots, rules=[(0.0, look.style("quiet"))], rule="|")
    bottom, second = cells(rows)[::-1][:2] if look.unicode else (cells(rows)[-1], cells(rows)[-5])
    assert {style for _, style in bottom} == {styles[1]}, "of two in one cell the later one"
    assert {style for _, style in second} == {styles[2]}
    assert [row[0] for row in cells(rows)[:3]] == [("|", look.style("quiet"))] * 3
    assert len({char for char, _ in bottom}) == 1


def test_names_at_the_ends_are_in_the_order_of_their_curves_one_a_row() -> None:
    frame = Frame(0, 20, 10, (0.0, 1.0), (0.0, 1.0), (2, 4))
    ends = [0.50, 0.52, 0.48, 0.9, 0.51, math.nan]
    tags = [Tag(1.0, y, f"n{i}", "blue") for i, y in enumerate(ends)]
    found = [segment.text.strip() for segment in names_beside(tags, 8, frame, Look())]
    assert [name for name in found if name] == ["n3", "n1", "n4", "n0", "n2"]


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(("width", "height"), [(60, 12), (20, 4), (1, 1), (200, 50)])
def test_drawings_have_the_size_that_is_asked_for(look: Look, width: int, height: int) -> None:
    grid = Grid(
        np.array([[0.1, math.nan], [0.3, 0.9]]), ["a", "b\x1b"], ["字", "d"], "rows", "columns", 1, (1, 1)
    )
    axes = [Coordinate("one", [(0.0, "a"), (1.0, "b")]), Coordinate("metric", [(0.0, "0"), (1.0, "1")])]
    paths = [
        Path([0.0, 0.4], "blue", "x"),
        Path([1.0, math.nan], "green", "y"),
        Path([1.0, 1.0], "quiet", quiet=True),
    ]
    curves = [Curve("", ([1.0, 2.0], [0.1 * i, 0.2 * i]), "blue") for i in range(8)]
    for lines in (
        grid_map(grid, width, height, title="t", text="{:.2f}".format, look=look),
        parallel(axes, paths, width, height, title="t", look=look),
        LineChart(curves, look=look).lines(width, height),
    ):
        assert len(lines) == height
        assert all(line.cell_length == width for line in lines)
        assert "\x1b" not in "".join(line.text for line in lines)


def test_the_best_combination_has_a_sign_and_the_chosen_one_edges() -> None:
    grid = Grid(np.array([[3.0, 1.0], [2.0, math.nan]]), ["a", "b"], ["c", "d"], better=-1, chosen=(1, 0))
    text = "\n".join(line.text for line in grid_map(grid, 40, 8, text="{:.0f}".format))
    assert "1 ◆" in text
    assert "▐ 2" in text
    assert "·" in text


def test_configurations_shown_together_have_markers_of_their_own() -> None:
    model = StudyModel()
    rows = [row(number, f"c{number}", [0.5]) for number in (0, 11, 66, 1)]
    model.feed(None, results(rows), {})
    model.selection.marked = ["c0", "c66", "c11"]
    found = [model.symbol(one) for one in rows]
    assert len({marker for marker, _ in found[:3]}) == 3
    assert found[0] == ("●", "green")
    assert [colour for _, colour in found[1:]] == ["indigo", "green", "purple"]
