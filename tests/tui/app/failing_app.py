"""``python failing_app.py WAY [TUIML ARGUMENTS]``: the app, with a fault behind the key for help."""

import asyncio
import os
import sys
import threading
import time

from tuiml.cli import main
from tuiml.files import home
from tuiml.tui.app import ending
from tuiml.tui.app.app import TuimlApp
from tuiml.tui.app.main_screen import MainScreen

THERE = "there"
"""An empty file in ``TUIML_HOME``, once the app hangs or fails at its next key."""
WORDS = "something [bold]odd\x1b[31m"


def fault() -> None:
    raise ValueError(WORDS)


def no_memory() -> None:
    raise MemoryError


def interrupt() -> None:
    raise KeyboardInterrupt


async def in_task() -> None:
    fault()


def hang(patience: float = 1.0) -> None:
    ending.PATIENCE = patience
    (home() / THERE).touch()
    while True:
        time.sleep(0.05)


def input_thread(app: TuimlApp) -> None:
    def broken(*_: object) -> None:
        fault()

    app._driver.process_message = broken
    (home() / THERE).touch()


def unsaved(app: TuimlApp) -> None:
    """Saving fails on the way out as well."""
    app.session.snapshot = fault
    fault()


WAYS = {
    "handler": lambda app: fault(),
    "memory": lambda app: no_memory(),
    "interrupt": lambda app: interrupt(),
    "timer": lambda app: app.set_timer(0.01, fault),
    "widget": lambda app: app.query_one("#build-table").call_later(fault),
    "worker": lambda app: app.run_worker(fault, thread=True),
    "task": lambda app: app.run_worker(in_task()),
    "thread": lambda app: threading.Thread(target=fault).start(),
    "loop": lambda app: asyncio.get_running_loop().call_soon(fault),
    "input": input_thread,
    "unsaved": unsaved,
    "abort": lambda app: os.kill(os.getpid(), 9),
    "hang": lambda app: hang(),
    "hang for long": lambda app: hang(3600.0),
}

if __name__ == "__main__":
    way = WAYS[sys.argv[1]]
    MainScreen.action_help = lambda self: way(self.app) and None
    sys.exit(main(sys.argv[2:]))
