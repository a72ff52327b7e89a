"""Build by its keys and the mouse: what the table of actions says is what happens."""

import pytest
from textual.widgets import TextArea

from tests.tui.bench import build_bench as bench
from tests.tui.bench import screen_text
from tuiml.nn.layers import layers
from tuiml.tui.app.bars import KeyBar, TopBar
from tuiml.tui.build.note_dialog import NoteScreen
from tuiml.tui.build.render import passage
from tuiml.tui.keys import actions
from tuiml.tui.widgets.chart_view import on_screen
from tuiml.tui.widgets.chooser import Chooser

pytestmark = pytest.mark.usefixtures("quick")
SIZES = [(80, 24), (120, 40)]


@pytest.mark.parametrize("size", SIZES)
async def test_keys_of_the_table_edit_the_stack(size: tuple[int, int]) -> None:
    async with bench(size) as on:
        await on.press("down", "d")
        assert on.kinds == ["flatten", "dense64", "dense64", "dense"]
        assert on.cursor == 2
        await on.press("K")
        assert on.cursor == 1
        await on.press("shift+down", "J")
        assert (on.kinds, on.cursor) == (["flatten", "dense64", "dense", "dense64"], 3)
        await on.press("x")
        assert (on.kinds, on.cursor) == (["flatten", "dense64", "dense"], 2)
        await on.press("u", "u", "u", "u", "u")
        assert on.kinds == ["flatten", "dense64", "dense"]
        assert not on.app.document.dirty
        await on.press("U")
        assert on.kinds == ["flatten", "dense64", "dense64", "dense"]
        assert on.cursor == 2, "the cursor goes where something changed"


async def test_a_very_small_terminal_shows_the_layers() -> None:
    async with bench((40, 12)) as on:
        assert on.app.query_one("#build-table").region.height >= 8
        assert "1 dense 64" in screen_text(on.app)


async def test_a_new_dense_layer_takes_after_its_neighbour_and_stays_below_the_cursor() -> None:
    hidden = {"type": "dense", "units": 9, "activation": "tanh", "initializer": "normal"}
    stack = [{"type": "flatten"}, hidden, {"type": "dense", "activation": "softmax"}]
    async with bench(layers=stack) as on:
        await on.press("a", "enter")
        assert on.layers[1] == stack[1]
        assert on.cursor == 1
        await on.press("end", "a", "enter")
        assert on.layers[-1] == stack[-1], "the output layer stays last"
        assert on.kinds == ["flatten", "dense9", "dense9", "dense9", "dense"]
        await on.press("home", "a", *"drop", "enter")
        assert on.layers[1] == {"type": "dropout"}
        await on.press("a", "escape")
        assert len(on.layers) == 6


@pytest.mark.parametrize("size", SIZES)
async def test_normalization_and_activations_are_layers_like_others(size: tuple[int, int]) -> None:
    async with bench(size) as on:
        await on.press("down", "a", *"batch_n", "enter", "a", *"activ", "enter")
        assert on.kinds == ["flatten", "dense64", "batch_norm", "activation", "dense"]
        assert not on.app.document.problems
        await on.press("enter")
        assert on.at == "layers[3].activation"
        await on.press("escape", "up", "enter")
        assert on.at == "layers[2].momentum"
        await on.press("backspace", "backspace", "backspace", "0", ".", "5")
        assert on.layers[2] == {"type": "batch_norm", "momentum": 0.5}
        rows = on.app.document.rows()
        assert [(row.parameters, row.buffer_size) for row in rows[2:4]] == [(128, 128), (0, 0)]
        assert rows[3].title == "activation relu"
        facts = passage(rows, 2, 80)
        assert facts == "layer 2: output 64 · 128 parameters, 128 values not trained"


