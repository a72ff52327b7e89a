"""What the app's screen costs the training: ``python -m tests.benchmarks.beside``.

A preset trains in the app, in a pseudo-terminal. In turns, the app's own process goes on as usual and is held
(SIGSTOP), while its training process trains on. What is compared is the steps of two neighbouring windows of
one and the same run: two runs, even of the same program, differ by more than the screen costs. As a control,
the same is done with windows in which the app always goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import tempfile
from pathlib import Path

from tests.benchmarks.app import PRESET, Session, app, used
from tuiml.spec.library import find

WARM, SETTLE = 6.0, 0.5
"""Seconds before the first window, and before each."""
TAIL = 1 << 16
"""Bytes at the end of a run's metrics in which its last line of a batch stands."""


def position(run: Path) -> tuple[int, float]:
    """Step and seconds of training, by the run's last line of a batch."""
    with open(run / "metrics.jsonl", "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
        lines = file.read().splitlines()
    last = next(
        line for line in reversed(lines) if line.startswith(b'{"event": "batch"') and line[-1:] == b"}"
    )
    found = json.loads(last)
    return found["step"], found["seconds"]


def window(session: Session, run: Path, seconds: float, *, held: bool) -> tuple[float, float]:
    """Steps a second of the training, and the fraction of a core that the app's process takes."""
    if held:
        os.kill(session.pid, signal.SIGSTOP)
    session.rest(SETTLE)
    (step, began), busy = position(run), used(session.pid)
    session.rest(seconds)
    (end_step, end), busy = position(run), used(session.pid) - busy
    if held:
        os.kill(session.pid, signal.SIGCONT)
        session.rest(2 * SETTLE)
    return (end_step - step) / (end - began), busy / seconds


def compared(session: Session, run: Path, pairs: int, seconds: float, *, held: bool) -> str:
    """The ratios of the app going on to the app held, in words, and what it took of a core."""
    ratios, busy = [], []
    for turn in range(pairs):
        found = {}
        for going in (True, False) if turn % 2 else (False, True):
            found[going] = window(session, run, seconds, held=held and not going)
        ratios.append(found[True][0] / found[False][0])
        busy.append(found[True][1])
    each = " ".join(f"{ratio:.3f}" for ratio in ratios)
    return f"{statistics.median(ratios):.3f} (median of {each}); {100 * statistics.mean(busy):.1f} %"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.beside", description=__doc__)
    parser.add_argument("--size", default="120x40", help="columns x lines (default 120x40)")
    parser.add_argument("--pairs", type=int, default=8, help="of windows (default 8)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of a window (default 3)")
    chosen = parser.parse_args()
    columns, lines = map(int, chosen.size.split("x"))
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        home.mkdir()
        document = find(PRESET).path.read_text(encoding="utf-8")
        preset = home / "long.toml"
        preset.write_text(document.replace("\nepochs =", "\nepochs = 100000 #"), encoding="utf-8")
        with app(home, (columns, lines), str(preset)) as session:
            session.until(b"flatten")
            session.press("\x12")
            session.until(b"epoch")
            session.rest(WARM)
            (run,) = (home / "runs").iterdir()
            for title, held in (("app going / held", True), ("control", False)):
                print(
                    f"{title}: {compared(session, run, chosen.pairs, chosen.seconds, held=held)}", flush=True
                )


if __name__ == "__main__":
    main()
