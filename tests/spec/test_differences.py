"""The settings in which presets differ: as paths with values, and in words."""

import copy
from typing import Any

import pytest

from tuiml.spec.differences import described, differences, settings
from tuiml.spec.library import find


def changed(name: str = "mnist-relu-3", **training: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    base = find(name).document()
    other = copy.deepcopy(base)
    other["training"] |= training
    return base, other


def test_names_notes_and_ways_of_writing_are_no_difference() -> None:
    base, other = changed()
    other |= {"name": "else", "note": "else"}
    other["training"]["optimizer"] = {"name": base["training"]["optimizer"]}
    assert differences([base, other]) == []
    assert described(other, base) == ()


def test_any_number_of_presets_are_compared_at_once() -> None:
    base, one = changed(learning_rate=0.5)
    _, two = changed(batch_size=7)
    assert differences([base, one, two]) == [
        (
            "training.learning_rate",
            [base["training"]["learning_rate"], 0.5, base["training"]["learning_rate"]],
        ),
        ("training.batch_size", [base["training"]["batch_size"]] * 2 + [7]),
    ]


def test_a_choice_of_another_name_differs_as_a_whole_and_of_the_same_name_by_its_options() -> None:
    base, other = changed(optimizer={"name": "sgd", "momentum": 0.9})
    assert differences([base, other]) == [
        ("training.optimizer", [base["training"]["optimizer"], {"name": "sgd", "momentum": 0.9}])
    ]
    _, third = changed(optimizer={"name": "sgd", "momentum": 0.5})
    assert differences([other, third]) == [("training.optimizer.momentum", [0.9, 0.5])]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"optimizer": "sgd", "learning_rate": 0.0015}, ("sgd", "lr .0015")),
        ({"epochs": 3, "batch_size": 8, "seed": 5}, ("batch 8", "3 epochs", "seed 5")),
    ],
)
def test_what_differs_is_said_in_words(change: dict[str, Any], words: tuple[str, ...]) -> None:
    base, other = changed(**change)
    assert described(other, base) == words


def test_layers_are_said_in_words() -> None:
    base, other = changed()
    hidden = [layer for layer in other["layers"] if layer.get("units")]
    for layer in hidden:
        layer["initializer"], layer["units"] = "he_normal", 64
    assert described(other, base) == ("he_normal", "units 64")
    other["layers"].insert(1, {"type": "dropout"})
    assert described(other, base)[0] == f"{len(other['layers'])} layers"


def test_without_a_preset_it_is_said_what_it_is() -> None:
    _, other = changed(optimizer="adam", learning_rate=0.01)
    assert {"mnist", "adam", "lr .01"} <= set(described(other, None))


def test_documents_that_nobody_has_checked_can_be_compared() -> None:
    for odd in ({"layers": 3}, {"layers": [[1], {"a": [{}]}]}, {"training": []}, {"": {"": [None]}}, {}):
        base, _ = changed()
        described(odd, base)
        described(odd, None)
        differences([odd, base, {}])
        settings(odd)