async def test_a_stack_may_end_in_an_activation_layer() -> None:
    stack = [
        {"type": "flatten"},
        {"type": "dense", "units": 8, "activation": "relu"},
        {"type": "dense"},
        {"type": "activation", "activation": "softmax"},
    ]
    async with bench(layers=stack) as on:
        assert not on.app.document.problems
        assert on.app.document.rows()[2].units == "10"
        for below in ("end", "up"):
            await on.press(below, "a", *"drop", "enter")
            assert on.layers[-2:] == stack[-2:], "new layers go above those that make the outputs"
        assert on.kinds == ["flatten", "dense8", "dropout", "dropout", "dense", "activation"]
        await on.press("end", "up", "enter")
        field = on.build.form.model.field
        assert field is not None
        assert (field.path, field.placeholder) == ("layers[4].units", "10")


async def test_the_first_layer_of_an_empty_stack() -> None:
    async with bench(layers=[]) as on:
        assert on.app.document.problems
        await on.press("x", "d", "K", "enter", "escape")
        await on.press("a", "enter")
        assert [layer["type"] for layer in on.layers] == ["dense"]
        assert on.layers[0]["units"] > 0


@pytest.mark.parametrize("size", SIZES)
async def test_typing_in_the_form_changes_the_row_at_once(size: tuple[int, int]) -> None:
    async with bench(size) as on:
        await on.press("down", "enter")
        assert on.at == "layers[1].units"
        await on.press("backspace", "backspace", "1", "2", "3")
        assert on.layers[1]["units"] == 123
        assert on.app.screen_name == "build", "1, 2 and 3 are typed, not places"
        await on.press("x", "u", "a")
        assert on.layers[1]["units"] == "123xua"
        assert on.app.document.rows()[1].problem
        await on.press("escape", "u")
        assert not on.app.document.dirty


async def test_choices_by_arrows_and_by_the_list() -> None:
    async with bench() as on:
        await on.press("down", "enter", "down")
        assert on.at == "layers[1].activation"
        await on.press("right", "right", "left")
        assert on.layers[1]["activation"] == "leaky_relu"
        await on.press("down")
        assert on.at == "layers[1].activation.negative_slope"
        await on.press("0", ".", "2")
        assert on.layers[1]["activation"] == {"name": "leaky_relu", "negative_slope": 0.2}
        await on.press("up", "enter", *"tan", "enter")
        assert on.layers[1]["activation"] == "tanh"
        await on.press("enter", "down", "escape")
        assert on.layers[1]["activation"] == "tanh"
        assert on.at == "layers[1].activation"


async def test_tab_goes_through_the_whole_form_and_back_to_the_table() -> None:
    async with bench() as on:
        await on.press("tab")
        seen = []
        while on.at != "table":
            seen.append(on.at)
            await on.press("tab")
        wanted = [f.path for f in on.build.form.model.fields]
        assert seen == wanted
        await on.press("shift+tab")
        assert on.at == wanted[-1]


async def test_keys_to_the_sections() -> None:
    async with bench() as on:
        for key, path in [("t", "training.loss"), ("D", "data"), ("n", "name")]:
            await on.press(key)
            assert on.at == path
            await on.press("escape")
            assert on.at == "table"


@pytest.mark.parametrize("size", SIZES)
async def test_pretraining_is_off_until_it_is_picked_and_off_again_when_left_out(
    size: tuple[int, int],
) -> None:
    async with bench(size) as on:
        await on.press("n", *["shift+tab"])
        assert on.at == "pretraining"
        assert "pretraining" not in on.app.document.raw
        await on.press("right")
        assert on.app.document.raw["pretraining"] == {"method": "rbm"}
        await on.press("down", *"12")
        assert on.at == "pretraining.epochs"
        assert on.app.document.raw["pretraining"] == {"method": "rbm", "epochs": 12}
        assert "layers[1].activation" in [problem.path for problem in on.app.document.problems]
        await on.press("up", "delete")
        assert "pretraining" not in on.app.document.raw
        assert on.app.document.preset is not None


async def test_another_layer_without_leaving_the_form() -> None:
    async with bench() as on:
        await on.press("enter", "ctrl+down")
        assert (on.cursor, on.at) == (1, "layers[1].units")
        await on.press("ctrl+down")
        assert (on.cursor, on.at) == (2, "layers[2].units")
        await on.press("ctrl+up")
        assert (on.cursor, on.at) == (1, "layers[1].units")


