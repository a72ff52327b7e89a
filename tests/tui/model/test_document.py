"""The edited preset: edits at any place, whatever is there; undo and redo; rows that never fail."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.spec import random_documents
from tests.tui.documents import raw
from tuiml.data.datasets import datasets
from tuiml.nn.activations import activations
from tuiml.nn.initializers import initializers
from tuiml.nn.layers import layers
from tuiml.nn.optimizers import optimizers
from tuiml.tui.build.sections import sections
from tuiml.tui.model.document import Document


def document(**changes: Any) -> Document:
    return Document(raw(**changes))


def test_rows_have_shapes_and_parameters_and_the_units_of_the_last_layer() -> None:
    rows = document().rows()
    assert [(row.type, row.units, row.output_shape, row.parameters) for row in rows] == [
        ("flatten", "", (64,), 0),
        ("dense", "64", (64,), 64 * 64 + 64),
        ("dense", "10", (10,), 64 * 10 + 10),
    ]
    assert rows[1].title == "dense 64 relu"
    assert rows[1].initializer == "glorot_uniform"


def test_rows_know_what_they_can_where_a_layer_is_wrong() -> None:
    found = document()
    found.set("layers[1].units", "many")
    wrong, after = found.rows()[1:]
    assert "'many'" in (wrong.problem or "")
    assert wrong.output_shape is None
    assert wrong.activation == "relu"
    assert (after.type, after.parameters) == ("dense", None)


@pytest.mark.parametrize(
    ("path", "value", "where", "what"),
    [
        ("training.learning_rate", 0.1, ("training",), {"optimizer": "sgd", "learning_rate": 0.1}),
        ("training.optimizer.momentum", 0.9, ("training", "optimizer"), {"name": "sgd", "momentum": 0.9}),
        ("layers[1].activation.negative_slope", 0.2, ("layers", 1, "activation"),
         {"name": "relu", "negative_slope": 0.2}),
        ("data.train", 100, ("data",), {"name": "digits", "train": 100}),
        ("name", "other", ("name",), "other"),
    ],
)  # fmt: skip
def test_set_puts_a_value_at_its_path(path: str, value: Any, where: tuple[Any, ...], what: Any) -> None:
    found = document()
    before = copy.deepcopy(found.raw)
    kept = found.raw
    found.set(path, value)
    there: Any = found.raw
    for part in where:
        there = there[part]
    assert there == what
    assert found.get(path) == value
    assert kept == before, "the document of before must not change in place"


def test_an_option_of_a_default_choice_gets_its_name_beside_it() -> None:
    found = document()
    found.set("layers[1].initializer.scale", 2.0, {"layers[1].initializer": "normal"})
    assert found.raw["layers"][1]["initializer"] == {"name": "normal", "scale": 2.0}


def test_an_option_taken_away_leaves_the_name_alone() -> None:
    found = document()
    found.set("training.optimizer.momentum", 0.9)
    found.unset("training.optimizer.momentum")
    assert found.raw["training"]["optimizer"] == "sgd"


@pytest.mark.parametrize("broken", [5, "text", [1, 2], {"a": 1}, None])
def test_settings_reach_a_place_that_holds_nonsense(broken: Any) -> None:
    found = document(training=broken, data=broken, layers=broken)
    found.set("training.epochs", 3)
    found.choose("data", "xor", datasets)
    found.add(-1, {"type": "dense"})
    assert found.raw["training"]["epochs"] == 3
    assert found.raw["data"]["name"] == "xor"
    assert found.raw["layers"][0] == {"type": "dense"}


def test_a_choice_keeps_the_options_the_new_one_has_and_gets_back_the_others() -> None:
    found = document()
    found.set("training.optimizer", {"name": "adam", "beta1": 0.8, "eps": 1e-6})
    found.seal()
    start = found.raw
    found.choose("training.optimizer", "adadelta", optimizers)
    assert found.raw["training"]["optimizer"] == {"name": "adadelta", "eps": 1e-6}
    found.choose("training.optimizer", "sgd", optimizers)
    assert found.raw["training"]["optimizer"] == "sgd"
    found.choose("training.optimizer", "adam", optimizers)
    assert found.raw == start


def test_going_through_kinds_of_layers_is_one_step_and_loses_nothing() -> None:
    found = document()
    start = found.raw
    for kind in ("dropout", "flatten", "dropout"):
        found.choose("layers[1]", kind, layers)
    assert found.raw["layers"][1] == {"type": "dropout"}
    found.undo()
    assert found.raw == start
    assert not found.history.can_undo


def test_consecutive_settings_of_one_place_are_one_step() -> None:
    found = document()
    for text in ("1", "12", "128"):
        found.set("layers[1].units", int(text))
    found.set("training.epochs", 3)
    assert found.undo()
    assert found.raw["layers"][1]["units"] == 128
    assert found.undo()
    assert found.raw == raw()
    assert not found.undo()
    assert found.redo()
    assert found.redo()
    assert found.raw["training"]["epochs"] == 3
    assert not found.redo()


def test_a_setting_after_the_field_was_left_is_another_step() -> None:
    found = document()
    found.set("layers[1].units", 1)
    found.seal()
    found.set("layers[1].units", 2)
    found.undo()
    assert found.raw["layers"][1]["units"] == 1


def test_what_is_typed_back_leaves_no_step() -> None:
    found = document()
    found.set("layers[1].units", 6)
    found.set("layers[1].units", 64)
    assert not found.history.can_undo
    assert not found.dirty


def test_a_new_edit_forgets_what_was_taken_back() -> None:
    found = document()
    found.duplicate(1)
    found.undo()
    found.remove(0)
    assert not found.history.can_redo


def test_layers_are_added_duplicated_moved_and_removed() -> None:
    found = document()
    found.add(0, {"type": "dropout"})
    found.duplicate(2)
    assert [row.type for row in found.rows()] == ["flatten", "dropout", "dense", "dense", "dense"]
    assert found.move(1, 1)
    assert [row.type for row in found.rows()] == ["flatten", "dense", "dropout", "dense", "dense"]
    assert not found.move(0, -1)
    assert not found.move(4, 1)
    found.remove(2)
    found.remove(99)
    assert found.count == 4
    found.raw["layers"][1]["units"] = 7
    assert found.raw["layers"][2]["units"] == 64, "a duplicate shares nothing with its original"


def test_dirty_is_what_differs_from_the_file(tmp_path: Any) -> None:
    found = document()
    found.set("training.epochs", 3)
    assert found.dirty
    found.saved(tmp_path / "a.toml")
    assert not found.dirty
    found.undo()
    assert found.dirty
    found.redo()
    assert not found.dirty


def test_a_key_that_no_path_can_name_can_be_taken_away() -> None:
    found = document(**{"odd. key[": 1})
    assert found.preset is None
    found.remove_key("", "odd. key[")
    assert found.preset is not None


def test_text_of_the_file_is_harmless_in_rows_and_name() -> None:
    found = document(name="a\x1b[31m", layers=[{"type": "den\x07se", "activation": "\x9b0m"}])
    shown = found.name + found.rows()[0].title
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\x9b" not in shown


edits = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(-1, 4), st.sampled_from(layers.names())),
        st.tuples(st.just("duplicate"), st.integers(0, 4)),
        st.tuples(st.just("remove"), st.integers(0, 4)),
        st.tuples(st.just("move"), st.integers(0, 4), st.sampled_from([-1, 1])),
        st.tuples(st.just("set"), st.sampled_from(["units", "rate", "bias"]), st.integers(-2, 9)),
        st.tuples(st.just("pick"), st.sampled_from(activations.names())),
        st.tuples(st.just("draw"), st.sampled_from(initializers.names())),
    ),
    max_size=12,
)


@given(st.one_of(random_documents.valid(), random_documents.broken(), random_documents.loose()), edits)
def test_any_edit_of_any_document_is_taken_back_to_the_letter(start: Any, steps: list[Any]) -> None:
    found = Document(start if isinstance(start, dict) else {"layers": start})
    before = copy.deepcopy(found.raw)
    for step in steps:
        match step:
            case ("add", after, kind):
                found.add(after, {"type": kind})
            case ("duplicate", index):
                found.duplicate(index)
            case ("remove", index):
                found.remove(index)
            case ("move", index, by):
                found.move(index, by)
            case ("set", key, value):
                found.set(f"layers[0].{key}", value)
            case ("pick", name):
                found.choose("layers[0].activation", name, activations)
            case ("draw", name):
                found.choose("layers[0].initializer", name, initializers)
        assert len(found.rows()) == found.count
        for index in range(-1, found.count + 1):
            assert sections(found, index)
    after = copy.deepcopy(found.raw)
    while found.undo():
        pass
    assert found.raw == before
    while found.redo():
        pass
    assert found.raw == after
