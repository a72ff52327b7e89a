"""How quick the app feels, read from a pseudo-terminal: ``python -m tests.benchmarks.app``.

* start: from exec until the first line, the key bar and the layers of the preset are drawn, beside the
  smallest app that Textual can draw, in turns.
* key to screen while a preset trains: from a key until the row under the cursor is drawn.
* palette and help while it trains: from the key until the dialog is drawn.
* training: examples per second in the app beside ``tuiml train`` with the same preset, in turns, of the steps
  alone and of the whole run; and what it takes of the processors, which other programs disturb less.
* memory of the app's process while it trains (``--minutes``).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pty
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path
from typing import Self

SMALLEST = (
    "from textual.app import App; from textual.widgets import Static\n"
    "class Smallest(App):\n    def compose(self): yield Static('drawn')\n"
    "Smallest().run()"
)
PRESET = "mnist-sigmoid-3" if os.environ.get("TUIML_DATA") else "digits-quickstart"
CURSOR = "▸".encode()
"""Drawn before the row under the cursor of a table, and before nothing else on Train."""
SHORT = 0.02
"""Seconds of rest between two keys."""


class Session:
    """A program in a pseudo-terminal, whose output is read but not emulated."""

    def __init__(self, command: list[str], home: Path, size: tuple[int, int]) -> None:
        self.began = time.monotonic()
        self._written = b""
        self.pid, self._fd = pty.fork()
        if not self.pid:
            os.environ.update(TUIML_HOME=str(home), TERM="xterm-256color", TUIML_FAST="0")
            os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # it would compile all modules at every start
            os.environ["PYTHONPYCACHEPREFIX"] = str(home.parent / "compiled")
            os.execv(command[0], command)
        ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self.pid, signal.SIGTERM)
        with contextlib.suppress(OSError):
            while self._read(5.0):
                pass
        os.waitpid(self.pid, 0)
        os.close(self._fd)

    def press(self, key: str) -> None:
        self._written = b""
        os.write(self._fd, key.encode())

    def until(self, shown: bytes, limit: float = 60.0) -> float:
        """Seconds until ``shown`` was written, after what was waited for before.

        Raises:
            TimeoutError: it was not within ``limit`` seconds.
        """
        began = time.monotonic()
        while shown not in self._written:
            if time.monotonic() - began > limit:
                raise TimeoutError(f"{shown!r} was not written; the last bytes: {self._written[-300:]!r}")
            self._written = self._written[-300:] + self._read(limit)
        self._written = self._written.partition(shown)[2]
        return time.monotonic() - began

    def rest(self, seconds: float) -> None:
        """Read whatever comes for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._read(left)

    def _read(self, seconds: float) -> bytes:
        ready, _, _ = select.select([self._fd], [], [], seconds)
        return os.read(self._fd, 1 << 16) if ready else b""


@contextlib.contextmanager
def app(home: Path, size: tuple[int, int], *arguments: str) -> Iterator[Session]:
    """``tuiml`` in a pseudo-terminal."""
    with Session([sys.executable, "-m", "tuiml", *arguments], home, size) as session:
        yield session


def starts(home: Path, size: tuple[int, int], times: int) -> dict[str, list[float]]:
    """Seconds until each was drawn, of every start but the first."""
    found: dict[str, list[float]] = {"first line": [], "key bar": [], "layers": [], "smallest app": []}
    for turn in range(times + 1):
        shutil.rmtree(home, ignore_errors=True)
        with app(home, size) as session:
            seen = []
            for shown in (b"opening", b"help", b"flatten"):
                session.until(shown)
                seen.append(time.monotonic() - session.began)
        with Session([sys.executable, "-c", SMALLEST], home, size) as session:
            session.until(b"drawn")
            seen.append(time.monotonic() - session.began)
        if turn:
            for name, seconds in zip(found, seen, strict=True):
                found[name].append(seconds)
    return found


def keys(home: Path, size: tuple[int, int], seconds: float) -> dict[str, list[float]]:
    """Seconds from a key to the screen while a preset trains."""
    found: dict[str, list[float]] = {"key": [], "palette": [], "help": []}
    with app(home, size, PRESET) as session:
        session.until(b"flatten")
        session.press("\x12")
        session.until(b"epoch")
        session.rest(2.0)
        end, down = time.monotonic() + seconds, True
        while time.monotonic() < end:
            found["key"].append(_answer(session, "\x1b[B" if down else "\x1b[A", CURSOR))
            down = not down
            if len(found["key"]) % 10 == 0:
                found["palette"].append(_answer(session, "\x10", b"Actions"))
                session.press("\x1b")
                session.rest(0.3)
                found["help"].append(_answer(session, "?", b"type to search"))
                session.press("\x1b")
                session.rest(0.3)
    return found


def _answer(session: Session, key: str, shown: bytes) -> float:
    session.rest(SHORT)
    session.press(key)
    return session.until(shown, 5.0)


@dataclass
class Trained:
    """What a run of a preset took; seconds."""

    steps: float
    """Examples per second of the steps alone."""
    whole: float
    """Seconds from the folder of the run to its end: snapshots, inspections and evaluations too."""
    used: float
    """Of the processors by the process that trained, its start included."""
    screen: float = 0.0
    """Processor time of the app's own process per second."""


