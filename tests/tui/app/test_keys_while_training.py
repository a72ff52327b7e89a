"""Random keys, mouse, pastes and resizes in a real terminal, while a network trains.

``TUIML_TERMINAL_KEYS=100000`` hunts for longer, ``TUIML_RANDOM_SEED`` elsewhere.
"""

import os
import random
import sys
import time
from pathlib import Path

from textual.keys import key_to_character

import tuiml.tui.app.app  # noqa: F401 - declares the actions
from tests.terminal import KEYS, Terminal
from tuiml.tui.keys import actions

COUNT = int(os.environ.get("TUIML_TERMINAL_KEYS", "500"))
SEED = int(os.environ.get("TUIML_RANDOM_SEED", "0"))
PER_SESSION = 2000
PER_RESIZE = 100
SIZES = [(80, 24), (120, 40), (200, 50), (60, 20), (40, 10), (10, 3), (1, 1), (0, 0), (0, 24), (80, 0)]
SIZES += [(2, 200), (500, 2), (1000, 300), (32_767, 1), (101, 30)]
PRESET = """
version = 1
name = "keys"
data = { name = "moons", size = 200, validation = 50 }
layers = [{ type = "dense", units = 6, activation = "tanh" }, { type = "dense", activation = "softmax" }]
training = { epochs = 100000, batch_size = 10 }
"""


def typed(key: str) -> str:
    """What a terminal sends for a key; nothing for one that it has no bytes for."""
    if key in KEYS:
        return KEYS[key]
    return key if len(key) == 1 else key_to_character(key) or ""


TABLE = [
    typed(key) for a in actions() for key in a.keys if a.id not in ("quit", "suspend_process") and typed(key)
]
OFTEN = [KEYS[key] for key in ("up", "down", "left", "right", "enter", "escape", "tab")]
TEXT = [
    *"0123456789.,-eEnaxu_ /#[]é字\U0001f469\u200d\u202e",
    KEYS["backspace"],
    "\0",
    "\x1b[",
    "\x1b]0;x\x07",
]


def something(rng: random.Random) -> str:
    """A key, a click, the wheel, a paste or nonsense."""
    dice = rng.random()
    if dice < 0.04:
        button, end = rng.choice([0, 0, 2, 35, 64, 65]), rng.choice("Mm")
        return f"\x1b[<{button};{rng.randrange(0, 220)};{rng.randrange(0, 60)}{end}"
    if dice < 0.05:
        return f"\x1b[200~{rng.choice(['0.1', '[bold', 'a' * 3000, chr(27), '1e999'])}\x1b[201~"
    if dice < 0.06:
        return "".join(chr(rng.choice([27, 91, 59, 63, 77, *range(32, 127)])) for _ in range(6)).replace(
            "\x11", ""
        )
    return rng.choice(rng.choices([TABLE, TEXT, OFTEN], [5, 3, 4])[0])


def session(home: Path, rng: random.Random, count: int) -> tuple[int, int]:
    """One app, from start to ctrl+q; how many keys it took and how often its window changed."""
    path = os.pathsep.join(filter(None, [str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH")]))
    env = {**os.environ, "TUIML_HOME": str(home), "TERM": "xterm-256color", "PYTHONPATH": path}
    preset = home / f"keys-{rng.randrange(10**9)}.toml"  # another one each time: unsaved edits come back
    preset.write_text(PRESET)
    keys = resizes = 0
    log: list[str] = []
    with Terminal([sys.executable, "-m", "tuiml", str(preset)], env=env) as t:
        t.wait("? help")
        t.press("ctrl+r")
        t.wait("● running")
        t.emulates = False
        while keys < count and t.process.poll() is None:
            if keys % PER_RESIZE == PER_RESIZE // 2:
                size = rng.choice(SIZES)
                log.append(f"size {size}")
                t.resize(*size)
                resizes += 1
            log.append(something(rng))
            t.press(log[-1])
            keys += 1
            del t.raw[:-20_000]
        while t.process.poll() is None:
            t.press("escape", "ctrl+q")  # a key may be left that the first one completes
            t.read_for(0.5)
        assert t.wait_exit(120) == 0, ("\n".join(t.last_words()), log[-100:])
        assert b"Traceback" not in t.raw
    assert not (home / "crashes").exists()
    return keys, resizes


def test_random_keys_in_a_terminal(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    keys = resizes = 0
    began = time.monotonic()
    while keys < COUNT:
        more = session(tmp_path, rng, min(PER_SESSION, COUNT - keys))
        keys, resizes = keys + more[0], resizes + more[1]
        print(f"{keys} keys and {resizes} resizes in {time.monotonic() - began:.0f} s", flush=True)
    assert resizes >= COUNT // PER_RESIZE // 2
