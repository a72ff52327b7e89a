"""The app notifies of its run as the settings say: each thing once, and the terminal gets its title back."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from tests.helpers import said_in
from tests.moons_preset import MOONS
from tests.terminal import Terminal
from tests.tui.bench import Bench
from tests.tui.documents import raw
from tests.tui.fake_study_client import FakeStudyClient
from tests.tui.recorded_events import FLAT, layer
from tuiml.spec import dumps
from tuiml.training.events import Snapshot
from tuiml.tui.model.document import Document
from tuiml.tui.model.preferences import Preferences
from tuiml.tui.process.child import TrainingProcessEnded

MARKS = re.compile(rb"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[2[23];0t|\x07|\x1b\[\?1049[hl]")
POINTER = "\x1b]22;"
"""Textual's: the shape of the mouse's pointer."""


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("TMUX", "STY", "VTE_VERSION"):
        monkeypatch.delenv(name, raising=False)


def listen(bench: Bench) -> list[str]:
    """What is written to the terminal from now on."""
    written: list[str] = []
    bench.app.current_run.notices.notifier._write = written.append
    return written


def bells(written: list[str]) -> int:
    return written.count("\a")


async def test_the_end_of_a_run_rings_and_is_shown_once() -> None:
    preferences = Preferences(notify=["bell", "title", "desktop"])
    async with Bench.opened(preferences=preferences, keys=("ctrl+r",)) as bench:
        written = listen(bench)
        bench.client.train(19)
        await bench.drawn()
        assert bells(written) == 0
        bench.client.train()
        await bench.drawn()
        assert written[-3:] == [
            "\x1b]2;tuiml a-run completed 50.0 %\a",
            "\a",
            "\x1b]9;tuiml: a-run: completed, test accuracy 50.00 %\a",
        ]
        before = len(written)
        await bench.press("3", "2")
        assert len(written) == before, "looking at it again is not another end"


async def test_by_default_nothing_is_written() -> None:
    async with Bench.opened(keys=("ctrl+r",)) as bench:
        written = listen(bench)
        bench.client.train(20)
        await bench.drawn()
        assert written == []


async def test_a_process_that_dies_is_told() -> None:
    async with Bench.opened(preferences=Preferences(notify=["osc9"]), keys=("ctrl+r",)) as bench:
        written = listen(bench)
        bench.app.post_message(TrainingProcessEnded("the training process was killed"))
        await bench.drawn()
        assert written == ["\x1b]9;tuiml: a-run: failed, the training process was killed\a"]


async def test_a_verdict_is_told_once_a_run() -> None:
    dead = layer(0.0, std=0.0, zeros=1.0, dead=1.0, saturated=0.0, gradient_norm=0.0)
    preferences = Preferences(notify=["bell", "osc9"], notify_on=["verdict"])
    async with Bench.opened(Document(raw()), preferences=preferences, keys=("ctrl+r",)) as bench:
        written = listen(bench)
        bench.client.train(2)
        for step in (2, 3, 4):
            bench.app.current_run.notices._diagnosis._at = -1.0  # as half a second later
            await bench.report(Snapshot(1, step, (FLAT, dead, layer())))
        told = [text for text in written if text != "\a"]
        assert len(told) == len(set(told)) == bells(written)
        assert any("dead units" in text for text in told)
        assert all(text.startswith("\x1b]9;tuiml: a-run: ") for text in told)
        bench.client.train(18)
        await bench.drawn()
        assert len(written) == 2 * len(told), "its end was not asked for"


async def test_the_end_of_a_study_is_told() -> None:
    preferences = Preferences(notify=["osc9"])
    async with Bench.opened(preferences=preferences, study_client_factory=FakeStudyClient) as bench:
        written, report = listen(bench), bench.app.study.client.report
        end = {"event": "study_end", "study": "tiny", "path": "/tiny", "reason": "completed"}
        report(**end)
        await bench.drawn()
        assert written == [], "not all of it is there"
        report(**end, seconds=1.0, trials=18, done=18, failed=0, diverged=1)
        await bench.drawn()
        assert written == ["\x1b]9;tuiml: tiny: completed, 18 trials, 1 diverged\a"]


def opened(home: Path, tmp_path: Path, settings: str, epochs: int) -> Terminal:
    (home / "settings.toml").write_text(f'pace = "full"\n{settings}')
    preset = MOONS | {"training": MOONS["training"] | {"epochs": epochs}}
    path = tmp_path / "small.toml"
    path.write_text(dumps(preset))
    return Terminal([sys.executable, "-m", "tuiml", str(path)], env={**os.environ, "TUIML_HOME": str(home)})


def marks(terminal: Terminal) -> list[str]:
    found = (mark.decode() for mark in MARKS.findall(bytes(terminal.raw)))
    return [mark for mark in found if not mark.startswith(POINTER)]


def test_in_a_terminal_the_hook_is_run_and_the_title_is_given_back(own_folders: Path, tmp_path: Path) -> None:
    out = own_folders / "out"
    hook = f'hook = ["sh", "-c", "echo shown; echo $TUIML_EVENT $TUIML_PATH > {out}"]\n'
    with opened(own_folders, tmp_path, f'notify = ["bell", "title"]\n{hook}', 3) as t:
        t.wait("? help")
        t.press("ctrl+r")
        t.wait("completed")
        t.wait(lambda _: "\a" in marks(t))
        t.press("ctrl+q")
        assert t.wait_exit() == 0
        found = marks(t)
    (run,) = (own_folders / "runs").iterdir()
    said_in(out, f"completed {run}\n")
    assert found[:3] == ["\x1b[?1049h", "\x1b[22;0t", "\x1b]2;tuiml\a"]
    assert found[-2:] == ["\x1b[23;0t", "\x1b[?1049l"]
    assert found.count("\a") == 1
    assert any(re.fullmatch(rf"\x1b]2;tuiml {run.name} completed [\d.]+ %\a", text) for text in found)


def test_suspended_and_killed_it_leaves_the_title_as_it_was(own_folders: Path, tmp_path: Path) -> None:
    with opened(own_folders, tmp_path, 'notify = ["title"]\n', 3) as t:
        t.wait("? help")
        assert t.suspend()
        assert marks(t)[-2:] == ["\x1b[23;0t", "\x1b[?1049l"]
        os.kill(t.process.pid, signal.SIGCONT)
        t.wait(lambda _: t.raw.count(b"\x1b[22;0t") == 2)
        os.kill(t.process.pid, signal.SIGTERM)
        assert t.wait_exit() == 128 + signal.SIGTERM
        assert t.raw.count(b"\x1b[22;0t") == t.raw.count(b"\x1b[23;0t") == 2


def test_without_the_setting_the_terminal_is_left_alone(own_folders: Path, tmp_path: Path) -> None:
    with opened(own_folders, tmp_path, "", 3) as t:
        t.wait("? help")
        t.press("ctrl+r")
        t.wait("completed")
        t.press("ctrl+q")
        assert t.wait_exit() == 0
        assert set(marks(t)) == {"\x1b[?1049h", "\x1b[?1049l"}
