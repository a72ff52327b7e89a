"""The actions: which there are, on which keys, in which order; how the palette finds them."""

import pytest
from rich.cells import cell_len

from tests.tui.bench import Bench
from tests.tui.fake_training_client import FakeTrainingClient
from tests.tui.files_on_disk import preset
from tuiml.tui.app import palette
from tuiml.tui.app.app import TuimlApp
from tuiml.tui.app.help import HelpScreen, help_strips
from tuiml.tui.charts.palette import Look
from tuiml.tui.keys import LAST, Action, Keyed, Where, action, actions
from tuiml.tui.library.open_dialog import OpenDialog
from tuiml.tui.model.preset_files import named
from tuiml.tui.widgets.dialogs import ConfirmDialog, NameDialog
from tuiml.tui.widgets.picker import Pick, Picker

# Where it works, its id, its keys; "hidden": not in the key bar; "first": before the focused widget.
ACTIONS = """
any start_pause ctrl+r first
table choose enter
row row_next greater_than_sign
row row_back less_than_sign hidden
row find_input slash
field open_field enter
field leave_field escape
field value_next right hidden
field value_back left
field toggle_value space hidden
field reset_value delete,backspace
field layer_back ctrl+up,alt+up hidden
field layer_next ctrl+down,alt+down
field field_up up hidden
field field_down down hidden
field tab_up shift+tab hidden
field tab_down tab hidden
field section_back pageup hidden
field section_next pagedown hidden
pad pen_toggle space
pad pad_clear x
pad pen_next b
pad pen_erase e
pad pad_centre m
pad pen_up up,k hidden
pad pen_down down,j hidden
pad pen_left left,h hidden
pad pen_right right,l hidden
pad draw_up shift+up,K hidden
pad draw_down shift+down,J hidden
pad draw_left shift+left,H hidden
pad draw_right shift+right,L hidden
build next_problem e
build add_layer a
build remove x,delete
build duplicate d
build undo u,ctrl+underscore
build redo U,ctrl+y
build try_remedy f
build reasons w
build next_initializer i
build last_initializer I hidden
build next_activation v
build last_activation V hidden
build look_next c
build look_back C hidden
build enlarge_look z
build vary m,alt+m
build clear_marks M,alt+M
build edit_training t
build find_rate r
build explore y
build open_data o
build edit_data D
build edit_name n
build form_first tab hidden
build form_last shift+tab hidden
build move_up K,shift+up hidden
build move_down J,shift+down
train apply_remedy f
train next_1 5 hidden
train next_2 6 hidden
train next_3 7 hidden
train hide_next 0 hidden
train resume g
train step full_stop
train go_back b
train stop s
train change_settings O
train diagnosis w
train earlier left
train later right
train much_earlier shift+left hidden
train much_later shift+right hidden
train now end
train zoom_in plus
train zoom_out minus
train go_to_step G
train fold_module space
train fold_modules asterisk hidden
train next_kind v
train kind_before V hidden
train next_chart c
train last_chart C hidden
train pick_chart p
train enlarge z
train compare equals_sign
train rate_down left_square_bracket
train rate_up right_square_bracket
train rate_type l
train pace_faster right_curly_bracket
train pace_slower left_curly_bracket hidden
train rate_find r
train explore_layer y
train log_loss o
train smooth tilde
train draw d
train one_unit T
train confusion_fractions percent_sign
train one_scale A
train tiles_on greater_than_sign
train tiles_back less_than_sign hidden
train depth_lines i
train leave escape hidden
train layer_above up,k hidden
train layer_below down,j hidden
study mark space
study study_chart c
study promote p
study compare_settings equals_sign
study stop_study s
study stop_trial x
study resume_trial g
study more_seeds plus
study open_trial o
study study_back escape
study study_axis X
study study_quantity v
study study_layer greater_than_sign
study study_sort S
study study_enlarge z
study unfold right hidden
study fold left hidden
study study_chart_back C hidden
study study_quantity_back V hidden
study study_layer_back less_than_sign hidden
study row_above up,k hidden
study row_below down,j hidden
library item_open enter
library item_compare equals_sign
library item_filter slash
library item_resume g
library item_preset p
library item_fold f
library item_mark space
library item_preview z
library item_sort S
library item_reverse R hidden
library item_all escape
library item_new n
library item_duplicate d
library item_rename r
library item_tag number_sign
library item_delete x,delete
library item_undelete u
library tab_before left hidden
library tab_after right
list pick enter
list no_pick escape
list pick_up up,shift+tab hidden
list pick_down down,tab hidden
list pick_page_up pageup hidden
list pick_page_down pagedown hidden
vary take_values enter
vary no_values escape
vary other_scope tab,shift+tab
vary tune_rates ctrl+l
vary tick_all ctrl+t
vary offer_up up hidden
vary offer_down down hidden
vary offer_page_up pageup hidden
vary offer_page_down pagedown hidden
note note_done escape
finder take_rate enter
finder leave_finder escape,q
explorer take_activation enter
explorer leave_explorer escape,q
explorer activation_back up,k hidden
explorer activation_next down,j hidden
explorer activation_add a hidden
explorer x_left left,h hidden
explorer x_right right,l hidden
explorer narrower plus hidden
explorer wider minus hidden
explorer value_down left_square_bracket hidden
explorer value_up right_square_bracket hidden
explorer parameter_next tab hidden
files take_file enter
files leave_files escape
files folder_up ctrl+u hidden
files flip tab hidden
opening browse tab hidden
dialog cancel escape
dialog answer_yes y
dialog answer_no n
dialog other_before left,up,h,k hidden
dialog other_after right,down,l,j hidden
dialog apply_cure enter
dialog close_diagnosis escape,w,q
dialog cure_up up,k hidden
dialog cure_down down,j hidden
dialog diagnosis_up pageup hidden
dialog diagnosis_down pagedown,space hidden
dialog compare_curves enter,equals_sign hidden
help close_comparison escape,q,enter,equals_sign
help close_help escape,question_mark,f1
jump leave_jump escape,ctrl+g
any save ctrl+s first
any save_as -
any revert -
any open ctrl+o first
any toggle_lesson ctrl+l first
any next_step ctrl+n first
any place_build 1 hidden
any place_train 2 hidden
any place_library 3 hidden
any place_study 4 hidden
any help question_mark,f1
any jump ctrl+g first
any command_palette ctrl+p first
any toggle_dark -
any choose_theme -
any settings_file -
any save_chart ctrl+e hidden
any save_screenshot -
any export E hidden
any copy_preset -
any copy_command -
any copy_layers -
any suspend_process ctrl+z hidden first
any quit ctrl+q first
table cursor_up up,k hidden
table cursor_down down,j hidden
table cursor_first home hidden
table cursor_last end hidden
table page_up pageup hidden
table page_down pagedown hidden
"""


