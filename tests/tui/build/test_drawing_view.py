"""Build uses its room: the network and the data are drawn, and nothing moves that was not asked to."""

from pathlib import Path

import pytest

from tests.tui.bench import SIZES, Bench
from tests.tui.bench import build_bench as bench
from tests.tui.documents import raw
from tuiml.tui.app.bars import TopBar
from tuiml.tui.build.drawing_view import DrawingView, blocks
from tuiml.tui.charts.network_diagram import Frame
from tuiml.tui.model.document import Document
from tuiml.tui.process import probe_session
from tuiml.tui.widgets.chart_view import on_screen

pytestmark = pytest.mark.usefixtures("quick")
LARGE = [(120, 40), (200, 50)]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_session, "SOON", 0.001)


def looks(on: Bench) -> DrawingView:
    return on.app.query_one(DrawingView)


async def answered(on: Bench) -> None:
    """Let the prober answer, and wait until the screen shows it."""
    await on.until(lambda: on.build.flight._client and on.build.flight._client.asked)
    on.build.flight._client.answer()
    await on.until(lambda: on.build.flight.fresh and on.build.flight.sample)


@pytest.mark.parametrize("size", SIZES)
async def test_the_network_is_drawn_and_the_selected_layer_marked(size: tuple[int, int]) -> None:
    async with bench(size) as on:
        text = looks(on).text
        assert "network" in text
        assert "8×8" in text
        assert "▸" in text
        before = text.replace("▸", " ")
        await on.press("down")
        assert looks(on).text != text
        assert looks(on).text.replace("▸", " ") == before, "the mark alone moved"


async def test_the_data_are_read_in_the_background_and_shown_in_their_place() -> None:
    async with bench() as on:
        assert "reading the data" in looks(on).text
        height = looks(on).size.height
        await answered(on)
        assert "samples" in looks(on).text
        assert "digits: 1,350 training examples" in looks(on).text
        assert looks(on).size.height == height
        await on.press("c")
        assert "10 of 121 to 143 examples" in looks(on).text
        await on.press("C")
        assert "10 classes" not in looks(on).text


async def test_more_room_shows_the_classes_too() -> None:
    async with bench((200, 50)) as on:
        await answered(on)
        assert {"network", "samples", "classes"} == set(looks(on).drawn)
        assert "look_next" not in on.keys


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ({"name": "moons"}, ["network", "points", "columns", "classes"]),
        ({"name": "sine"}, ["network", "points", "columns"]),
        ({"name": "friedman1"}, ["network", "columns", "points"]),
        ({"name": "gaussians"}, ["network", "points", "columns", "classes"]),
    ],
)
async def test_each_kind_of_data_has_its_drawings(data: dict[str, str], names: list[str]) -> None:
    stack = [{"type": "dense", "units": 4}, {"type": "dense", "activation": "softmax"}]
    training = {"optimizer": "sgd"}
    if data["name"] in ("sine", "friedman1"):
        stack[1], training = {"type": "dense", "activation": "linear"}, {"loss": "mse"}
    async with bench(data=data, layers=stack, training=training) as on:
        await answered(on)
        assert looks(on).names == names
        for name in names[1:]:
            assert name in looks(on).text
            await on.press("c")


@pytest.mark.parametrize("size", SIZES)
async def test_a_drawing_is_enlarged_and_back(size: tuple[int, int]) -> None:
    async with bench(size) as on:
        await answered(on)
        small = looks(on).size
        await on.press("z")
        assert looks(on).size.height >= size[1] - 6
        assert looks(on).size.width > small.width
        await on.press("down")
        assert on.cursor == 1
        assert on.build.table.render_line(1).text.startswith("▸"), "the selected layer stays in sight"
        await on.press("c")
        assert "samples" in looks(on).text
        await on.press("enter")
        assert on.at == "layers[1].units"
        assert on_screen(on.build.form)
        assert looks(on).size == small


async def test_a_long_stack_keeps_its_rows() -> None:
    stack = [{"type": "dense", "units": 4} for _ in range(30)]
    async with bench((80, 24), layers=[*stack, {"type": "dense", "activation": "softmax"}]) as on:
        assert not looks(on).display
        await on.press("z")
        assert "of 31 layers" in looks(on).text


async def test_a_click_on_a_layer_selects_it() -> None:
    async with bench() as on:
        frame = Frame.of(blocks(looks(on).of), on.cursor, looks(on).size.width)
        place = [block.index for block in frame.shown].index(2)
        assert await on.pilot.click("#looks", offset=(place * frame.cells + 1, 4))
        assert on.cursor == 2


@pytest.mark.parametrize("size", SIZES)
async def test_nothing_moves_with_the_focus_or_with_a_wrong_value(size: tuple[int, int]) -> None:
    async with bench(size) as on:
        form, table = on.build.form, on.build.table
        await on.press("tab")
        places = set()
        while on.at != "table":
            lines = [line.parts for line in form._drawn]
            places.add((len(lines), form.help.region, table.region, on.app.query_one("#facts").region))
            await on.press("tab")
        assert len(places) == 1
        await on.press("down", "enter", *"1/0")
        (place,) = places
        assert (form.help.region, table.region) == (place[1], place[2])
        assert "1/0: division by zero" in form.help.text