async def test_the_note_is_wrapped_for_each_size_of_the_screen() -> None:
    async with bench(note="seven words " * 30) as on:
        await on.press("n", "down", "enter")
        area = on.app.screen.query_one(TextArea)

        def whole() -> bool:
            lines = [area.render_line(y).text for y in range(area.size.height)]
            return " ".join(lines).split() == area.text.split()

        for width, height in ((80, 24), (120, 40), (80, 24)):
            await on.pilot.resize_terminal(width, height)
            await on.until(whole)


async def test_the_training_settings_are_shown_from_their_heading() -> None:
    async with bench(size=(80, 24)) as on:
        await on.press("t")
        assert on.at == "training.loss"
        form = on.build.form
        assert form.render_line(0).text.startswith("training")
        assert "learning rate" in "".join(form.render_line(y).text for y in range(form.size.height))


async def test_the_note_is_written_in_lines() -> None:
    async with bench(note="one") as on:
        await on.press("n", "down", "enter")
        assert isinstance(on.app.screen, NoteScreen)
        await on.press("enter", "t", "w", "o", "escape")
        assert on.app.document.raw["note"] == "one\ntwo"
        await on.press("enter", "escape", "escape", "u")
        assert on.app.document.raw["note"] == "one"


async def test_what_is_wrong_is_listed_and_gone_to() -> None:
    async with bench(training={"epochs": 0}) as on:
        await on.press("down", "enter", "backspace", "backspace", "0", "escape", "home")
        facts = on.app.query_one("#facts").text
        assert "layer 1, units: 0 is not allowed" in facts
        assert "training, epochs: 0 is not allowed" in facts
        await on.press("e")
        assert (on.cursor, on.at) == (1, "layers[1].units")
        await on.press("escape", "ctrl+r")
        assert on.app.client.asked == []
        assert (on.app.screen_name, on.at) == ("build", "layers[1].units")
        assert [n.severity for n in on.app._notifications] == ["error"]


async def test_facts_of_a_preset_that_trains() -> None:
    async with bench() as on:
        facts = on.app.query_one("#facts").text
        assert f"{64 * 64 + 64 + 64 * 10 + 10:,} parameters" in facts
        assert "steps an epoch" in facts
        assert "lr " not in facts


@pytest.mark.parametrize("size", SIZES)
async def test_the_curve_of_a_schedule_is_drawn(size: tuple[int, int]) -> None:
    training = {"learning_rate": 0.05, "schedule": "one_cycle"}
    async with bench(size, training=training) as on:
        facts = on.app.query_one("#facts").text
        (line,) = [line for line in facts.splitlines() if "lr " in line]
        assert line.strip().startswith("lr 0.002 ▁")
        assert line.strip().endswith("▁ 2e-07")
        assert "█" in line
        await on.press("t")
        while on.at != "training.schedule":
            await on.press("down")
        await on.press("delete")
        assert "schedule" not in on.app.document.raw["training"]
        await on.until(lambda: "lr " not in on.app.query_one("#facts").text)


async def test_a_key_that_is_not_known_is_taken_away_in_the_form() -> None:
    async with bench(training={"optimizer": "sgd", "epoch s.": 3}) as on:
        await on.press("t")
        while on.at != "training.epoch s.":
            await on.press("down")
        await on.press("delete")
        assert on.app.document.raw["training"] == {"optimizer": "sgd"}
        assert on.app.document.problems == []


async def test_the_key_bar_has_what_works_now_in_the_order_of_the_table() -> None:
    order = {action.id: number for number, action in enumerate(actions())}
    async with bench((200, 50)) as on:
        assert {"start_pause", "choose", "add_layer", "remove", "help"} <= set(on.keys)
        assert "undo" not in on.keys
        assert "next_problem" not in on.keys
        assert [order[id] for id in on.keys[:-1]] == sorted(order[id] for id in on.keys[:-1])
        await on.press("down", "d")
        await on.until(lambda: "undo" in on.keys)
        await on.press("enter")
        await on.until(lambda: {"open_field", "leave_field", "undo"} <= set(on.keys))
        assert "add_layer" not in on.keys
        await on.press("down")
        await on.until(lambda: "value_back" in on.keys)


