"""What a network for a regression learned, on the screen; R² in place of accuracy."""

import numpy as np
import pytest

from tests import helpers
from tests.helpers import trainer_of
from tests.tui.bench import SIZES
from tests.tui.chart_views.test_inspection_views import LOOKS, assert_harmless, bench, texts
from tuiml.spec import check
from tuiml.training.events import Epoch
from tuiml.training.inspections.surface import Surface
from tuiml.training.run_control import RunControl
from tuiml.tui.chart_views.registry import CHARTS
from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.plane import heights, heights_legend
from tuiml.tui.charts.scatter import Cloud, scatter
from tuiml.tui.model.run_model import RunModel

pytestmark = pytest.mark.usefixtures("quick")
TRAINING = {"loss": "mse", "optimizer": "adam", "batch_size": 20, "epochs": 4}
LAYERS = [{"type": "dense", "units": 5, "activation": "tanh"}, {"type": "dense"}]


def of(name, **data):
    return {
        "data": {"name": name, "size": 120, "validation": 40, **data},
        "layers": LAYERS,
        "training": TRAINING,
    }


LINE, PLANE, MANY = of("sine"), of("hills"), of("friedman1")


# -- drawings ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("look", LOOKS)
def test_points_and_lines_lie_where_they_belong_and_never_leave_their_room(look):
    clouds = [
        Cloud(np.array([0.0, 1.0, np.nan]), np.array([0.0, 1.0, 1.0]), "blue", sign="."),
        Cloud(np.array([0.0, 1.0]), np.array([1.0, 0.0]), joined=True, sign="*"),
    ]
    for width, height in ((60, 12), (20, 5), (9, 3), (1, 1)):
        lines = [line.text for line in scatter(clouds, width, height, look, x_label="input")]
        assert len(lines) == height
        assert {len(line) for line in lines} == {width}
        assert_harmless("\n".join(lines), look)
    lines = [line.text for line in scatter(clouds[:1], 60, 12, look)]
    blank = " \u2800"
    left, right = lines[9][4:].strip(blank), lines[0][4:].strip(blank)
    assert left, "a point at the left, below"
    assert right, "a point at the right, above"
    assert not lines[5][4:].strip(blank + "│┤|+")
    beyond = scatter([Cloud([0.5], [1e9], sign="x")], 40, 8, look, x_range=(0, 1), y_range=(0, 1))
    assert beyond[0].text[6:].strip(blank), "at the edge"
    assert not "".join(line.text for line in scatter([], 40, 8, look)).strip()


def sloped(columns=20, rows=20):
    """Low at the left, high at the right; a point that is low at the right, and one that is high there."""
    predictions = np.tile(np.linspace(0, 255, columns).astype(np.uint8), (rows, 1)).tobytes()
    points = {"xs": bytes([250, 250]), "ys": bytes([10, 245]), "targets": bytes([0, 250])}
    limits = (-1.0, 1.0, -1.0, 1.0)
    scaled = {"scale": (-2.0, 5.0), "predictions": predictions}
    return Surface(3, 0, 1, columns, rows, limits=limits, **scaled, **points)


@pytest.mark.parametrize("look", LOOKS)
def test_a_map_goes_from_low_to_high_and_a_point_told_wrong_stands_out(look):
    rows = heights(sloped(), 40, 10, look)
    shown = texts(rows)
    assert {len(row) for row in shown} == {40}
    if look.colour and look.unicode:
        cells = [[segment.style for segment in row for _ in segment.text] for row in rows]
        assert cells[5][0].color != cells[5][-1].color
        marks = [(y, row.index("●")) for y, row in enumerate(shown) if "●" in row]
        assert len(marks) == 2
        distance = [
            sum(
                abs(a - b)
                for a, b in zip(cells[y][x].color.triplet, cells[y][x].bgcolor.triplet, strict=True)
            )
            for y, x in marks
        ]
        assert distance[0] < 60 < 150 < distance[1]  # the upper one is predicted correctly
    else:
        assert shown[5][0] == look.glyphs.shades[0]
        assert shown[5][-1] == look.glyphs.shades[-1]
    words = heights_legend(sloped(), 60, look).text
    assert "-2" in words
    assert "5" in words
    assert_harmless("".join(shown) + words, look)


