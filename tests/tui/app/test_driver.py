"""The keyboard: bytes that no key has are passed over, and the keys after them still work."""

import os
import sys
from pathlib import Path

import pytest

from tests.terminal import Terminal
from tuiml.tui.app.driver import MOST_CELLS, KeyParser

GARBAGE = [
    "\x1b[97;1:3u",
    "\x1b[97:65u",
    "\x1b[1;2:3A",
    "\x1b[1114112u",
    "\x1b[99999999999999999999u",
    "\x1b[97;;1114112u",
    "\x1b[55296u",
    "\x1b[97;1;55296u",
    f"\x1b[<0;{MOST_CELLS + 2};1M",
    "\x1b[<0;99999999999999999999;1M",
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_what_is_no_key_is_passed_over(garbage: str) -> None:
    parser = KeyParser()
    assert [m.key for m in parser.feed(f"{garbage}b\x1b[97;5u\x1b[A")] == ["b", "ctrl+a", "up"]


def test_a_click_on_a_screen_without_pixels_is_passed_over() -> None:
    parser = KeyParser()
    assert len(list(parser.feed("\x1b[48;40;120;0;0t\x1b[<0;1;1M"))) == 1


def test_the_app_goes_on_after_such_bytes(tmp_path: Path) -> None:
    env = {**os.environ, "TUIML_HOME": str(tmp_path), "TERM": "xterm-256color", "COLUMNS": "", "LINES": ""}
    with Terminal([sys.executable, "-m", "tuiml"], env=env) as t:
        t.wait("▸▌   0  flatten")
        t.press(*GARBAGE, "\x1b[48;0;0;0;0t", "\x1b[48;99999;99999;1;1t", "j")
        t.wait("▸▌   1  dense")
        t.press("ctrl+q")
        assert t.wait_exit() == 0