def trained(home: Path, size: tuple[int, int], times: int, epochs: int) -> dict[str, list[Trained]]:
    """Runs in the app and by ``tuiml train``, in turns."""
    found: dict[str, list[Trained]] = {"in the app": [], "tuiml train": []}
    for _ in range(times):
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        command = [sys.executable, "-m", "tuiml", "train", PRESET, "--set", f"training.epochs={epochs}"]
        env = {**os.environ, "TUIML_HOME": str(home), "TUIML_FAST": "0"}
        process = subprocess.Popen([*command, "--run", "line", "--quiet"], env=env, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{' '.join(command)} failed")
        made = home / "runs" / "line"
        found["tuiml train"].append(Trained(_speed(made), _seconds(made), used.ru_utime + used.ru_stime))
        found["in the app"].append(_trained_in_app(home, size, made / "preset.toml"))
    return found


def _trained_in_app(home: Path, size: tuple[int, int], preset: Path) -> Trained:
    """A run in the app, nobody pressing a key."""
    before = set((home / "runs").iterdir())
    with app(home, size, str(preset)) as session:
        session.until(b"help")
        session.press("\x12")
        session.until(b"epoch")
        began, busy = time.monotonic(), used(session.pid)
        session.until(b"completed", 3600.0)
        screen = (used(session.pid) - busy) / (time.monotonic() - began)
        by_child = sum(
            used(child) for child in _children(session.pid) if "training_process" in _command(child)
        )
    (made,) = set((home / "runs").iterdir()) - before
    return Trained(_speed(made), _seconds(made), by_child, screen)


def _speed(run: Path) -> float:
    """Examples per second of a run that is over."""
    last = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    return float(json.loads(last)["examples_per_second"])


def _seconds(run: Path) -> float:
    """Seconds from the first file of a run to its last line."""
    return (run / "metrics.jsonl").stat().st_mtime - (run / "preset.toml").stat().st_mtime


def used(pid: int) -> float:
    """Seconds of processor time of a process so far; Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _children(pid: int) -> list[int]:
    found = []
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in listed.read_text(encoding="utf-8").split()]
    return found


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")


def _compare(found: dict[str, list[Trained]], say: Callable[[str], None]) -> None:
    """Both ways to train, and the ratios of the pairs."""
    mine, line = found.values()
    for name, runs in found.items():
        say(_line(name, [run.steps for run in runs], "examples/s"))
        say(_line(f"{name}, used", [run.used for run in runs], "s of processor time"))
    say(_line("the app's process", [run.screen for run in mine], "% of a core", 100))
    ratios = [(a.steps / b.steps, b.whole / a.whole) for a, b in zip(mine, line, strict=True)]
    steps, whole = (statistics.median(ratio) for ratio in zip(*ratios, strict=True))
    say(f"in the app / tuiml train: {steps:.3f} of the steps, {whole:.3f} of the whole run")


def memory(home: Path, size: tuple[int, int], minutes: float) -> list[tuple[float, float]]:
    """Minutes and MB of the app's process while a preset trains without an end."""
    found = []
    with app(home, size, PRESET) as session:
        session.until(b"flatten")
        session.press("\x12")
        began = time.monotonic()
        while (passed := (time.monotonic() - began) / 60) < minutes:
            session.rest(5.0)
            found.append((passed, _resident(session.pid)))
    return found


def _resident(pid: int) -> float:
    """MB in memory; Linux only."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _line(name: str, values: list[float], unit: str, factor: float = 1.0) -> str:
    ordered = sorted(values)
    high = ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))]
    middle = statistics.median(ordered)
    return f"{name:20} median {middle * factor:8,.1f}  p99 {high * factor:8,.1f} {unit}  of {len(ordered)}"


def _report(found: dict[str, list[float]], unit: str, factor: float, say: Callable[[str], None]) -> None:
    for name, values in found.items():
        if values:
            say(_line(name, values, unit, factor))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.app",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--size", default="120x40", help="columns x lines (default 120x40)")
    parser.add_argument("--times", type=int, default=8, help="starts that are timed (default 8)")
    parser.add_argument("--seconds", type=float, default=20.0, help="of pressing keys (default 20)")
    parser.add_argument("--pairs", type=int, default=3, help="runs in the app and without (default 3)")
    parser.add_argument("--epochs", type=int, default=30, help="of each of these runs (default 30)")
    parser.add_argument("--minutes", type=float, default=0.0, help="of watching the memory (default 0)")
    chosen = parser.parse_args()
    columns, lines = map(int, chosen.size.split("x"))
    size = columns, lines
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        if chosen.times:
            _report(starts(home, size, chosen.times), "ms", 1e3, print)
        if chosen.seconds:
            _report(keys(home, size, chosen.seconds), "ms", 1e3, print)
        if chosen.pairs:
            _compare(trained(home, size, chosen.pairs, chosen.epochs), print)
        if chosen.minutes:
            for minute, megabytes in memory(home, size, chosen.minutes)[::12]:
                print(f"{minute:6.1f} min {megabytes:8.1f} MB")


if __name__ == "__main__":
    main()