def of_chart(row: Action) -> bool:
    """True if a chart's view declares it: one that is new needs no line here."""
    return row.method.__module__.startswith("tuiml.tui.chart_views.")


def test_the_actions_are_these_in_this_order() -> None:
    help_strips(80, Look())  # imports those that are imported late
    lines = {
        f"{row.where} {row.id} {','.join(row.keys) or '-'}"
        f"{'' if row.shown else ' hidden'}{' first' if row.priority else ''}": row
        for row in actions()
    }
    listed = ACTIONS.split("\n")
    found = [line for line, row in lines.items() if line in listed or not of_chart(row)]
    assert sorted(found) == sorted(ACTIONS.strip().split("\n"))
    ranked = {line for line in found if lines[line].rank < LAST}  # others: as imported
    assert [line for line in found if line in ranked] == [line for line in listed if line in ranked]
    assert all(row.help.endswith(".") and cell_len(row.label) <= 18 for row in actions())


def test_an_action_is_declared_on_its_method_alone_and_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuiml.tui.keys._ACTIONS", {})

    class Some(Keyed):
        @action("f9", "tidy", "Tidy up.", "build")
        def action_tidy(self) -> None: ...

    assert [(binding.key, binding.action) for binding in Some.BINDINGS] == [("f9", "tidy")]
    assert [row.id for row in actions("build")] == ["tidy"]
    with pytest.raises(ValueError, match="two actions tidy"):

        class Other(Keyed):
            @action("f8", "tidy", "Tidy up as well.")
            def action_tidy(self) -> None: ...


def found(typed: str, picks: list[Pick]) -> list[str]:
    picker = Picker(picks)
    picker.type(typed)
    return [pick.name for pick in picker.found]


def test_a_picker_finds_names_first_then_other_names_then_help() -> None:
    picks = [
        Pick("Discard", also=("revert",)),
        Pick("Help", also=("help",), searched="Show all keys; how to undo."),
        Pick("Build: Undo", also=("undo",)),
        Pick("Undo", also=("undo",)),
        Pick("Remove", also=("undone",)),
        Pick("Last", title="Go and undo"),
    ]
    assert found("undo", picks) == ["Undo", "Build: Undo", "Last", "Remove", "Help"]
    assert found("rev", picks) == ["Discard"]
    assert found("nowhere", picks) == []
    assert found("", picks) == [pick.name for pick in picks]


