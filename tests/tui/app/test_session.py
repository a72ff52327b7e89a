"""Whole sessions in a real terminal, as a person has them."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tests.terminal import Terminal
from tuiml.spec.library import read


def app(home: Path, *arguments: str, columns: int = 120, lines: int = 40) -> Terminal:
    """``tuiml`` in a terminal of its own, with its folders below ``home``."""
    env = {**os.environ, "TUIML_HOME": str(home), "TERM": "xterm-256color", "COLUMNS": "", "LINES": ""}
    return Terminal([sys.executable, "-m", "tuiml", *arguments], columns=columns, lines=lines, env=env)


def test_edit_train_save_quit_and_come_back(tmp_path: Path) -> None:
    with app(tmp_path) as t:
        t.wait("digits-quickstart")
        t.wait("▸▌   0  flatten")
        t.press("j")
        t.wait("▸▌   1  dense")
        t.press("a")
        t.wait("Add a layer")
        t.press("enter")
        t.wait("▌   4  dense")
        t.press("escape")
        t.press("ctrl+s")
        t.wait("Save the preset as")
        t.press("my net")  # the suggestion is selected: typing replaces it
        t.wait("│ my net ")
        t.press("enter")
        t.wait(lambda text: "my net" in text and "Save the preset as" not in text)
        t.press("ctrl+r")
        t.wait("running")
        t.press("ctrl+r")
        t.wait("paused")
        t.press("ctrl+r")
        t.wait(lambda text: all(word in text for word in ("completed", "test accuracy", "loss")), 120)
        t.press("ctrl+q")
        assert t.wait_exit() == 0

    saved = read(tmp_path / "presets" / "my-net.toml")
    assert [layer["type"] for layer in saved["layers"]] == ["flatten", "dense", "dense", "dense", "dense"]
    (run,) = (tmp_path / "runs").iterdir()
    assert (run / "metrics.jsonl").read_text().count('"event": "epoch"') == saved["training"]["epochs"]

    with app(tmp_path) as t:
        t.wait("my net")
        t.press("1")
        t.wait("▌   4  dense")  # the stack as it was left
        t.press("3")
        t.wait(lambda text: "▸ my-net " in text and "Runs 1" in text)  # its run
        t.press("ctrl+q")
        assert t.wait_exit() == 0


def test_quitting_while_it_trains_leaves_no_process_and_a_whole_run(tmp_path: Path) -> None:
    with app(tmp_path, "spiral-playground", columns=80, lines=24) as t:
        t.wait("spiral-playground")
        t.press("ctrl+r")
        t.wait("running")
        t.wait("epoch")
        t.press("ctrl+q")
        assert t.wait_exit() == 0
    (run,) = (tmp_path / "runs").iterdir()
    assert '"event": "end"' in (run / "metrics.jsonl").read_text().splitlines()[-1]
    assert list(run.glob("checkpoint-*.safetensors"))


def test_a_study_is_opened_run_and_opened_again(tmp_path: Path) -> None:
    name = "study-initializers"
    begun = lambda text: re.search(r" [1-9]\d? of 54 runs", text) is not None  # noqa: E731
    with app(tmp_path, name) as t:
        t.wait(lambda text: f"{name} " in text and "4 Study" in text)
        t.wait(" 0 of 54 runs")
        t.press("ctrl+r")
        t.wait(begun, 60)
        t.press("ctrl+q")
        assert t.wait_exit() == 0
    assert (tmp_path / "studies" / name / "study.toml").is_file()
    with app(tmp_path, name) as t:
        t.wait(begun)
        t.press("ctrl+q")
        assert t.wait_exit() == 0


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
def test_it_draws_at_other_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    with app(tmp_path, columns=size[0], lines=size[1]) as t:
        screen = t.wait("? help")
        assert "digits-quickstart" in screen
        assert max(map(len, screen.splitlines())) <= size[0]
        t.press("?")
        t.wait("type to search")
        t.press("escape", "ctrl+q")
        assert t.wait_exit() == 0


def test_keys_typed_while_it_opens_are_not_lost_nor_echoed(tmp_path: Path) -> None:
    with app(tmp_path) as t:
        assert "flatten" not in t.wait("opening")
        t.press("down", "a")
        t.wait(lambda text: "Add a layer" in text and "▸▌   1  dense" in text)
        assert "[B" not in t.raw.decode(errors="replace").partition("\x1b[?1000h")[0].partition("opening")[2]
        t.press("escape", "ctrl+q")
        assert t.wait_exit() == 0
        assert t.left_on() == set()


def test_what_is_refused_while_it_opens_is_said_on_the_usual_screen(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("version = \n")
    with app(tmp_path, str(bad)) as t:
        assert t.wait_exit() == 2
        assert t.left_on() == set()
        assert "not TOML" in t.raw.decode(errors="replace").rpartition("\x1b[?1049l")[2]
