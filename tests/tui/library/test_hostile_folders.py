"""Folders of presets and of runs with anything in them: listed in no time, on screen and command line."""

import json
import os
import random
import sys
import time
from pathlib import Path

import pytest

from tests.terminal import Terminal
from tests.tui.fake_training_client import FakeTrainingClient
from tests.tui.files_on_disk import preset, run
from tests.tui.hostile_text import ALL, STRINGS, assert_harmless, document, end, events
from tuiml.cli import main
from tuiml.spec import dumps
from tuiml.tui.app.app import TuimlApp

pytestmark = pytest.mark.usefixtures("quick")
NAMES = ["[@click=app.quit]x[bold", "\x1b]0;pwned\x07", "two\nlines", "\u202eevil", "\x9b31m"]
NAMES += ["x" * 200, "字" * 60]


def fill(home: Path) -> None:
    """Good ones among bad ones."""
    preset("good")
    run("good-run")
    presets, runs = home / "presets", home / "runs"
    text = ALL.encode(errors="replace").decode()
    for name in NAMES:
        (presets / f"{name}.toml").write_text(dumps(document(text)))
        folder = runs / name
        folder.mkdir()
        (folder / "preset.toml").write_text(dumps(document(text)))
        lines = [event.to_json() for event in (*events(ALL, random.Random(0)), end(ALL))]
        (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    os.mkfifo(presets / "pipe.toml")
    (presets / "zero.toml").symlink_to("/dev/zero")
    (presets / "loop.toml").symlink_to(presets / "loop.toml")
    (presets / "folder.toml").mkdir()
    (presets / os.fsdecode(b"\xff\xfe.toml")).write_bytes(b"\xff")
    with (presets / "huge.toml").open("wb") as file:
        file.truncate(10**10)
    good = (runs / "good-run" / "preset.toml").read_bytes()
    for name, make in {
        "sparse": lambda path: os.truncate(path, 10**8) if path.touch() is None else None,
        "pipe": os.mkfifo,
        "zero": lambda path: path.symlink_to("/dev/zero"),
        "folder": lambda path: path.mkdir(),
        "deep": lambda path: path.write_text("[" * 100_000 + "\n"),
    }.items():
        (runs / name).mkdir()
        (runs / name / "preset.toml").write_bytes(good)
        make(runs / name / "metrics.jsonl")
    (runs / "pipes").mkdir()
    os.mkfifo(runs / "pipes" / "preset.toml")
    (runs / "link").symlink_to(runs / "link")


@pytest.mark.parametrize(
    "command",
    [["presets"], ["runs"], ["presets", "--json"], ["runs", "--json"]],
    ids=lambda words: " ".join(words),
)
def test_listed_on_the_command_line(own_folders, capsys, command):
    fill(own_folders)
    began = time.monotonic()
    assert main(command) == 0
    assert time.monotonic() - began < 10
    said = capsys.readouterr()
    assert "good" in said.out
    assert all(line.isprintable() for line in (said.out + said.err).splitlines())


@pytest.mark.parametrize("command", [["show"], ["train"], ["resume"], ["probe"]], ids=lambda words: words[0])
@pytest.mark.parametrize("text", [STRINGS[0], STRINGS[4], STRINGS[6], STRINGS[7]], ids=range(4))
def test_a_hostile_word_on_the_command_line(own_folders, capsys, command, text):
    assert main([*command, text]) == 2
    said = capsys.readouterr()
    assert all(line.isprintable() for line in (said.out + said.err).splitlines())


async def test_listed_on_the_screen(own_folders):
    """Each is gone to and opened; the app stays quick and whole."""
    fill(own_folders)
    app = TuimlApp(client_factory=FakeTrainingClient)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("3")
        for _ in range(60):
            await pilot.press("down")
            await pilot.pause()
            assert_harmless(app, "the library")
        app.leave(0)


def test_what_reaches_a_terminal(own_folders):
    """All bytes that the app writes: its own sequences, and no others."""
    fill(own_folders)
    path = os.pathsep.join(filter(None, [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH")]))
    env = {**os.environ, "TUIML_HOME": str(own_folders), "TERM": "xterm-256color", "PYTHONPATH": path}
    with Terminal([sys.executable, "-m", "tuiml"], env=env) as t:
        t.wait("? help")
        t.press("3")
        t.wait("@click=app.")
        for _ in range(30):
            t.press("down")
            t.read_for(0.03)
        for key in ("ctrl+o", "escape", "?", "escape", "1", "ctrl+q"):
            t.press(key)
            t.read_for(0.1)
        assert t.wait_exit() == 0
        written = t.raw.decode().replace("\x1b[2J", "", 1)  # tuiml clears the screen before its first line
    for bad in ("\x1b]0;", "\x1b[31m", "\x1b[2J", "\x07pwned", "\u202e", "\u2066", "\u200d"):
        assert bad not in written, repr(bad)
    assert not [c for c in written if "\x80" <= c < "\xa0"]