# -- on the screen -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("look", [Look(), Look(colour=False, unicode=False)])
async def test_the_charts_of_numbers_are_shown_in_every_size(size, look):
    for document, shown in (
        (LINE, {"fit": "fit", "predictions": "R", "misses": "loss"}),
        (PLANE, {"map": "map", "units": "units"}),
        (MANY, {"predictions": "mean error", "misses": "column 1"}),
    ):
        async with bench(size, **document) as on:
            on.app.look = look
            for chart, word in shown.items():
                view = await on.show(chart)
                assert word in view.text, chart
                assert_harmless(view.text, look)
                assert len(view.text.strip().splitlines()) > 3


async def test_charts_of_classes_are_not_there_and_those_of_numbers_only_where_they_suit():
    for document, expected in (
        (LINE, {"fit", "predictions", "misses"}),
        (PLANE, {"map", "units", "predictions", "misses"}),
        (MANY, {"predictions", "misses"}),
    ):
        async with bench(**document) as on:
            ids = {entry.id for entry in CHARTS if entry.available(on.train.run)}
            of_numbers = {"fit", "map", "units", "predictions", "misses"}
            assert ids & (of_numbers | {"confusions", "worst", "boundary", "draw"}) == expected
    async with bench() as on:
        ids = {entry.id for entry in CHARTS if entry.available(on.train.run)}
        assert not ids & {"fit", "map", "predictions", "misses"}


async def test_the_largest_errors_are_paged():
    async with bench((80, 24), **MANY) as on:
        view = await on.show("misses")
        assert on.requests["largest_errors"].first == 0
        await on.press(">")
        await on.answer()
        first = on.requests["largest_errors"].first
        assert first > 0
        assert f"{first + 1}–" in view.text


def run_of(document):
    preset, problems = check({"version": 1, "name": "fit", **document})
    assert preset is not None, problems
    network, data, engine = helpers.run_parts(preset)
    model = RunModel()
    model.begin(preset.document())
    model.feed(trainer_of(preset, network, data, engine, RunControl(), live=True).events())
    return model


def test_r2_takes_the_place_of_accuracy():
    model = run_of(LINE)
    epoch = model.epochs[-1]
    assert isinstance(epoch, Epoch)
    assert model.metric.word == "R²"
    assert model.accuracy.validation.last == epoch.val_r2
    assert model.best is not None
    lines = [epoch.to_json() for epoch in model.epochs]
    assert all(line["train_accuracy"] is None and -9 < line["train_r2"] < 1 for line in lines)


async def test_the_chart_of_accuracy_says_r2_and_the_end_reports_it():
    async with bench((120, 40), **LINE) as on:
        reported = run_of(LINE)
        on.app.client.report(*reported.epochs, reported.end)
        await on.show("accuracy")
        assert "R²" in on.view("accuracy").text.splitlines()[0]
        assert "accuracy" not in on.view("accuracy").text
        words = " ".join(str(view.text) for view in on.train.query("StatusView"))
        assert "test R²" in words
        on.app.look = Look(unicode=False)
        await on.drawn()
        assert "R2" in on.view("accuracy").text


def test_without_colour_two_clouds_differ_in_their_signs() -> None:
    x = np.linspace(0, 1, 100)
    clouds = [Cloud(x, x, "blue"), Cloud(x, 1 - x, "orange", sign="o")]
    looks = (Look(colour=True), Look(colour=False))
    drawn = ["".join(line.text for line in scatter(clouds, 60, 12, look)) for look in looks]
    assert ["o" in text for text in drawn] == [False, True]
