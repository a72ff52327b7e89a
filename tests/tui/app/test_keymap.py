"""The keys that a user chooses: in the settings, with vi's letters, and how they are shown."""

import pytest

from tests.tui.bench import Bench
from tests.tui.fake_training_client import FakeTrainingClient
from tests.tui.files_on_disk import preset
from tuiml.tui.app.app import TuimlApp
from tuiml.tui.app.bars import KeyBar
from tuiml.tui.app.help import HelpScreen
from tuiml.tui.app.keymap import chosen, declare_all, in_one_line
from tuiml.tui.keys import actions, bindings, find, with_keys
from tuiml.tui.model.preferences import Preferences
from tuiml.tui.model.preset_files import named
from tuiml.tui.model.study_model import StudyModel
from tuiml.tui.study.status import status_line
from tuiml.tui.widgets.strips_view import StripsView


def test_nothing_chosen_changes_nothing() -> None:
    assert chosen({}, "arrows") == ({}, [])
    assert in_one_line([]) == ""


def test_every_key_of_every_action_can_be_chosen_by_the_id_of_the_action() -> None:
    declare_all()
    for row in actions():
        assert {binding.id for binding in bindings([row])} <= {row.id}
        keymap, problems = chosen({row.id: "f9,ctrl+t" if row.where != "vary" else "f9"}, "arrows")
        assert not problems
        assert row.keys_in(keymap)[0] == "f9"


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"undu": "x"}, "'undu' is not an action; did you mean 'undo'?"),
        ({"save": "ctl+y"}, "'ctl+y' is not a key; write for example u, f5 or ctrl+t"),
        ({"save": ""}, "'' is not a key; write for example u, f5 or ctrl+t"),
        ({"undo": "x"}, "undo = 'x' is ignored: x is already remove (build)"),
        ({"undo": "u,ctrl+z"}, "undo = 'u,ctrl+z' is ignored: ^z is already suspend"),
        ({"undo": "f7", "redo": "f7"}, "undo = 'f7' is ignored: f7 is already redo (build)"),
    ],
)
def test_what_cannot_be_is_ignored_and_said(table: dict[str, str], problem: str) -> None:
    keymap, problems = chosen(table, "arrows")
    assert problems == [problem]
    assert not {"undo", "save", "undu"} & set(keymap)


def test_two_actions_may_change_keys_with_each_other_and_names_may_be_characters() -> None:
    assert chosen({"undo": "x", "remove": "u"}, "arrows") == ({"undo": "x", "remove": "u"}, [])
    assert chosen({"step": "$"}, "arrows") == ({"step": "dollar_sign"}, [])


def test_vi_letters_stand_beside_the_arrows_where_no_text_is_typed() -> None:
    keymap, problems = chosen({}, "vi")
    assert not problems
    keys = {row.id: row.keys_in(keymap) for row in actions()}
    for id, letter in [("cursor_down", "j"), ("row_above", "k"), ("earlier", "h"), ("later", "l"),
                       ("unfold", "l"), ("fold", "h"), ("x_left", "h"), ("other_after", "l")]:  # fmt: skip
        assert letter in keys[id], id
        row = find(id)
        assert row is not None
        assert keys[id][: len(row.keys)] == row.keys, "the arrows still move"
    assert keys["rate_type"] == ("L",), "l moves in Train"
    for id in ("value_next", "pick_down", "offer_up"):
        row = find(id)
        assert row is not None
        assert keys[id] == row.keys, "letters are text there"
    assert (
        "later" not in chosen({"later": "f9"}, "vi")[0] or chosen({"later": "f9"}, "vi")[0]["later"] == "f9"
    )


@pytest.mark.usefixtures("quick")
async def test_the_app_takes_and_shows_the_chosen_keys() -> None:
    preferences = Preferences(keymap={"start_pause": "ctrl+t", "duplicate": "f6", "undu": "f7"})
    document = named(str(preset("mine")))
    async with Bench.opened(document, keys=("down",), preferences=preferences) as on:
        assert on.complaints == ["settings.toml: keymap: 'undu' is not an action; did you mean 'undo'?"]
        count = len(on.layers)
        await on.press("d")
        assert len(on.layers) == count, "d is nothing now"
        await on.press("f6")
        assert len(on.layers) == count + 1
        bar = on.app.query_one(KeyBar).text
        assert "^t start" in bar
        assert "f6 duplicate" in bar
        await on.press("ctrl+p", *"duplicate")
        assert on.app.screen.picker.chosen.formula.startswith("f6 ")
        await on.press("escape", "question_mark", *"duplicate the")
        assert isinstance(on.app.screen, HelpScreen)
        assert "f6 " in on.app.screen.query_one(StripsView).text
        await on.press("escape", "escape", "ctrl+r")
        assert not on.client.active
        await on.press("ctrl+t")
        await on.until(lambda: on.client.active)


@pytest.mark.usefixtures("quick")
async def test_a_run_of_another_process_refuses_the_chosen_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Bench.opened(preferences=Preferences(keymap={"stop": "f8"})) as on:
        monkeypatch.setattr(type(on.model), "followed", True)
        refuses = on.train.run_keys.refuses
        assert refuses("f8")
        assert not refuses("s")


@pytest.mark.usefixtures("quick")
async def test_vi_letters_move_in_the_table_and_not_in_a_text() -> None:
    app = TuimlApp(
        named(str(preset("mine"))), client_factory=FakeTrainingClient, preferences=Preferences(keys="vi")
    )
    async with app.run_test(size=(120, 40)) as pilot:
        on = Bench(app, pilot)
        await on.press("j")
        assert on.cursor == 1
        await on.press("k", "n")
        await on.press("h", "l")
        assert on.app.document.raw["name"].endswith("hl") or "hl" in str(on.build.form.model.edit)


CHOSEN = {"start_pause": "ctrl+t", "toggle_lesson": "f6", "next_step": "f7", "vary": "f8", "explore": "f9"}


@pytest.mark.usefixtures("quick")
async def test_texts_name_the_chosen_keys() -> None:
    preferences = Preferences(keymap=CHOSEN)
    document = named(str(preset("mine")))
    async with Bench.opened(document, preferences=preferences, keys=("2",)) as on:
        assert on.train.hint(on.train.charts.slots[0].view) == "ctrl+t trains mine"
        line = status_line(StudyModel(), 100, on.app.look, on.app.keymap)
        assert line[0][0] == "no study yet: mark a setting with f8 in Build, then ctrl+t"
        on.app.lesson.open("activations")
        await on.drawn()
        panel = on.app.lesson.panel.text
        assert "press f9: the explorer" in panel
        assert "f7 skip   f6 hide" in panel


def test_a_text_keeps_braces_that_are_no_action() -> None:
    assert with_keys("{undo}, {nothing} and {start_pause}", {"undo": "f8"}) == "f8, {nothing} and ctrl+r"