async def test_help_is_of_the_focused_field_and_else_of_the_kind_of_layer() -> None:
    async with bench() as on:
        await on.press("down")
        assert "y = f(Wx + b)" in on.build.form.help.text
        await on.press("enter")
        assert "a whole number at least" in on.build.form.help.text
        await on.press("down", "enter")
        assert "max(0, x)" in on.build.form.help.text
        await on.press("down")
        assert "max(0, x)" not in on.build.form.help.text, "it follows the cursor in the list"


async def test_numbers_step_as_choices_do_until_something_is_typed() -> None:
    async with bench() as on:
        await on.press("down", "enter", "right")
        assert on.layers[1]["units"] == 70
        await on.press("minus", "left")
        assert on.layers[1]["units"] == 50
        await on.press("plus")
        assert on.layers[1]["units"] == 60
        await on.press("1", "6", "left", "2")
        assert on.layers[1]["units"] == 126, "in a text, the arrows move the caret"
        await on.press("enter", "right")
        assert on.layers[1]["units"] == 130, "enter has taken it: the arrows step again"
        await on.press("escape", "t")
        while on.at != "training.learning_rate":
            await on.press("down")
        await on.press("right")
        assert on.app.document.get("training.learning_rate") == 0.02, "from the optimizer's own rate"


async def test_what_an_expression_is_saved_as_is_shown() -> None:
    async with bench() as on:
        await on.press("down", "enter", *"2**8")
        assert on.layers[1]["units"] == 256
        assert any("2**8" in line and "= 256" in line for line in lines(on))
        await on.press("enter")
        assert any("‹ 256 ›" in line for line in lines(on))
        await on.press("escape", "u")
        assert on.layers[1]["units"] == 64, "typing and taking it is one edit"


def lines(on: Bench) -> list[str]:
    return ["".join(text for text, _ in line.parts) for line in on.build.form._drawn]


async def test_enter_begins_and_ends_an_edit_in_every_field() -> None:
    async with bench() as on:
        await on.press("down", "tab")
        while on.at != "note":
            before, field = on.app.document.raw, on.at
            if field == "pretraining":  # its list begins with the only method there is
                await on.press("enter", "escape", "down")
                continue
            await on.press("enter", "enter")
            assert on.at == field, "enter stays"
            now = on.app.document
            assert now.preset is not None
            assert on.build.form.model.picker is None
            assert now.problems == []
            assert before.keys() == now.raw.keys()
            await on.press("down")


async def test_letters_on_a_choice_find_it_and_are_no_command() -> None:
    async with bench() as on:
        await on.press("down", "enter", "down", *"tanh", "enter")
        assert on.layers[1]["activation"] == "tanh"
        for letter in "adxuretDnvcz":
            await on.press(letter, "escape")
            assert on.at == "layers[1].activation"
        assert len(on.layers) == 3
        await on.press("escape", "n", "down", "x")
        assert on.app.screen is not on.app.screen_stack[0], "the note is edited"


async def test_coming_back_the_keys_go_where_they_went() -> None:
    async with bench() as on:
        await on.press("down", "enter", "down")
        assert on.at == "layers[1].activation"
        await on.press("2", "1")
        assert on.at == "layers[1].activation"
        await on.press("escape", "3", "1")
        assert on.at == "table"


async def test_the_verdict_or_the_first_problems_stand_in_one_place() -> None:
    async with bench() as on:
        facts = on.app.query_one("#facts")
        before = facts.region
        assert "initial values: measuring" in facts.text
        await answered(on)
        assert "nothing wrong found" in facts.text
        for number in range(3):
            on.app.document.set(f"layers[{number}].nothing", number)
        on.app.document_edited()
        await on.drawn()
        assert "layer 2: 'nothing' is not a key here" in facts.text
        assert facts.region == before


async def test_a_preset_on_ones_own_table_opens_at_once(tmp_path: Path) -> None:
    rows = "".join(f"{i % 7},{i % 5},{'yes' if i % 3 else 'no'}\n" for i in range(60))
    (tmp_path / "own.csv").write_text(f"width,height,kind\n{rows}")
    stack = [{"type": "dense", "units": 4}, {"type": "dense", "activation": "softmax"}]
    document = Document(raw(data={"path": str(tmp_path / "own.csv")}, layers=stack))
    async with Bench.opened(document) as on:
        await on.until(lambda: not on.app.document.problems)
        await answered(on)
        await on.press("z", "c")
        assert "width" in looks(on).text
        assert "height" in looks(on).text


async def test_a_drawing_for_which_there_is_no_room_is_not_turned_and_that_is_said() -> None:
    deep = [{"type": "flatten"}, *({"type": "dense", "units": 8} for _ in range(12))]
    async with bench((80, 24), layers=[*deep, {"type": "dense", "activation": "softmax"}]) as on:
        await answered(on)
        assert not looks(on).display
        assert "look_next" not in on.keys
        await on.press("c")
        assert looks(on).chosen == "network"
        assert "z shows it on the whole screen" in on.app.query_one(TopBar).text
        await on.press("z", "c")
        assert "samples" in looks(on).text
