"""What a network learned, on the screen: planes, units, confusions, pictures; and a pad to draw on."""

import itertools
import unicodedata
from functools import cached_property

import numpy as np
import pytest
from rich.color import ColorSystem

from tests import helpers
from tests.tui.bench import SIZES, Bench
from tests.tui.documents import raw
from tuiml.data.own.reading import DataFiles
from tuiml.runs.folder import runs_folder
from tuiml.training.event_reading import read_event
from tuiml.training.inspections.boundary import Boundary
from tuiml.training.inspections.drawing import Drawing, DrawingPrediction
from tuiml.training.inspections.record import InspectionRequest
from tuiml.training.inspector import Inspector
from tuiml.tui.chart_views.draw_pad import PENS, Pad
from tuiml.tui.charts import pixels
from tuiml.tui.charts.confusion import confusion, distinct
from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.plane import field, field_legend
from tuiml.tui.charts.tiles import layout, stretched, tiles
from tuiml.tui.model.document import Document
from tuiml.tui.process.training_client import TrainingClient
from tuiml.tui.widgets.chart_view import on_screen

pytestmark = pytest.mark.usefixtures("quick")
LOOKS = [Look(), Look(dark=False), Look(colour=False), Look(unicode=False), Look(colour=False, unicode=False)]
HOSTILE = "x\x1b[31m\u202eno"
PLANE = {
    "data": {"name": "moons", "size": 120, "validation": 40},
    "layers": [
        {"type": "dense", "units": 5, "activation": "tanh"},
        {"type": "dense", "units": 3, "activation": "tanh"},
        {"type": "dense", "activation": "softmax"},
    ],
}


def texts(rows):
    """Rows of segments, or strips, as text."""
    return ["".join(segment.text for segment in row) for row in rows]


def assert_harmless(text, look=None):
    for character in text:
        assert character == "\n" or unicodedata.category(character)[0] != "C"
        assert look is None or look.unicode or character.isascii()


# -- pictures in cells -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dark", [True, False])
def test_weak_weights_of_both_signs_differ_where_there_are_16_colours(dark):
    picture = np.repeat([[-1, -0.2, 0, 0.2, 1]], 2, axis=0)
    (row,) = pixels.signed(picture, Look(dark=dark, few=True))
    numbers = [cell.style.color.downgrade(ColorSystem.STANDARD).number for cell in row]
    greys = {0, 7, 8, 15}
    assert numbers[2] in greys
    assert len({*numbers}) == 5
    assert not greys & {number for place, number in enumerate(numbers) if place != 2}


def test_two_pixels_stand_in_each_cell_where_half_cells_can_be_drawn():
    picture = np.zeros((4, 3))
    picture[0, 0] = picture[3, 2] = 1
    rows = pixels.grey(picture, Look())
    assert texts(rows) == ["▀▀▀", "▀▀▀"]
    first, last = rows[0][0].style, rows[1][-1].style
    assert first.color.triplet.hex == last.bgcolor.triplet.hex != last.color.triplet.hex
    light = pixels.grey(picture, Look(dark=False))[0][0].style.color.triplet
    assert sum(light) < 200 < sum(first.color.triplet)  # ink is dark on light ground


@pytest.mark.parametrize("look", LOOKS)
def test_signs_are_seen_with_and_without_colour(look):
    picture = np.array([[-1.0, 0.0, 1.0]] * 2)
    (row,) = pixels.signed(picture, look)
    if look.colour and look.unicode:
        below, above = row[0].style.color.triplet, row[-1].style.color.triplet
        assert below.blue > below.red
        assert above.red > above.blue
    else:
        assert texts([row]) == ["= #"]


def test_a_picture_made_smaller_keeps_its_mean():
    picture = np.random.default_rng(0).random((28, 28))
    for size in ((14, 14), (7, 9), (40, 33)):
        small = pixels.resized(picture, *size)
        assert small.shape == size
        assert small.mean() == pytest.approx(picture.mean(), rel=1e-6)


