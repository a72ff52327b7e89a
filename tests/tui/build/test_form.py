"""The form without a screen: what follows from the registry, what typed text becomes, where focus goes."""

from typing import Any

import pytest
from rich.cells import cell_len
from rich.style import Style

from tests.tui.documents import raw
from tuiml.nn.activations import activations
from tuiml.nn.class_weights import class_weights
from tuiml.nn.layers import layers
from tuiml.nn.optimizers import optimizers
from tuiml.nn.schedules import schedules
from tuiml.registry import options_of
from tuiml.tui.build.sections import layer_section, sections, training_section
from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.text import wrap
from tuiml.tui.model.document import Document
from tuiml.tui.widgets.fields import Field, parse
from tuiml.tui.widgets.form_model import FormModel
from tuiml.tui.widgets.form_render import Styles, View, draw
from tuiml.tui.widgets.line_edit import LineEdit
from tuiml.tui.widgets.picker import Picker


class Editing:
    """A form over a document, as Build joins them."""

    def __init__(self, row: int = 1, **changes: Any) -> None:
        self.document = Document(raw(**changes))
        self.row = row
        self.form = FormModel(self.apply)
        self.show()

    def show(self) -> None:
        self.form.show(sections(self.document, self.row))

    def apply(self, field: Field, value: Any) -> None:
        if value is None:
            self.document.unset(field.path)
        elif field.registry:
            self.document.choose(field.path, value, field.registry, field.names)
        else:
            self.document.set(field.path, value, field.names)
        self.show()

    def at(self, path: str) -> Field:
        self.form.go(next(i for i, f in enumerate(self.form.fields) if f.path == path))
        field = self.form.field
        assert field is not None
        return field

    def type(self, text: str) -> None:
        for character in text:
            self.form.key(character, character)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.form.key(key, None)


def field(document: Document, path: str, row: int = 1) -> Field:
    found = [f for s in sections(document, row) for f in s.fields if f.path == path]
    assert len(found) == 1, path
    return found[0]


# -- fields from the registry ------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", list(layers), ids=lambda e: e.name)
def test_every_option_of_every_layer_has_a_field_with_help(entry: Any) -> None:
    document = Document(raw(layers=[{"type": entry.name}, {"type": "dense", "activation": "softmax"}]))
    found = {f.path: f for f in layer_section(document, 0).fields}
    for option in options_of(entry):
        assert found[f"layers[0].{option.name}"].help == option.help
    assert found["layers[0]"].text == entry.name


@pytest.mark.parametrize("entry", list(activations), ids=lambda e: e.name)
def test_options_of_a_choice_follow_it_indented(entry: Any) -> None:
    document = Document(raw(layers=[{"type": "dense", "units": 3, "activation": entry.name}]))
    fields = layer_section(document, 0).fields
    head = next(i for i, f in enumerate(fields) if f.path == "layers[0].activation")
    own = [f for f in fields[head + 1 :] if f.path.startswith("layers[0].activation.")]
    assert [f.label for f in own] == [o.name.replace("_", " ") for o in options_of(entry)]
    assert list(fields[head + 1 : head + 1 + len(own)]) == own
    assert {f.depth for f in own} <= {1}
    assert fields[head].pick is not None
    assert fields[head].pick.formula == entry.formula


@pytest.mark.parametrize("entry", list(optimizers), ids=lambda e: e.name)
def test_the_learning_rate_left_out_is_the_usual_one_of_the_optimizer(entry: Any) -> None:
    document = Document(raw(training={"optimizer": entry.name}))
    rate = next(f for f in training_section(document).fields if f.path == "training.learning_rate")
    assert float(rate.placeholder) == entry.rate
    assert rate.text == ""


@pytest.mark.parametrize("entry", schedules, ids=lambda e: e.name)
def test_every_schedule_has_its_options_in_the_form(entry: Any) -> None:
    document = Document(raw(training={"schedule": entry.name, "early_stopping": "val_loss"}))
    for option in options_of(entry):
        assert field(document, f"training.schedule.{option.name}").depth == 1
    assert field(document, "training.early_stopping.patience").placeholder == "5"
    assert field(document, "training.clip_norm").allowed == "a number above 0, at most 1,000,000"


