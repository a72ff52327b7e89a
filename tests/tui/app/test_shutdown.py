"""However the app ends: the terminal as it was, the exit code right, nobody left behind, the work kept."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.terminal import Terminal
from tests.tui.app.failing_app import THERE, WAYS, WORDS
from tuiml.tui.model import settings

FALL = Path(__file__).with_name("failing_app.py")
ROOT = Path(__file__).parents[3]
LIMIT = 60.0
"""Seconds that a test waits for what happens at once on a machine with nothing else to do."""


def opened(home: Path, *command: str, **more: str) -> Terminal:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    env = {**os.environ, "TUIML_HOME": str(home), "TERM": "xterm-256color", "PYTHONPATH": path, **more}
    return Terminal(command or [sys.executable, "-m", "tuiml"], env=env)


def below(pid: int) -> set[int]:
    """Processes that come from another, however far."""
    lines = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True).stdout
    pairs = [tuple(map(int, line.split())) for line in lines.splitlines()]
    found = {pid}
    while more := {child for child, parent in pairs if parent in found} - found:
        found |= more
    return found - {pid}


def alive(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return bool(state.strip()) and not state.startswith("Z")


def nobody_left(pids: set[int]) -> None:
    until = time.monotonic() + LIMIT
    while left := {pid for pid in pids if alive(pid)}:
        assert time.monotonic() < until, f"still there: {left}"
        time.sleep(0.02)


def edited(terminal: Terminal) -> None:
    """One edit that is not saved: a layer twice."""
    terminal.wait("▸▌   0  flatten")
    terminal.press("j", "d")
    terminal.wait("▸▌   2  dense")


def training(terminal: Terminal) -> None:
    terminal.press("ctrl+r")
    terminal.wait("● running")


def fall(terminal: Terminal, home: Path) -> None:
    """Press the key for help, and wait until the fault is there."""
    terminal.press("?")
    until = time.monotonic() + LIMIT
    while not (home / THERE).exists():
        assert time.monotonic() < until
        terminal.read_for(0.02)


def kept(home: Path) -> bool:
    """Whether the next start has the edit."""
    document = settings.load(home / "state.json").document
    return document is not None and document.dirty and document.text.count("[[layers]]") == 5


def whole(home: Path) -> None:
    """The run in hand ended as if it had been asked to, and nothing half-written is there."""
    (run,) = (home / "runs").iterdir()
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert (last["event"], last["reason"]) == ("end", "stopped")
    assert list(home.rglob("*.part")) == []


def restored(terminal: Terminal, before: list[object]) -> None:
    assert terminal.attributes() == before
    assert terminal.left_on() == set()


SIGNALS = ["INT", "TERM", "HUP", "QUIT", "USR1", "USR2", "ALRM", "XCPU"]
TRAINING = {"TERM", "HUP"}


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal(tmp_path: Path, name: str) -> None:
    number = signal.Signals[f"SIG{name}"]
    with opened(tmp_path) as t:
        before = t.attributes()
        edited(t)
        assert t.attributes() != before
        assert t.left_on()
        if name in TRAINING:
            training(t)
        others = below(t.process.pid)
        assert len(others) >= (name in TRAINING)
        os.kill(t.process.pid, number)
        assert t.wait_exit() == 128 + number
        restored(t, before)
        nobody_left(others)
    assert kept(tmp_path)
    if name in TRAINING:
        whole(tmp_path)


FAULTS = [way for way in WAYS if way not in ("abort", "hang", "hang for long", "unsaved")]


@pytest.mark.parametrize("way", FAULTS)
def test_a_fault(tmp_path: Path, way: str) -> None:
    """The error is reported in a few lines; the traceback is in a file, and nothing is lost."""
    with opened(tmp_path, sys.executable, str(FALL), way) as t:
        before = t.attributes()
        edited(t)
        if way == "handler":
            training(t)
        others = below(t.process.pid)
        if way == "input":
            fall(t, tmp_path)  # the next key is the one that the thread fails at
        t.press("?")
        assert t.wait_exit() == 1
        restored(t, before)
        nobody_left(others)
        said = t.last_words()
    assert len(said) <= 5
    assert all(line.isprintable() for line in said)
    text = "\n".join(said)
    assert "tuiml: the app had to end: " in text
    named = {"memory": "MemoryError", "interrupt": "KeyboardInterrupt"}
    assert named.get(way, f"ValueError: {WORDS.replace(chr(27), '�')}") in text
    assert "your edits are saved" in text
    assert "Traceback (most" not in text
    (story,) = (tmp_path / "crashes").iterdir()
    assert "Traceback (most recent call last)" in story.read_text()
    assert story.name in "".join(said)
    assert kept(tmp_path)
    if way == "handler":
        whole(tmp_path)


def test_ctrl_q_while_training(tmp_path: Path) -> None:
    with opened(tmp_path) as t:
        before = t.attributes()
        edited(t)
        training(t)
        others = below(t.process.pid)
        t.press("ctrl+q")
        assert t.wait_exit() == 0
        restored(t, before)
        nobody_left(others)
    assert kept(tmp_path)
    whole(tmp_path)


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "training"])
def test_a_terminal_that_is_closed(tmp_path: Path, busy: bool) -> None:
    with opened(tmp_path) as t:
        edited(t)
        if busy:
            training(t)
        others = below(t.process.pid)
        t.hang_up()
        assert t.process.wait(LIMIT) == 128 + signal.SIGHUP
        nobody_left(others)
    assert kept(tmp_path)
    assert not (tmp_path / "crashes").exists()
    if busy:
        whole(tmp_path)


def test_a_shell_that_dies(tmp_path: Path) -> None:
    """The terminal goes with it, and whoever is in it."""
    with opened(tmp_path, "sh", "-c", f"{sys.executable} -m tuiml; :") as t:
        edited(t)
        training(t)
        others = below(t.process.pid)
        t.process.kill()
        t.process.wait()
        nobody_left(others)
    assert kept(tmp_path)
    whole(tmp_path)


def test_sigkill(tmp_path: Path) -> None:
    """The terminal cannot be helped; the edits are on the disk, and training ends by itself, saved."""
    with opened(tmp_path, sys.executable, str(FALL), "abort") as t:
        edited(t)
        training(t)
        others = below(t.process.pid)
        until = time.monotonic() + LIMIT
        while not (tmp_path / "state.json").exists() or not kept(tmp_path):
            assert time.monotonic() < until
            t._read(time.monotonic() + 0.01)
        t.press("?")
        assert t.wait_exit() == -signal.SIGKILL
        nobody_left(others)
    assert kept(tmp_path)
    whole(tmp_path)


def test_a_training_process_that_is_killed_does_not_end_the_app(tmp_path: Path) -> None:
    with opened(tmp_path) as t:
        before = t.attributes()
        edited(t)
        training(t)
        lines = subprocess.run(["ps", "-A", "-o", "pid=,args="], capture_output=True, text=True).stdout
        (worker,) = (
            int(line.split()[0])
            for line in lines.splitlines()
            if "tuiml.runs.training_process" in line and int(line.split()[0]) in below(t.process.pid)
        )
        os.kill(worker, signal.SIGKILL)
        t.wait("was killed by signal 9")
        others = below(t.process.pid)
        t.press("ctrl+q")
        assert t.wait_exit() == 0
        restored(t, before)
        nobody_left(others)


def test_an_app_that_is_stuck_ends_all_the_same(tmp_path: Path) -> None:
    with opened(tmp_path, sys.executable, str(FALL), "hang") as t:
        before = t.attributes()
        edited(t)
        training(t)
        others = below(t.process.pid)
        fall(t, tmp_path)
        os.kill(t.process.pid, signal.SIGTERM)
        assert t.wait_exit() == 128 + signal.SIGTERM
        restored(t, before)
        nobody_left(others)
    whole(tmp_path)


def test_two_signals_end_it_at_once(tmp_path: Path) -> None:
    """Without the second one this app would wait for an hour."""
    with opened(tmp_path, sys.executable, str(FALL), "hang for long") as t:
        before = t.attributes()
        edited(t)
        fall(t, tmp_path)
        os.kill(t.process.pid, signal.SIGINT)
        until = time.monotonic() + LIMIT
        while t.process.poll() is None and time.monotonic() < until:
            t.read_for(0.4)  # signals that come together count as one
            if t.process.poll() is None:
                os.kill(t.process.pid, signal.SIGTERM)
        assert t.wait_exit() == 128 + signal.SIGTERM
        restored(t, before)


def test_a_fault_on_the_way_out_of_a_fault(tmp_path: Path) -> None:
    with opened(tmp_path, sys.executable, str(FALL), "unsaved", TUIML_DEBUG="1") as t:
        before = t.attributes()
        edited(t)
        t.press("?")
        assert t.wait_exit() == 1
        restored(t, before)
        assert "Traceback (most recent call last):" in t.last_words()


TRIALS = int(os.environ.get("TUIML_SIGNAL_TRIALS", "8"))


def test_signals_at_any_moment(tmp_path: Path) -> None:
    """Before the screen is taken, while it is, and while the app leaves: never a traceback."""
    rng = random.Random(TRIALS)
    for trial in range(TRIALS):
        number = rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
        with opened(tmp_path) as t:
            before = t.attributes()
            # Python itself answers ctrl+c with a traceback until the first of our modules is there.
            t.read_for(rng.uniform(0.15, 1.2))
            os.kill(t.process.pid, number)
            if trial % 2:
                t.read_for(rng.uniform(0.0, 0.3))
                if t.process.poll() is None:
                    os.kill(t.process.pid, number)
            assert t.wait_exit() in (128 + number, -number)
            restored(t, before)
            assert "Traceback" not in t.raw.decode(errors="replace"), t.text()


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGTSTP], ids=["SIGSTOP", "SIGTSTP"])
def test_stopped_and_awake_again(tmp_path: Path, number: signal.Signals) -> None:
    """The screen is drawn anew, keys work, training went on meanwhile, and the end is as ever."""
    with opened(tmp_path) as t:
        before = t.attributes()
        edited(t)
        inside, modes = t.attributes(), t.left_on()
        training(t)
        os.kill(t.process.pid, number)
        until, status = time.monotonic() + LIMIT, 0
        while not status and time.monotonic() < until:
            t._read(time.monotonic() + 0.02)  # it waits for its last words to be taken
            status = os.waitpid(t.process.pid, os.WUNTRACED | os.WNOHANG)[1]
        assert os.WIFSTOPPED(status)
        if number == signal.SIGTSTP:
            while t.left_on() and time.monotonic() < until:
                t._read(time.monotonic() + 0.02)  # what it wrote last may still be on its way
            restored(t, before)
        t.screen.reset()
        os.kill(t.process.pid, signal.SIGCONT)
        t.wait("2 Train")
        t.press("1")
        t.wait("▸▌   2  dense")
        assert t.attributes() == inside
        assert t.left_on() == modes
        others = below(t.process.pid)
        t.press("ctrl+q")
        assert t.wait_exit() == 0
        restored(t, before)
        nobody_left(others)
    whole(tmp_path)


@pytest.mark.skipif(not shutil.which("bash"), reason="job control is the shell's")
def test_ctrl_z_and_fg_in_a_shell(tmp_path: Path) -> None:
    with opened(tmp_path, "bash", "--norc", "-i", PS1="PROMPT> ") as t:
        t.wait("PROMPT>")
        t.press(f"{sys.executable} -m tuiml\r")
        edited(t)
        for back in ("fg", "bg; fg"):
            t.press("ctrl+z")
            t.wait("Stopped")
            assert t.left_on() <= {"2004"}, "the shell's own"
            t.screen.reset()
            t.press(f"{back}\r")
            t.wait("▸▌   2  dense")
        t.press("ctrl+q")
        t.wait("PROMPT>")
        t.press("echo code $?\r")
        t.wait("code 0")
    assert kept(tmp_path)
