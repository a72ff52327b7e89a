"""A copied command line trains what the screen shows."""

import copy
import shlex

import pytest

from tests.tui.documents import raw
from tuiml.cli import main
from tuiml.spec.edit import assign
from tuiml.tui.model import commands
from tuiml.tui.model.document import Document


def edited(**changes):
    document = Document(raw(), origin="digits-quickstart")
    for path, value in changes.items():
        document.set(path.replace("__", "."), value)
    return document


def settings_of(command: str) -> list[str]:
    words = shlex.split(command)
    assert words[:3] == ["tuiml", "train", "digits-quickstart"]
    assert words[3::2] == ["--set"] * len(words[4::2])
    return words[4::2]


def test_an_unchanged_preset_needs_no_settings() -> None:
    assert commands.of_preset(edited()) == "tuiml train digits-quickstart"


@pytest.mark.parametrize(
    "changes",
    [
        {"training__learning_rate": 0.25},
        {"training__optimizer": {"name": "adam", "beta1": 0.8}},
        {"training__optimizer": "adam"},
        {"data": {"name": "xor"}},
        {"layers__0__activation": {"name": "leaky_relu", "negative_slope": 0.1}},
        {"note": 'it\'s "quoted"'},
        {"training__seed": 7, "training__batch_size": 8},
    ],
)
def test_every_edit_becomes_a_setting(changes) -> None:
    document = edited(**changes)
    found = raw()
    for setting in settings_of(commands.of_preset(document)):
        found = assign(found, setting)
    assert found | {"note": ""} == document.raw | {"note": ""}


def test_added_layers_are_in_the_command() -> None:
    document = edited()
    document.duplicate(0)
    found = raw()
    for setting in settings_of(commands.of_preset(document)):
        found = assign(found, setting)
    assert found == document.raw


def test_what_no_command_can_say_gives_none() -> None:
    assert commands.of_preset(Document(raw())) == "", "it has no name to give to tuiml train"
    document = edited()
    less = copy.deepcopy(document.raw)
    del less["training"]
    document.replace(less)
    assert commands.of_preset(document) == ""


def test_a_run_is_replayed_by_its_name(own_folders, capsys) -> None:
    assert main(["train", "spiral-playground", "--set", "training.epochs=1", "--run", "a b", "--quiet"]) == 0
    path = next((own_folders / "runs").iterdir())
    words = shlex.split(commands.of_run(str(path)))
    assert words == ["tuiml", "replay", path.name]
    assert main([*words[1:], "--quiet"]) == 0
    assert commands.of_run("/elsewhere/a b") == "tuiml replay '/elsewhere/a b'"