def test_units_left_out_are_the_number_of_classes_on_the_last_layer_alone() -> None:
    document = Document(raw())
    assert field(document, "layers[2].units", 2).placeholder == "10"
    document.unset("layers[1].units")
    assert field(document, "layers[1].units", 1).placeholder == ""


def test_examples_left_out_are_as_many_as_there_will_be() -> None:
    document = Document(raw(data={"name": "digits", "validation": 50}))
    train, validation, _ = document.preset.data.sizes() if document.preset else (0, 0, 0)
    assert field(document, "data.train").placeholder == f"{train:,}"
    assert field(document, "data.validation").text == str(validation)


def test_a_key_that_is_not_known_is_shown_to_be_taken_away() -> None:
    document = Document(raw(training={"epoch": 3}))
    extra = field(document, "training.epoch")
    assert (extra.kind, extra.text, extra.key, extra.owner) == ("unknown", "3", "epoch", "training")


def test_a_problem_is_at_its_field_and_what_has_no_field_at_the_heading() -> None:
    document = Document(raw(layers=[{"type": "dense", "units": 0}], training=7))
    assert "0 is not allowed" in (field(document, "layers[0].units", 0).problem or "")
    assert any("7 is not a table" in text for text in training_section(document).problems)


# -- typing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", "128", 128),
        ("int", "1,000", 1000),
        ("int", "1e3", 1000),
        ("int", "1.5", 1.5),
        ("int", " 7 ", 7),
        ("int", "seven", "seven"),
        ("float", "0.01", 0.01),
        ("float", "1e-3", 1e-3),
        ("float", "nan", "nan"),
        ("float", "inf", "inf"),
        ("float", "0,5", 0.5),
        ("float", "1,000", "1,000"),
        ("float", "1/8", 0.125),
        ("float", "1/0", "1/0"),
        ("int", "2**8", 256),
        ("int", "1_000", 1000),
        ("int", "1/3", 1 / 3),
        ("float", "", None),
        ("text", " two words ", " two words "),
    ],
)
def test_typed_text_becomes_the_value_it_means(kind: Any, text: str, value: Any) -> None:
    found = parse(Field("a", "a", kind, "", "", ""), text)
    assert found == value
    assert type(found) is type(value)


def test_each_key_is_applied_and_checked_at_once() -> None:
    editing = Editing()
    editing.at("layers[1].units")
    editing.press("ctrl+u")
    assert "units" not in editing.document.raw["layers"][1]
    editing.type("12x")
    assert editing.document.raw["layers"][1]["units"] == "12x"
    assert editing.form.edit is not None
    assert editing.form.edit.text == "12x"
    assert "'12x' is not allowed" in (editing.form.field.problem or "" if editing.form.field else "")
    editing.press("backspace")
    assert editing.document.problems == []
    assert editing.document.undo()
    assert editing.document.raw == raw()


def test_text_on_its_way_to_a_number_is_not_rewritten() -> None:
    editing = Editing()
    editing.at("training.learning_rate")
    editing.type("1e")
    editing.type("-3")
    assert editing.form.edit is not None
    assert editing.form.edit.text == "1e-3"
    assert editing.document.raw["training"]["learning_rate"] == 0.001


def test_undo_shows_in_the_field_that_is_being_typed_into() -> None:
    editing = Editing()
    editing.at("layers[1].units")
    editing.type("8")
    editing.document.undo()
    editing.show()
    assert editing.form.edit is not None
    assert editing.form.edit.text == "64"


def test_an_option_of_a_default_choice_can_be_set() -> None:
    editing = Editing(training={})
    editing.at("training.optimizer.momentum")
    editing.type("0.9")
    assert editing.document.raw["training"]["optimizer"] == {"name": "sgd", "momentum": 0.9}
    assert editing.document.problems == []


# -- choosing ----------------------------------------------------------------------------------------------


def test_left_and_right_go_through_the_choices_and_round() -> None:
    editing = Editing()
    editing.at("layers[1].activation")
    editing.form.cycle(1)
    assert editing.document.get("layers[1].activation") == "leaky_relu"
    assert [f.label for f in editing.form.fields if f.depth][:1] == ["negative slope"]
    for _ in range(len(activations) - 1):
        editing.form.cycle(1)
    assert editing.document.get("layers[1].activation") == "relu"


