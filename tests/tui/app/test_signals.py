"""However the app is ended from outside: the terminal is as it was, the state is saved, the run too."""

import json
import os
import signal
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest

from tests.terminal import Terminal
from tuiml.tui.model import settings

ENDING = [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT]


def opened(home: Path, *arguments: str) -> Terminal:
    env = {**os.environ, "TUIML_HOME": str(home), "TERM": "xterm-256color"}
    return Terminal([sys.executable, "-m", "tuiml", *arguments], env=env)


def modes(terminal: Terminal) -> list[Any]:
    return termios.tcgetattr(terminal._master)[:4]


def saved(home: Path) -> settings.Settings:
    return settings.load(home / "state.json")


@pytest.mark.parametrize("number", ENDING, ids=lambda n: n.name)
def test_a_signal_that_ends_it_restores_the_terminal_and_saves(
    tmp_path: Path, number: signal.Signals
) -> None:
    with opened(tmp_path) as t:
        before = modes(t)
        t.wait("▸▌   0  flatten")
        assert modes(t) != before
        t.press("j", "d")
        t.wait("▸▌   2  dense")
        os.kill(t.process.pid, number)
        assert t.wait_exit() == 128 + number
        assert modes(t) == before
        assert not t.screen.mode & {1049 << 5, 1000 << 5, 2004 << 5}, "alternate screen, mouse, paste"
        assert 25 << 5 in t.screen.mode, "the cursor is shown"
    document = saved(tmp_path).document
    assert document is not None
    assert document.dirty
    assert saved(tmp_path).row == 2


def test_a_run_is_whole_when_the_app_is_ended_by_a_signal(tmp_path: Path) -> None:
    with opened(tmp_path) as t:
        t.wait("? help")
        t.press("ctrl+r")
        t.wait("● running")
        os.kill(t.process.pid, signal.SIGTERM)
        assert t.wait_exit() == 128 + signal.SIGTERM
    (run,) = (tmp_path / "runs").iterdir()
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert (last["event"], last["reason"]) == ("end", "stopped")


def test_a_terminal_that_is_gone_is_an_end(tmp_path: Path) -> None:
    with opened(tmp_path) as t:
        t.wait("▸▌   0  flatten")
        t.press("j", "d")
        t.wait("▸▌   2  dense")
        os.close(t._master)
        t._master = os.open(os.devnull, os.O_RDONLY)
        assert t.process.wait(60) in (0, 128 + signal.SIGHUP)
    assert saved(tmp_path).row == 2


def test_after_a_suspension_the_screen_is_drawn_again(tmp_path: Path) -> None:
    with opened(tmp_path) as t:
        before = modes(t)
        t.wait("▸▌   0  flatten")
        raw = modes(t)
        until = time.monotonic() + 60
        assert t.suspend()
        assert modes(t) == before
        t.screen.reset()
        os.kill(t.process.pid, signal.SIGCONT)
        t.wait("▸▌   0  flatten")
        while modes(t) != raw and time.monotonic() < until:
            t._read(time.monotonic() + 0.02)
        assert modes(t) == raw
        t.press("j")
        t.wait("▸▌   1  dense")
        t.press("ctrl+q")
        assert t.wait_exit() == 0


def test_escape_alone_and_keys_that_begin_with_it(tmp_path: Path) -> None:
    with opened(tmp_path) as t:
        t.wait("▸▌   0  flatten")
        t.press("down", "enter")
        t.wait("esc back")
        t.press("escape")
        t.wait("d duplicate")
        t.press("down")
        t.wait("▸▌   2  dense")
        t.press("ctrl+q")
        assert t.wait_exit() == 0


def test_a_terminal_that_cannot_move_its_cursor_is_refused(tmp_path: Path) -> None:
    env = {**os.environ, "TUIML_HOME": str(tmp_path), "TERM": "dumb"}
    with Terminal([sys.executable, "-m", "tuiml"], env=env) as t:
        assert t.wait_exit() == 2
        assert "TERM=dumb" in t.text()
        assert len([line for line in t.text().splitlines() if line]) == 1