async def test_the_key_bar_keeps_help_where_there_is_no_room() -> None:
    async with bench((40, 12)) as on:
        assert on.keys[-1] == "help"
        assert len(on.app.query_one(KeyBar).text) <= 40


async def test_a_click_in_the_key_bar_is_a_press() -> None:
    async with bench() as on:
        bar = on.app.query_one(KeyBar)
        await on.press("down")
        assert await on.pilot.click(bar, offset=(bar.text.index("d duplicate"), 0))
        assert on.kinds == ["flatten", "dense64", "dense64", "dense"]


async def test_the_mouse_selects_rows_fields_and_choices() -> None:
    async with bench() as on:
        await on.pilot.click(on.build.table, offset=(10, 2))
        assert (on.cursor, on.at) == (1, "table")
        form = on.build.form

        def line_of(text: str) -> int:
            return next(y for y in range(form.size.height) if text in form.render_line(y).text)

        x = form.size.width // 2
        await on.pilot.click(form, offset=(x, line_of("activation")))
        assert on.at == "layers[1].activation"
        await on.pilot.click(form, offset=(x, line_of("activation")))
        await on.pilot.click(form, offset=(x, line_of("softplus")))
        assert on.layers[1]["activation"] == "softplus"
        await on.pilot.click(on.build.table, offset=(10, 3), times=2)
        assert on.at == "layers[2].activation"


async def test_narrow_screens_show_the_form_in_place_of_the_table() -> None:
    async with bench((50, 18)) as on:
        assert not on_screen(on.build.form)
        await on.press("down", "enter", "9")
        assert on_screen(on.build.form)
        assert on.layers[1]["units"] == 9, "what a field held is selected: typing replaces it"
        await on.press("escape")
        assert on.at == "table"
        assert not on_screen(on.build.form)


async def test_columns_are_dropped_where_there_is_no_room() -> None:
    async with bench((80, 24)) as narrow:
        few = narrow.build.table.shown_columns
    async with bench((200, 50)) as wide:
        all_of_them = wide.build.table.shown_columns
    assert few[:2] == ["index", "layer"]
    assert set(few) < set(all_of_them)
    assert {"units", "activation", "initializer", "shape", "parameters"} <= set(all_of_them)


async def test_a_long_stack_scrolls_with_the_cursor_below_its_header() -> None:
    stack = [{"type": "dense", "units": 4} for _ in range(99)]
    async with bench((80, 24), layers=[*stack, {"type": "dense", "activation": "softmax"}]) as on:
        table = on.build.table
        for keys in (["end"], ["up"] * 5, ["pageup"], ["home"], ["pagedown"]):
            await on.press(*keys)
            row = on.cursor - table.scroll_offset.y
            assert 0 <= row < table.size.height - 1
            assert table.render_line(row + 1).text.startswith("▸")
            assert table.render_line(0).text.split()[0] == "#"


async def test_the_name_in_the_top_bar_and_the_mark_of_unsaved_changes() -> None:
    async with bench(name="[bold]x[/] \x1b[31m") as on:
        top = on.app.query_one(TopBar)
        assert "[bold]x[/]" in top.text
        assert "\x1b" not in top.text
        assert "●" not in top.text
        await on.press("down", "d")
        await on.until(lambda: "●" in top.text)


async def test_the_chooser_narrows_and_is_answered_by_the_mouse() -> None:
    async with bench() as on:
        await on.press("a")
        screen = on.app.screen
        assert isinstance(screen, Chooser)
        await on.press("f")
        assert [p.name for p in screen.picker.found] == ["flatten"]
        await on.press("backspace")
        await on.pilot.click("PickList", offset=(10, 4))
        assert on.kinds[1] == layers.names()[2]