def test_typing_narrows_the_open_list_and_enter_takes() -> None:
    editing = Editing()
    editing.at("layers[1].activation")
    editing.form.open()
    editing.type("elu")
    picker = editing.form.picker
    assert picker is not None
    assert picker.found[0].name == "elu", "what begins with it comes first"
    assert all("elu" in p.name for p in picker.found)
    editing.form.open()
    assert editing.document.get("layers[1].activation") == "elu"
    assert editing.form.picker is None


def test_nothing_that_matches_takes_nothing() -> None:
    editing = Editing()
    editing.at("layers[1].activation")
    editing.form.open()
    editing.type("zzz")
    editing.form.open()
    assert editing.document.raw == raw()


def test_a_switch_switches_and_a_default_can_be_left_out_again() -> None:
    editing = Editing()
    editing.at("layers[1].bias")
    editing.form.toggle()
    assert editing.document.get("layers[1].bias") is False
    assert editing.form.resettable
    editing.form.reset()
    assert editing.document.raw == raw()
    assert not editing.form.resettable


def test_the_kind_of_a_layer_can_be_changed_but_not_left_out() -> None:
    editing = Editing()
    editing.at("layers[1]")
    assert not editing.form.resettable
    editing.form.pick("dropout")
    assert editing.document.raw["layers"][1] == {"type": "dropout"}


# -- where the focus is ------------------------------------------------------------------------------------


def test_the_focus_stays_on_the_same_setting_from_layer_to_layer() -> None:
    editing = Editing(row=1)
    editing.at("layers[1].activation")
    editing.row = 2
    editing.show()
    assert editing.form.field is not None
    assert editing.form.field.path == "layers[2].activation"
    editing.row = 0
    editing.show()
    assert editing.form.field.path == "layers[0]"
    editing.row = 1
    editing.show()
    assert editing.form.field.path == "layers[1].activation"


def test_sections_are_entered_where_most_is_to_do() -> None:
    form = Editing().form
    entries = {"layers[": "layers[1].units", "data": "data", "training": "training.loss", "": "name"}
    for path, wanted in entries.items():
        number = form.entry_of(path)
        assert number is not None
        assert form.fields[number].path == wanted


def test_a_path_without_a_field_of_its_own_leads_to_the_nearest() -> None:
    form = Editing().form
    number = form.place_of("layers[1].activation.negative_slope")
    assert number is not None
    assert form.fields[number].path == "layers[1].activation"
    assert form.place_of("nowhere") is None


# -- drawing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1, 8, 20, 40, 84])
@pytest.mark.parametrize("unicode", [True, False])
def test_every_line_fits_and_what_is_wrong_is_said_with_a_sign(width: int, unicode: bool) -> None:
    editing = Editing(name="字" * 40, layers=[{"type": "dense", "units": -1, "activation": "rellu"}], row=0)
    look = Look(colour=False, unicode=unicode)
    for number in range(len(editing.form.fields)):
        editing.form.go(number)
        for opened in (False, True):
            if opened and not editing.form.open():
                continue
            form = editing.form
            view = View(form.sections, form.focus, True, form.edit, form.picker, width, 20, look, Styles())
            text = ["".join(part for part, _ in line.parts) for line in draw(view)]
            if width >= 40:
                assert all(cell_len(line) <= width for line in text)
                assert any(look.glyphs.up in line for line in text)
            if not unicode:
                assert all(line.isascii() for line in text)
            form.picker = None


def test_wrapped_text_loses_no_letter() -> None:
    text = "a bb ccc " + "d" * 50 + " 字字字字字字"
    lines = wrap(text, 10)
    assert all(cell_len(line) <= 10 for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


# -- the line and the list ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "text", "caret"),
    [
        (["left", "backspace"], "one tw three", 6),
        (["home", "delete"], "ne two three", 0),
        (["ctrl+w"], "one two ", 8),
        (["ctrl+left", "ctrl+left", "ctrl+k"], "one ", 4),
        (["ctrl+left", "ctrl+u"], "three", 0),
        (["home", "ctrl+right", "ctrl+f"], "one three", 3),
        (["left"] * 99, "one two three", 0),
        (["right", "end", "ctrl+d"], "one two three", 13),
    ],
)
def test_keys_that_edit_a_line(keys: list[str], text: str, caret: int) -> None:
    edit = LineEdit("one two three")
    if keys == ["left", "backspace"]:
        edit = LineEdit("one two three")
        edit.caret = 8
    for key in keys:
        assert edit.key(key, None)
    assert (edit.text, edit.caret) == (text, caret)