@pytest.mark.parametrize("room", [(78, 10), (118, 20), (198, 40), (30, 6)])
@pytest.mark.parametrize("size", [(28, 28), (8, 8), (3, 3), (64, 64)])
def test_tiles_never_leave_their_room(room, size):
    plan = layout(size, *room, caption=2, least=14, wanted=4)
    assert plan.count >= 1
    assert plan.columns * (plan.tile + 2) - 2 <= room[0]
    assert plan.rows * (-(-plan.height // 2) + 3) - 1 <= room[1]
    if room[0] >= 78:
        assert plan.columns >= 2
    picture = pixels.grey(np.ones((plan.height, plan.width)), Look())
    strips = tiles([(picture, [("a caption that is long", Look().style())] * 2)] * 50, plan, *room, "…")
    assert len(strips) <= room[1]
    assert {strip.cell_length for strip in strips} == {room[0]}


@pytest.mark.parametrize("room", [(78, 18), (118, 34), (198, 44)])
@pytest.mark.parametrize("shown", [1, 3, 8, 100])
def test_tiles_without_a_shape_of_their_own_fill_their_room(room, shown):
    plan = layout((12, 12), *room, least=7, wanted=min(shown, 8))
    full = stretched(plan, min(shown, plan.count), *room)
    assert room[0] - full.columns <= full.columns * (full.width + 2) - 2 <= room[0]
    tall = full.rows * (full.height // 2 + 2) - 1
    assert room[1] - full.rows <= tall <= room[1]
    assert full.count >= min(shown, plan.count)


# -- the plane ---------------------------------------------------------------------------------------------


def halves(columns=20, rows=20):
    """Class 0 at the left, class 1 at the right, unsure in between; a point of each."""
    winners = np.tile((np.arange(columns) >= columns // 2).astype(np.uint8), (rows, 1))
    fractions = np.tile(np.linspace(-1, 1, columns) ** 2 * 127 + 128, (rows, 1)).astype(np.uint8)
    points = {"xs": bytes([25, 230]), "ys": bytes([255, 0]), "labels": bytes([0, 1])}
    limits = (-1.0, 1.0, -1.0, 1.0)
    return Boundary(7, columns, rows, limits, 2, winners.tobytes(), fractions.tobytes(), **points)


@pytest.mark.parametrize("look", LOOKS)
def test_a_plane_shows_both_classes_and_their_points(look):
    rows = field(halves(), 40, 10, look)
    shown = texts(rows)
    assert len(shown) == 10
    assert {len(row) for row in shown} == {40}
    one, two = pixels.class_mark(0, look), pixels.class_mark(1, look)
    assert shown[0].index(one) < 10  # its y is at the top
    assert shown[9].index(two) > 30
    if not (look.colour and look.unicode):
        assert shown[5][0] == "a"
        assert shown[5][-1] == "b"
        assert shown[5][19:21] == "  "  # undecided
    else:
        left, right = rows[5][0].style, rows[5][-1].style
        assert left.color != right.color
    named = field_legend(halves(), ["arm 1", HOSTILE], 60, look).text
    assert f"{one}" in named
    assert "arm 1" in named
    assert_harmless("".join(shown) + named, look)


# -- confusions --------------------------------------------------------------------------------------------

COUNTS = [[50, 0, 2], [1, 40, 9], [0, 0, 30]]


@pytest.mark.parametrize("look", LOOKS)
def test_a_table_of_confusions_has_axes_counts_recall_and_precision_and_marks_mistakes(look):
    axes, names, *lines = texts(confusion(COUNTS, ["cat", HOSTILE, "dog"], 78, 6, look))
    down, right = ("↓", "→") if look.unicode else ("v", ">")
    assert axes.startswith(f"true {down}")
    assert f"predicted {right}" in axes
    assert (names.split()[0], names.split()[-1]) == ("cat", "recall")
    assert lines[0].split()[0] == "cat"
    assert lines[0].split()[1:4] == ["50", look.glyphs.missing, f"{look.glyphs.up}2"]
    assert "96.2 %" in lines[0]  # recall: 50 of 52
    assert f"{look.glyphs.up}9" in lines[1]
    assert "98" in lines[3]  # precision: 50 of 51
    assert_harmless("".join([axes, names, *lines]), look)
    fractions = texts(confusion(COUNTS, ["cat", "cow", "dog"], 78, 6, look, fractions=True))
    assert "18 %" in fractions[3]  # 9 of 50


@pytest.mark.parametrize("look", LOOKS)
def test_where_a_table_has_no_room_the_most_confused_pairs_are_listed(look):
    arrow = "→" if look.unicode else ">"
    head, first, second, rest = texts(confusion(COUNTS, ["cat", "cow", "dog"], 60, 4, look))
    assert f"true {arrow} predicted, the most confused of 3 classes" in head
    assert f"cow {arrow} dog" in first
    assert "18.0 % of its class" in first
    assert f"cat {arrow} dog" in second
    assert "not shown: 1 more pairs, 1 of 12 mistakes" in rest
    later = texts(confusion(COUNTS, ["cat", "cow", "dog"], 60, 4, look, first=2))
    assert f"cow {arrow} cat" in later[1]
    assert_harmless("".join([head, first, second, rest]), look)
    assert "no mistakes" in texts(confusion([[3, 0], [0, 4]], ["a", "b"], 60, 3, look))[0]


def test_of_equally_frequent_mistakes_that_of_the_smaller_class_is_named_first():
    listed = texts(confusion([[20, 1, 0], [0, 30, 0], [1, 0, 4]], ["cat", "cow", "dog"], 60, 4, Look()))
    assert "dog" in listed[1]
    assert "20.0 %" in listed[1]


def test_precision_has_the_same_unit_in_every_column():
    counts = np.eye(10, dtype=int) * 5 + np.eye(10, k=1, dtype=int)
    *_, last = texts(confusion(counts.tolist(), [str(i) for i in range(10)], 50, 14, Look()))
    assert last.startswith("prec. %")
    assert last.count("%") == 1


@pytest.mark.parametrize("room", [(36, 9), (58, 19), (78, 8), (78, 19), (118, 35), (198, 45)])
def test_columns_of_confusions_never_run_together_whatever_the_number_of_classes(room):
    generator = np.random.default_rng(0)
    for n in range(2, 101):
        counts = generator.integers(1, 2000 if n % 2 else 90, (n, n))
        names = [f"kind of thing {k}" if n % 3 else "가나다라" * (k + 1) for k in range(n)]
        strips = confusion(counts.tolist(), names, *room, Look())
        assert len(strips) <= room[1]
        assert {strip.cell_length for strip in strips} == {room[0]}
        lines = texts(strips)
        if lines[0].startswith("  true →"):
            assert "not shown" in lines[-1]
            continue
        rows = [line for line in lines[2:-1] if line.strip()]
        assert len(rows) == n
        for row, text in zip(counts.tolist(), rows, strict=True):
            cells = text.split()[-n - 2 : -2] if "recall" in lines[1] else text.split()[-n:]
            assert [int(cell.strip("▲").replace(",", "")) for cell in cells] == row


def test_names_of_columns_differ_even_where_they_are_cut():
    assert distinct(["cat", "dog"], 8, "…") == ["cat", "dog"]
    assert distinct(["Iris-setosa", "Iris-virginica"], 5, "…") == ["seto…", "virg…"]
    assert distinct(["aaaaaaab", "aabaaaac", "aaaaaaad"], 3, "…") == ["0", "1", "2"]
    ends = [f"{flower}_of_the_long_{side}" for flower in ("rose", "lily") for side in ("north", "south")]
    assert distinct(ends, 11, "…") == ["rose_…north", "rose_…south", "lily_…north", "lily_…south"]


@pytest.mark.parametrize("room", [(60, 12), (40, 12), (60, 5)])
def test_rows_and_pairs_of_classes_that_begin_alike_differ(room):
    names = [f"measurement_of_iris_{side}" for side in ("north", "south", "northwest", "southwest")]
    lines = [line.text for line in confusion(np.eye(4, dtype=int) * 5 + 1, names, *room, Look(colour=False))]
    assert {len(line) for line in lines} == {room[0]}
    heads = [line[: room[0] // 2] for line in lines if line[:1] not in " " and "…" in line]
    assert len(set(heads)) == len(heads)


# -- the pad -----------------------------------------------------------------------------------------------


def test_moving_draws_only_with_the_pen_down():
    pad = Pad()
    pad.fit((28, 28))
    pad.move(3, 0)
    assert pad.empty
    pad.toggle()
    pad.move(5, 0)
    line = pad.ink[14, 17:23]
    assert (line == 1).all()
    assert 0 < pad.ink[13, 18] < 1  # the pen is soft
    pad.toggle()
    pad.move(0, 9)
    assert pad.ink[23].sum() == 0
    pad.move(1, 0, draw=True)
    assert pad.ink[23, 22] == 1
    pad.clear()
    assert pad.empty


def test_the_pen_stays_inside_and_takes_ink_away_again():
    pad = Pad()
    pad.fit((8, 8))
    for _ in range(len(PENS)):
        pad.next_pen()
        pad.move(-100, -100, draw=True)
        pad.move(100, 100, draw=True)
    assert (pad.x, pad.y) == (7, 7)
    pad.erasing = True
    pad.go_to(0, 0, draw=True)
    assert pad.ink[3, 3] == pad.ink[7, 7] == 0


def test_a_centred_picture_has_its_mass_in_the_middle_and_the_ink_stays():
    pad = Pad()
    pad.fit((28, 28))
    pad.go_to(3, 4, draw=False)
    pad.go_to(9, 10, draw=True)
    seen = pad.centred_ink()
    ys, xs = np.nonzero(seen)
    assert np.average(ys, weights=seen[ys, xs]) == pytest.approx(13.5, abs=0.51)
    assert np.average(xs, weights=seen[ys, xs]) == pytest.approx(13.5, abs=0.51)
    assert seen.sum() == pytest.approx(pad.ink.sum())
    pad.centred = False
    assert pad.pixels() == np.rint(pad.ink * 255).astype(np.uint8).tobytes()


# -- on the screen -----------------------------------------------------------------------------------------


class InspectionBench(Bench):
    """Train, whose client is answered by an inspector of the preset's own network, which is not trained."""

    @cached_property
    def parts(self):
        document = self.app.document.raw
        preset = helpers.preset(document["layers"], data=document["data"], training=document.get("training"))
        return helpers.run_parts(preset)

    @property
    def network(self):
        return self.parts[0]

    @property
    def data(self):
        return self.parts[1]

    @cached_property
    def inspector(self):
        return Inspector(self.network, self.parts[2], self.app.model.preset.data)

    @property
    def requests(self):
        return {request.what: request for request in self.client.requests}

    def view(self, id):
        views = [view for slot in self.train.charts.shown_slots for view in slot.views if slot.chart.id == id]
        return next(view for view in views if on_screen(view))

    async def answer(self):
        """Answer what is asked for, and wait until the screen shows it."""
        found = [self.inspector.answer(request) for request in self.client.requests]
        await self.report(*(read_event(record.to_json()) for record in found if record))

    async def show(self, chart, large=True):
        self.train.charts.enlarge(chart) if large else self.train.charts.show_chart(chart)
        await self.drawn()
        await self.answer()
        return self.view(chart)


def bench(size=(120, 40), **changes):
    return InspectionBench.opened(Document(raw(**changes)), size=size, keys=("2", "ctrl+r"))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("large", [True, False])
async def test_the_plane_and_its_units_are_shown_in_every_size(size, large):
    async with bench(size, **PLANE) as on:
        view = await on.show("boundary", large)
        assert on.requests["boundary"].columns * on.requests["boundary"].rows <= 96 * 96
        assert "▲" in view.text
        assert "lower" in view.text  # a class's name
        assert_harmless(view.text)
        if large:
            assert on.requests["responses"].count == 5  # its first layer's units fit beside it
        units = await on.show("units", large)
        assert [f"{i} ±" in units.text for i in range(6)] == [True] * 5 + [False]
        assert "units" in units.text.splitlines()[0]
        await on.press("escape", "down")
        assert on.train.selection.index == 1


async def test_units_have_their_own_scale_or_one_by_key():
    async with bench((120, 40), **PLANE) as on:
        await on.show("units")
        assert "-1 ████████ 0 ████████ 1 × each unit's largest" in on.view("units").text
        assert on.train.label("one_scale") is None
        before = [list(line) for line in on.view("units")._lines]
        await on.press("A")
        assert "× the ±" not in on.view("units").text
        assert "████████ 0 ████████" in on.view("units").text
        assert [list(line) for line in on.view("units")._lines] != before
        assert on.train.label("one_scale") == "own scales"


async def test_the_selected_layers_units_are_asked_for_and_one_alone_by_key():
    async with bench((200, 50), **PLANE) as on:
        await on.show("units", large=False)
        await on.press("j")
        assert on.requests["responses"].layer == 1
        assert on.requests["responses"].count == 3
        before = on.requests["responses"].columns
        await on.press("T")
        request = on.requests["responses"]
        assert request.count == 1
        assert request.columns > before
        await on.press(">", ">")
        assert on.requests["responses"].first == 2
        await on.press(">", "<")
        assert on.requests["responses"].first == 1


async def test_nothing_is_requested_that_is_not_on_the_screen():
    async with bench((120, 40), **PLANE) as on:
        assert set(on.requests) == {"boundary"}, "the chart that suits points of the plane"
        await on.show("confusions", large=False)
        assert set(on.requests) == {"confusion"}
        await on.press("1")
        assert on.requests == {}
        await on.press("2")
        assert set(on.requests) == {"confusion"}


SHOWN = {
    "confusions": [("accuracy", 1), ("true ↓", 1), ("validation examples", 1)],
    "worst": [("→", 2), ("loss ", 2)],  # side by side
    "weights": [("±", 6)],
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("large", [True, False])
async def test_confusions_worst_examples_and_weights_of_pictures(size, large):
    async with bench(size) as on:
        for chart, words in SHOWN.items():
            view = await on.show(chart, large)
            assert_harmless(view.text)
            assert len(view.text.splitlines()) <= view.size.height
            for word, count in words:
                assert view.text.count(word) >= count


@pytest.mark.parametrize("chart", list(SHOWN))
async def test_a_chart_is_drawn_in_any_room(chart):
    async with bench() as on:
        view = await on.show(chart, False)
        for look in LOOKS:
            for width, height in itertools.product((0, 1, 12, 60), range(8)):
                assert len(view.draw(width, height, look)) <= max(1, height)


async def test_worst_examples_are_paged():
    async with bench((80, 24)) as on:
        await on.show("worst")
        shown = on.requests["highest_loss"].count
        await on.press(">")
        assert on.requests["highest_loss"].first == shown
        await on.answer()
        assert f"{shown + 1}–" in on.view("worst").text
        await on.press("<", "<")
        assert on.requests["highest_loss"].first == 0


FLOWERS = """sepal length,colour,kind
5.1,red,Iris setosa
4.9,blue,Iris setosa
6.3,red,Iris virginica
6.0,blue,Iris virginica
""" + "".join(
    f"{4 + k / 10},{'red' if k % 3 else 'blue'},Iris {'setosa' if k < 45 else 'virginica'}\n"
    for k in range(30)
)


@pytest.mark.parametrize("size", SIZES)
async def test_values_of_a_users_table_carry_the_names_of_their_columns_and_classes(size, tmp_path):
    path = tmp_path / "flowers.csv"
    path.write_text(FLOWERS)
    stack = [{"type": "dense", "units": 5}, {"type": "dense", "activation": "softmax"}]
    small = {"batch_size": 5}
    document = Document(raw(data={"path": str(path)}, layers=stack, training=small), files=DataFiles())
    async with InspectionBench.opened(document, size=size, keys=("2",)) as on:
        await on.until(lambda: on.app.document.preset)
        await on.press("ctrl+r")
        on.parts = helpers.run_parts(on.app.document.preset)
        if size[0] >= 100:
            assert on.views[2] == "confusions"
        head, *rows = (await on.show("worst")).text.splitlines()[1:]
        assert head.split() == ["loss", "true", "predicted", "p", "sepal", "length", "colour"]
        assert all(row.split()[-1] in ("red", "blue") for row in rows)
        assert any("setosa" in row or "virginica" in row for row in rows)
        matrix = (await on.show("confusions")).text
        assert "Iris setosa" in matrix
        assert "true ↓" in matrix
        weights = (await on.show("weights")).text
        for words in ("sepal length", "colour = red", "colour = blue", "unit", "-1 ████████ 0 ████████ 1"):
            assert words in weights


async def test_confusions_as_shares_by_key():
    async with bench((120, 40)) as on:
        view = await on.show("confusions")
        assert on.train.enabled("confusion_fractions")
        counts = view.text
        await on.press("%")
        assert " %" in "".join(line[:40] for line in on.view("confusions").text.splitlines()[3:6])
        await on.press("%")
        assert on.view("confusions").text == counts


async def test_charts_are_there_only_where_a_run_has_them():
    async with bench() as on:
        ids = {chart.id for chart in on.train.charts.choices()}
        assert {"confusions", "worst", "weights", "draw"} <= ids
        assert not {"boundary", "units"} & ids
    async with bench(**PLANE) as on:
        ids = {chart.id for chart in on.train.charts.choices()}
        assert {"confusions", "worst", "boundary", "units"} <= ids
        assert "weights" in ids
        assert "draw" not in ids
        assert on.train.enabled("draw"), "a form, in place of the pad"


@pytest.mark.parametrize("size", SIZES)
async def test_drawing_by_keys_asks_what_it_is_and_shows_the_bars(size):
    async with bench(size) as on:
        await on.press("d")
        view = on.view("draw")
        assert view.has_focus
        assert "space" in view.text
        assert {"pen_toggle", "pad_clear"} & set(on.keys)
        await on.press("space", "down", "down", "shift+right")
        drawn = on.client.drawings
        await on.until(lambda: drawn and drawn[-1].number == view.pad.version)
        await on.drawn()
        drawn = on.app.client.drawings[-1]
        assert len(drawn.pixels) == 64
        assert drawn.pixels == view.pad.pixels()
        on.app.client.report(DrawingPrediction(3, drawn.number, (0.1, 0.0, 0.9, *[0.0] * 7)))
        await on.drawn()
        line = next(line for line in view.text.splitlines() if "90 %" in line)
        assert line.rstrip().endswith("◀")
        assert "█" in line
        assert_harmless(view.text)
        await on.press("x")
        assert view.pad.empty
        await on.press("escape")
        assert on.train.table.has_focus


async def test_drawing_by_mouse():
    async with bench((120, 40)) as on:
        await on.press("d")
        view = on.view("draw")
        top, left, scale = view._place
        await on.pilot.mouse_down(view, offset=(1 + left + 2 * scale, top + scale))
        await on.pilot.hover(view, offset=(1 + left + 5 * scale, top + scale))
        await on.pilot.mouse_up(view, offset=(1 + left + 5 * scale, top + scale))
        await on.drawn()
        assert (view.pad.ink[2, 2:6] == 1).all()
        before = view.pad.ink.copy()
        await on.pilot.hover(view, offset=(1 + left + 7 * scale, top + 3 * scale))
        assert np.array_equal(view.pad.ink, before)  # the button is up


async def test_a_past_run_that_cannot_be_looked_into_says_why():
    async with bench(**PLANE) as on:
        on.app.model.inspection_failed("this run has no sound checkpoint to look into")
        view = await on.show("boundary")
        on.app.model.inspections.clear()
        on.app.model.inspection_failed("this run has no sound checkpoint to look into")
        await on.drawn()
        assert "no sound checkpoint" in view.text


# -- with a real training process --------------------------------------------------------------------------

DIGITS = {"data": {"name": "digits"}, "training": {"epochs": 12, "learning_rate": 0.3, "batch_size": 32}}


async def test_a_stroke_changes_the_guess_of_a_trained_network_after_its_run_and_from_its_folder():
    on_train = InspectionBench.opened(
        Document(raw(**DIGITS)), size=(80, 24), keys=("2", "ctrl+r"), client=TrainingClient
    )
    async with on_train as on:
        app = on.app
        await on.until(lambda: app.model.status == "completed", limit=60)
        assert app.model.end.test_accuracy > 0.85
        await on.press("d", "up", "up", "up", "space", *["down"] * 6, "space")  # a one
        await on.until(lambda: "drawing" in app.model.inspections)
        view = on.view("draw")
        await on.until(lambda: app.model.inspections["drawing"].number == view.pad.version)
        fractions = app.model.inspections["drawing"].probabilities
        assert sum(fractions) == pytest.approx(1, abs=1e-3)
        before = view.text
        await on.press("up", "up", "up", "shift+left", "shift+left", "shift+left")
        await on.until(lambda: app.model.inspections["drawing"].number == view.pad.version)
        await on.drawn()
        assert app.model.inspections["drawing"].probabilities != fractions
        assert view.text != before
        weights = app.model.inspections["drawing"].probabilities
        path = next(runs_folder().iterdir())
        app.model.inspections.clear()
        app.client.inspect_run(str(path))  # another process, from the checkpoint
        app.client.predict(Drawing(99, view.pad.pixels()))
        await on.until(lambda: "drawing" in app.model.inspections)
        assert app.model.inspections["drawing"].probabilities == pytest.approx(weights, abs=1e-5)
        app.client.inspect_run(str(path.parent / "gone"))
        app.client.inspect([InspectionRequest("confusion")])
        await on.until(lambda: app.model.inspection_problem != "")
        assert "gone" in app.model.inspection_problem