def offered() -> dict[str, Action]:
    """Every action that the palette may offer, all at once."""
    return {row.id: row for row in actions() if row.where in palette.SCREENS + palette.FOCUSED}


def first(typed: str, where: str) -> Action:
    """What the palette finds first if every action can be done, those of one screen before the others."""
    rows = offered()
    picks = {
        palette.row(row, "" if row.where in (where, "any") else f"{row.where}: ", row.label, {}): row
        for row in sorted(rows.values(), key=lambda row: (row.where != where, row.where != "any"))
    }
    picker = Picker(list(picks))
    picker.type(typed)
    assert picker.chosen, typed
    return picks[picker.chosen]


@pytest.mark.parametrize("where", palette.SCREENS)
def test_the_label_of_an_action_finds_it_first(where: Where) -> None:
    for row in offered().values():
        assert first(row.label, where).label == row.label
        if row.where == where:
            assert first(row.label, where).where in (where, "any"), "that of another screen comes later"


def test_other_words_for_an_action_find_it() -> None:
    rows = offered()
    picks = {row.id: palette.row(row, "", row.label, {}) for row in rows.values()}
    for id, row in rows.items():
        for word in row.also:
            assert picks[id].name in found(word, list(picks.values())), (id, word)


def test_nothing_that_destroys_is_found_first_by_words_for_something_else() -> None:
    rows = offered()
    destructive = {id for id, row in rows.items() if row.destructive}
    assert {"revert", "item_delete", "stop", "stop_study", "stop_trial"} <= destructive
    for row in rows.values():
        if row.id not in destructive:
            own = (row.label, row.title, row.id.replace("_", " "), *row.also)
            for words in (*own, *(part for text in own for part in text.split() if len(part) > 3)):
                for where in palette.SCREENS:
                    top = first(words, where)
                    assert not top.destructive or words.casefold() in top.label, (words, row.id, top.id)


@pytest.mark.usefixtures("quick")
async def test_the_palette_finds_actions_by_name_and_discards_only_after_asking() -> None:
    document = named(str(preset("mine")))
    app = TuimlApp(document, client_factory=FakeTrainingClient)
    async with app.run_test(size=(120, 40)) as pilot:

        async def first(typed: str) -> str:
            await pilot.press("ctrl+p", *typed)
            chosen = app.screen.picker.chosen
            await pilot.press("escape")
            return chosen.name if chosen else ""

        assert await first("undo") == "", "nothing can be undone, and nothing else is called that"
        await pilot.press("down", "d", "u", "d")
        edited = document.raw
        for typed, name in [
            ("undo", "Undo"),
            ("save as", "Save as"),
            ("help", "Help"),
            ("add", "Add"),
            ("discard", "Discard"),
        ]:
            assert await first(typed) == name
        await pilot.press("u")
        assert await first("redo") == "Redo"
        await pilot.press("U")
        await pilot.press("ctrl+p", *"discard", "enter")
        await pilot.pause()
        assert isinstance(app.screen, ConfirmDialog)
        await pilot.press("n")
        assert document.raw == edited
        app.client.start(document.raw)
        await pilot.press("2")
        await pilot.pause()
        assert await first("stop") == "Stop"
        assert await first("compare") == "Compare"


@pytest.mark.usefixtures("quick")
async def test_a_name_typed_in_the_palette_and_enter_do_just_that() -> None:
    async with Bench.opened(named(str(preset("mine"))), keys=("down",)) as on:
        before = on.app.document.raw
        await on.press("d")
        edited = on.app.document.raw
        await on.press("ctrl+p", *"undo", "enter")
        await on.until(lambda: on.app.document.raw == before)
        await on.press("ctrl+p", *"redo", "enter")
        await on.until(lambda: on.app.document.raw == edited)
        await on.press("ctrl+p", *"save as", "enter")
        await on.until(lambda: isinstance(on.app.screen, NameDialog))
        assert on.app.document.dirty
        await on.press("escape", "ctrl+p", *"help", "enter")
        await on.until(lambda: isinstance(on.app.screen, HelpScreen))
        await on.press("escape")
        on.client.start(edited)
        await on.press("2", "ctrl+p", *"compare", "enter")
        await on.until(lambda: isinstance(on.app.screen, OpenDialog))
        await on.press("escape", "ctrl+p", *"stop", "enter")
        await on.until(lambda: "stop" in on.asked)