def test_a_line_takes_no_control_character_and_no_more_than_its_limit() -> None:
    edit = LineEdit("ab", limit=4)
    edit.insert("\x1b[31mc\n")
    assert edit.text == "ab[3"
    assert not edit.key("f5", None)
    assert not edit.takes("escape", "\x1b")


@pytest.mark.parametrize(
    ("keys", "text"), [(["7"], "7"), (["backspace"], ""), (["end", "7"], "647"), (["left", "backspace"], "4")]
)
def test_a_selected_text_is_replaced_by_what_is_typed(keys: list[str], text: str) -> None:
    edit = LineEdit("64", selected=True)
    for key in keys:
        assert edit.key(key, key if len(key) == 1 else None)
    assert edit.text == text


@pytest.mark.parametrize("width", [2, 5, 9])
def test_the_window_of_a_long_line_holds_the_caret(width: int) -> None:
    edit = LineEdit("abc字字defghijkl")
    for caret in range(len(edit.text) + 1):
        edit.caret = caret
        shown, at = edit.window(width)
        assert cell_len(shown) <= width
        assert cell_len(shown[:at]) < width
        assert shown[at : at + 1] in (edit.text[caret : caret + 1], "")


def test_the_list_scrolls_with_its_cursor() -> None:
    picker = Picker(Editing().at("layers[1].activation").picks, "softmax")
    assert picker.chosen is not None
    assert picker.chosen.name == "softmax"
    assert picker.cursor in picker.window(5)
    picker.move(-99)
    assert picker.window(5) == range(5)
    picker.type("soft")
    picker.rub_out()
    assert picker.filter == "sof"


@pytest.mark.parametrize("path", ["layers[1].activation", "layers[1].initializer"])
def test_the_formulas_of_a_list_begin_in_one_column_unless_a_name_is_long(path: str) -> None:
    picker = Picker(Editing().at(path).picks, "softmax")
    columns = {
        cell_len("".join(text for text, _ in picker.line(at, 36, Look(), Style(), Style())[:2]))
        for at, pick in enumerate(picker.found)
        if len(pick.name) < 14
    }
    assert len(columns) == 1


def test_the_chosen_line_of_a_list_has_the_colour_of_text() -> None:
    picker = Picker(Editing().at("layers[1].activation").picks, "relu")
    highlight, ground = Style(bgcolor="#dedede"), Style(color="#1a1a1a", bgcolor="#fafafa")
    (_, mark), (_, name), _ = picker.line(picker.cursor, 36, Look(dark=False), highlight, ground)
    assert mark.color == name.color == ground.color
    assert name.bgcolor == highlight.bgcolor


def test_a_long_path_shows_its_end() -> None:
    editing = Editing(data={"path": "/home/someone/data/of/the/year/wine.csv"})
    form = editing.form
    view = View(form.sections, form.focus, False, None, None, 40, 20, Look(), Styles())
    text = ["".join(part for part, _ in line.parts) for line in draw(view)]
    assert any(line.rstrip().endswith("year/wine.csv") for line in text if "path" in line)


def test_a_limit_that_is_not_set_is_none() -> None:
    form = Editing().form
    view = View(form.sections, form.focus, False, None, None, 60, 20, Look(), Styles())
    text = ["".join(part for part, _ in line.parts) for line in draw(view)]
    assert any(line.split() == ["clip", "norm", "none"] for line in text)


def test_class_weights_are_a_choice_and_manual_ones_are_typed():
    document = Document(raw())
    assert field(document, "training.class_weight").placeholder == "none"
    document.choose("training.class_weight", "manual", class_weights)
    assert "0 weights for" in (field(document, "training.class_weight").problem or "")
    assert field(document, "training.class_weight.weights").kind == "text"
    classes = document.data.classes
    document.set("training.class_weight.weights", ", ".join("2" for _ in classes))
    for given, shown in (({"0": 3.0}, "{'0': 3.0}"), ([1.0] * len(classes), "[1.0, 1.0, ")):
        short_form = Document(raw(training={"class_weight": given}))
        assert short_form.problems == []
        assert field(short_form, "training.class_weight").text.startswith(shown)
    assert document.problems == []
    assert document.preset.training.class_weight.of(classes, (1,) * len(classes)) == (2.0,) * len(classes)
