"""What is written to a terminal, byte by byte, and the command that is run beside the training."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tuiml import environ
from tuiml.notify import hook, sequences
from tuiml.notify.hook import Hook
from tuiml.notify.notifier import Notifier, Wanted
from tuiml.runs import threads

XTERM = {"TERM": "xterm-256color"}
LIMIT = 30.0
"""Seconds that a command may take, which takes some milliseconds."""


# -- sequences --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "env", "expected"),
    [
        ("desktop", XTERM, "\x1b]9;tuiml: it is over\a"),
        ("desktop", {"TERM": "foot"}, "\x1b]777;notify;tuiml;it is over\a"),
        ("desktop", {"TERM": "rxvt-unicode-256color"}, "\x1b]777;notify;tuiml;it is over\a"),
        ("desktop", XTERM | {"VTE_VERSION": "7600"}, "\x1b]777;notify;tuiml;it is over\a"),
        ("osc9", {"TERM": "foot"}, "\x1b]9;tuiml: it is over\a"),
        ("osc777", XTERM, "\x1b]777;notify;tuiml;it is over\a"),
        ("osc9", XTERM | {"TMUX": "/tmp/t,1,0"}, "\x1bPtmux;\x1b\x1b]9;tuiml: it is over\a\x1b\\"),
        ("osc777", XTERM | {"STY": "1.s"}, "\x1bP\x1b]777;notify;tuiml;it is over\a\x1b\\"),
    ],
)
def test_a_notification_is_what_the_terminal_understands(
    way: str, env: dict[str, str], expected: str
) -> None:
    assert sequences.notification("it is over", way, env) == expected


@pytest.mark.parametrize(
    "hostile", ["a\x07b", "a\x1b]0;evil\x07", "a\x9cb", "a\x1b\\b", "a\nb", "a\u202eb", "\x00"]
)
def test_control_characters_of_a_name_never_reach_the_terminal(hostile: str) -> None:
    for made, ends in (
        (sequences.title(hostile), ("\x1b]2;", "\a")),
        (sequences.notification(hostile, "osc9", XTERM), ("\x1b]9;", "\a")),
        (sequences.notification(hostile, "osc777", XTERM), ("\x1b]777;", "\a")),
    ):
        assert made.startswith(ends[0])
        assert made.endswith(ends[1])
        assert made[len(ends[0]) : -1].isprintable()


def test_a_text_cannot_be_a_command_of_the_terminal_and_is_short() -> None:
    assert sequences.notification("4;1;50", "osc9", XTERM).startswith("\x1b]9;tuiml: ")
    assert sequences.notification("a;b", "osc777", XTERM) == "\x1b]777;notify;tuiml;a,b\a"
    assert len(sequences.title("x" * 10_000)) < 300


# -- the notifier -----------------------------------------------------------------------------------------


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def notifier(*ways: str, clock: Clock | None = None, **wanted: Any) -> tuple[Notifier, list[str]]:
    written: list[str] = []
    made = Notifier(Wanted(ways, **wanted), written.append, pytest.fail, clock or Clock())
    return made, written


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("TMUX", "STY", "VTE_VERSION"):
        monkeypatch.delenv(name, raising=False)


def test_nothing_is_written_unless_it_is_asked_for() -> None:
    found, written = notifier()
    assert not found.wanted
    found.keep_title("tuiml")
    found.title("a", now=True)
    found.tell("completed", "a", "/a", "it is over")
    found.restore_title()
    assert written == []


def test_the_title_is_set_once_a_second_and_given_back() -> None:
    clock = Clock()
    found, written = notifier("title", clock=clock)
    found.keep_title()
    found.title("1 %")
    clock.now += 0.9
    found.title("2 %")
    clock.now += 0.2
    found.title("3 %")
    found.title("done", now=True)
    found.title("done", now=True)
    found.restore_title()
    titles = [f"\x1b]2;{text}\a" for text in ("1 %", "3 %", "done")]
    assert written == ["\x1b[22;0t", *titles, "\x1b[23;0t"]


def test_after_a_suspension_the_last_title_is_set_again() -> None:
    found, written = notifier("title")
    found.keep_title("tuiml")
    found.title("45 %", now=True)
    found.restore_title()
    found.keep_title("tuiml")
    assert written[-2:] == ["\x1b[22;0t", "\x1b]2;45 %\a"]


@pytest.mark.parametrize("term", ["dumb", "linux", ""])
def test_a_terminal_that_would_print_it_gets_the_bell(term: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", term)
    found, written = notifier("bell", "title", "desktop")
    found.keep_title()
    found.title("a", now=True)
    found.tell("completed", "a", "/a", "it is over")
    found.restore_title()
    assert written == ["\a"]


def test_only_the_occasions_that_are_asked_for_are_told() -> None:
    found, written = notifier("bell", occasions=("diverged",))
    found.tell("completed", "a", "/a", "over")
    assert written == []
    found.tell("diverged", "a", "/a", "over")
    assert written == ["\a"]


# -- the hook ---------------------------------------------------------------------------------------------


def test_a_hook_finds_what_happened_and_its_output_goes_nowhere(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    line = f'echo shown; echo shown >&2; printf "%s|" "$TUIML_RUN" "$TUIML_EVENT" "$TUIML_PATH" > {out}; '
    line += f'printf "%s" "$TUIML_MESSAGE" >> {out}'
    found = Notifier(Wanted(hook=line), None, pytest.fail)
    found.tell("verdict", "my run", "/runs/my run", "dead\x1b units; $(touch /nowhere)")
    assert found._hook is not None
    found._hook.join(LIMIT)
    assert out.read_text() == "my run|verdict|/runs/my run|dead� units; $(touch /nowhere)"
    assert capfd.readouterr() == ("", "")


def test_a_hook_has_the_environment_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    for name in ("TUIML_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "1")  # so that it is put back
    monkeypatch.setenv("VECLIB_MAXIMUM_THREADS", "1")
    threads.limit(2)
    threads.limit(3)
    assert os.environ["OMP_NUM_THREADS"] == os.environ["OPENBLAS_NUM_THREADS"] == "1"
    out = tmp_path / "out"
    line = 'echo "$TUIML_THREADS|$OPENBLAS_NUM_THREADS|$OMP_NUM_THREADS|$TUIML_RUN"'
    made = Hook(f"{line} > {out}", pytest.fail)
    made.run({"TUIML_RUN": "mine"})
    made.join(LIMIT)
    assert out.read_text() == "||7|mine\n"
    monkeypatch.setenv("OMP_NUM_THREADS", "5")  # by the user's own program
    assert environ.of_user()["OMP_NUM_THREADS"] == "5"


def test_a_list_is_a_program_and_its_arguments_without_a_shell(tmp_path: Path) -> None:
    out = tmp_path / "out $HOME; x"
    said: list[str] = []
    made = Hook([sys.executable, "-c", "import sys; open(sys.argv[1], 'w').close()", str(out)], said.append)
    made.run({})
    made.join(LIMIT)
    assert out.exists()
    assert said == []


def test_a_hook_does_not_hold_up_the_training(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    made = Hook(f"while [ ! -e {gate} ]; do sleep 0.01; done", pytest.fail)
    made.run({})
    made.join(0.0)
    (thread,) = made._waiting
    assert thread.is_alive(), "it was not waited for"
    assert thread.daemon, "nor is it at the end of the process"
    gate.touch()
    made.join(LIMIT)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("exit 3", "exit code 3"),
        ("kill -9 $$", "ended by signal 9"),
        (["/nonexistent/program"], "No such file or directory"),
        (["a\0b"], "embedded null byte"),
    ],
)
def test_a_failure_is_said_once(command: str | list[str], why: str) -> None:
    said: list[str] = []
    made = Hook(command, said.append)
    for _ in range(3):
        made.run({})
        made.join(LIMIT)
    (text,) = said
    assert text.startswith("the hook failed: ")
    assert text.endswith(why)
    assert text.isprintable()


def test_so_many_run_at_a_time_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook, "MOST_AT_ONCE", 2)
    said: list[str] = []
    gate = tmp_path / "gate"
    made = Hook(f"echo x >> {tmp_path}/ran; while [ ! -e {gate} ]; do sleep 0.01; done", said.append)
    for _ in range(3):
        made.run({})
    assert said == [f"the hook failed: {made._shown[:60]}: 2 of them still run, so it was left out"]
    gate.touch()
    made.join(LIMIT)
    assert (tmp_path / "ran").read_text() == "x\nx\n"
